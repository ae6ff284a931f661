/* Samples that repeat a neighbor: how often they do so is learned on the way.
 *
 * Flat parts, and colors that JPEG has coarsened, repeat values more often than a smooth distribution says.
 */

enum { REPEATS = 32, FIRST_SHARE = 1311, LEAST_SHARE = 33, SLOWEST = 32 };

typedef struct {
    int32_t share, count; /* of the repeated samples in 2^-16, of the samples so far up to SLOWEST - 2 */
} Repeat;

typedef struct {
    Repeat of[REPEATS];
} Repeats;

static void repeats_begin(Repeats *repeats)
{
    for (int i = 0; i < REPEATS; i++) {
        repeats->of[i].share = FIRST_SHARE;
        repeats->of[i].count = 0;
    }
}

/* Puts the sample that may repeat, and its share, into a mixture. */
static inline Repeat *find_repeat(
    Repeats *repeats, const PixelTile *tile, int plane, int at, int32_t base, Mixture *mixture)
{
    const int s = tile->stride;
    const int32_t *v = tile->samples[plane] + at;
    const int32_t left = v[-1], above = v[-s], corner = v[-1 - s];
    const int32_t smaller = left < above ? left : above, larger = left < above ? above : left;
    const int32_t median = corner >= larger    ? smaller
                           : corner <= smaller ? larger
                                               : left + above - corner;
    const int changed = plane && tile->samples[0][at] != tile->samples[0][at - 1];
    Repeat *repeat = repeats->of + (left == above) + 2 * (left == corner) + 4 * (above == v[1 - s]) +
                     8 * (left == v[-2]) + 16 * changed;
    mixture->repeated = clipped(median + base, 0, mixture->symbols - 1);
    mixture->share = repeat->share;
    return repeat;
}

/* Moves a share toward the probability that the sample was a repeated one. */
static inline void repeat_learn(Repeat *repeat, const Mixture *mixture, int64_t sample)
{
    int64_t posterior = 0;
    if (sample == mixture->repeated) {
        const int64_t other = mixture_below(mixture, sample + 1) - mixture_below(mixture, sample);
        posterior = (mixture->share << 40) /
                    ((mixture->share << 24) + ((1 << 16) - mixture->share) * other);
    }
    const int64_t step = (posterior - repeat->share) / (repeat->count + 2);
    repeat->share = clipped(repeat->share + step, LEAST_SHARE, (1 << 16) - LEAST_SHARE);
    repeat->count += repeat->count < SLOWEST - 2;
}
