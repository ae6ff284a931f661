/* Products of integers, written once and compiled once for each set of instructions.
 *
 * walk.c includes this file after it has defined, for vectors of VL numbers of 32 bits:
 *
 *   NAME(f), TARGET      the name of a function for these instructions, and its attribute
 *   V                    the type of a vector
 *   V_LOAD(p), V_STORE(p, v), V_SET(x)
 *   V_DOT(sum, w, x)     sum + w.low * x.low + w.high * x.high of the 16-bit halves of each number
 *   V_SHIFT(v, s)        v >> s, number by number, arithmetic
 *   V_MAX, V_MIN
 *   V_STORE16(p, v)      VL numbers of 16 bits
 *   ROWS                 positions whose sums are kept in registers together
 *   VECTORS              vectors of sums of each of them, a power of two
 *
 * All of them give the same integers: sums of products are exact (see `Layer`), so their order is free.
 */

/* Adds the products of one run of inputs at `rows` positions, `vectors` vectors of outputs each. */
static inline ALWAYS_INLINE TARGET void NAME(block)(
    int32_t *sums, const int32_t *start, const int16_t *const *inputs, int64_t offset,
    const int16_t *weight, int64_t pairs, int64_t lanes, const int rows, const int vectors)
{
    V sum[ROWS][VECTORS];
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            sum[r][v] = V_LOAD((start ? start : sums + r * lanes) + v * VL);
    for (int64_t pair = 0; pair < pairs; pair++) {
        V w[VECTORS];
        UNROLL for (int v = 0; v < vectors; v++)
            w[v] = V_LOAD(weight + pair * lanes * 2 + v * VL * 2);
        UNROLL for (int r = 0; r < rows; r++) {
            const V x = V_SET(load_pair(inputs[r] + offset + 2 * pair));
            UNROLL for (int v = 0; v < vectors; v++)
                sum[r][v] = V_DOT(sum[r][v], w[v], x);
        }
    }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            V_STORE(sums + r * lanes + v * VL, sum[r][v]);
}

/* `block` for as many positions as there are. */
static inline ALWAYS_INLINE TARGET void NAME(blocks)(
    int32_t *sums, const int32_t *start, const int16_t *const *inputs, int64_t offset, int64_t count,
    const int16_t *weight, int64_t pairs, int64_t lanes, const int vectors)
{
    int64_t p = 0;
    for (; p + ROWS <= count; p += ROWS)
        NAME(block)(sums + p * lanes, start, inputs + p, offset, weight, pairs, lanes, ROWS, vectors);
    for (; p < count; p++)
        NAME(block)(sums + p * lanes, start, inputs + p, offset, weight, pairs, lanes, 1, vectors);
}

static TARGET void NAME(dense)(
    int32_t *sums, const int32_t *start, const int16_t *const *inputs, int64_t offset, int64_t count,
    const int16_t *weight, int64_t pairs, int64_t lanes)
{
    for (int64_t lane = 0; lane < lanes;) {
        const int64_t left = (lanes - lane) / VL;
        const int32_t *from = start ? start + lane : NULL;
        const int16_t *w = weight + 2 * lane;
        if (left >= VECTORS) {
            NAME(blocks)(sums + lane, from, inputs, offset, count, w, pairs, lanes, VECTORS);
            lane += VECTORS * VL;
        } else if (left >= 2) {
            NAME(blocks)(sums + lane, from, inputs, offset, count, w, pairs, lanes, 2);
            lane += 2 * VL;
        } else {
            NAME(blocks)(sums + lane, from, inputs, offset, count, w, pairs, lanes, 1);
            lane += VL;
        }
    }
}

/* Adds the products of the words that are not zero, for `vectors` vectors of outputs of a position. */
static inline ALWAYS_INLINE TARGET void NAME(position)(
    int32_t *sums, const Words *map, int64_t at, const int64_t *taps, int64_t tap_count,
    uint64_t keep, const int16_t *weight, int64_t words_of_tap, int64_t lanes, const int vectors)
{
    V sum[VECTORS];
    UNROLL for (int v = 0; v < vectors; v++)
        sum[v] = V_LOAD(sums + v * VL);
    for (int64_t tap = 0; tap < tap_count; tap++) {
        const int64_t there = at + taps[tap];
        for (uint64_t some = map->some[there] & keep; some; some &= some - 1) {
            const int64_t word = lowest_bit(some);
            const V x = V_SET(map->words[there * map->width + word]);
            const int16_t *w = weight + (tap * words_of_tap + word) * lanes * 2;
            UNROLL for (int v = 0; v < vectors; v++)
                sum[v] = V_DOT(sum[v], V_LOAD(w + v * VL * 2), x);
        }
    }
    UNROLL for (int v = 0; v < vectors; v++)
        V_STORE(sums + v * VL, sum[v]);
}

static TARGET void NAME(sparse)(
    int32_t *sums, const Words *map, const int64_t *at, int64_t count, const int64_t *taps,
    int64_t tap_count, uint64_t keep, const int16_t *weight, int64_t words_of_tap, int64_t lanes)
{
    for (int64_t p = 0; p < count; p++) {
        uint64_t any = 0;
        for (int64_t tap = 0; tap < tap_count; tap++)
            any |= map->some[at[p] + taps[tap]];
        if (!(any & keep))
            continue;
        for (int64_t lane = 0; lane < lanes;) {
            int32_t *to = sums + p * lanes + lane;
            const int16_t *w = weight + 2 * lane;
            if (lanes - lane >= VECTORS * VL) {
                NAME(position)(to, map, at[p], taps, tap_count, keep, w, words_of_tap, lanes, VECTORS);
                lane += VECTORS * VL;
            } else {
                NAME(position)(to, map, at[p], taps, tap_count, keep, w, words_of_tap, lanes, 1);
                lane += VL;
            }
        }
    }
}

static TARGET void NAME(shift)(int32_t *sums, int64_t count, const int32_t *shift, int64_t lanes)
{
    for (int64_t p = 0; p < count; p++)
        for (int64_t lane = 0; lane < lanes; lane += VL) {
            int32_t *at = sums + p * lanes + lane;
            V_STORE(at, V_SHIFT(V_LOAD(at), V_LOAD(shift + lane)));
        }
}

static TARGET void NAME(activate)(
    const int32_t *sums, int64_t count, const int32_t *shift, int64_t lanes, int16_t *out)
{
    const V three = V_SET(3), most = V_SET(LARGEST_ACTIVATION), least = V_SET(-LARGEST_ACTIVATION);
    for (int64_t lane = 0; lane < lanes; lane += VL) {
        const V s = V_LOAD(shift + lane);
        for (int64_t p = 0; p < count; p++) {
            const V v = V_SHIFT(V_LOAD(sums + p * lanes + lane), s);
            const V leaky = V_MAX(v, V_SHIFT(v, three));
            V_STORE16(out + p * lanes + lane, V_MAX(V_MIN(leaky, most), least));
        }
    }
}

static TARGET void NAME(learn)(
    Predictor *predictor, const int32_t *inputs, int32_t target, int parity)
{
    learn_sample(predictor, inputs, target, parity);
}

static const Kernels NAME(kernels) = {
    NAME(dense), NAME(sparse), NAME(shift), NAME(activate), NAME(learn), KERNELS_LABEL,
};

#undef NAME
#undef TARGET
#undef V
#undef VL
#undef V_LOAD
#undef V_STORE
#undef V_SET
#undef V_DOT
#undef V_SHIFT
#undef V_MAX
#undef V_MIN
#undef V_STORE16
#undef ROWS
#undef VECTORS
#undef KERNELS_LABEL
