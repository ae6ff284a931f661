/* The distribution of a sample: a mixture of logistic distributions, as boundaries in 2^24. */

typedef struct {
    const PixelModel *model;
    int64_t weight[MIXED]; /* of sum 2^16 */
    int64_t mean[MIXED];   /* in 1/64 */
    int64_t narrowness[MIXED];
    int64_t symbols; /* 2^depth */
    int64_t repeated, share; /* a sample that has this share, in 2^-16, besides */
} Mixture;

/* Runs the network of a plane and returns what it says of a sample. */
static Mixture mixture_of(
    const PixelModel *model, int plane, const Context *context, int depth, const Kernels *kernels)
{
    int32_t sums[MOST_OUTPUTS];
    int16_t values[2][MOST_OUTPUTS];
    const int16_t *input = context->features;
    for (int n = 0; n < 3; n++) {
        const PixelLayer *layer = &model->layers[plane][n];
        const int64_t lanes = layer->weights.lanes;
        kernels->dense(sums, layer->rounding.bias, &input, 0, 1, layer->weights.weight,
                       layer->weights.pairs, lanes);
        if (n < 2)
            kernels->activate(sums, 1, layer->rounding.shift, lanes, values[n]);
        else
            kernels->shift(sums, 1, layer->rounding.shift, lanes);
        input = values[n % 2];
    }
    Mixture mixture = {model, {0}, {0}, {0}, (int64_t)1 << depth, 0, 0};
    int32_t best = -4095;
    for (int k = 0; k < 3 * MIXED; k++)
        sums[k] = clipped(sums[k], -4095, 4095);
    for (int k = 0; k < MIXED; k++)
        best = sums[k] > best ? sums[k] : best;
    int64_t total = 0, left = 1 << 16;
    for (int k = 0; k < MIXED; k++) {
        const int32_t below = best - sums[k];
        mixture.weight[k] = model->exponential[below & 255] >> (below >> 8);
        total += mixture.weight[k];
    }
    for (int k = 1; k < MIXED; k++) {
        mixture.weight[k] = (mixture.weight[k] << 16) / total;
        left -= mixture.weight[k];
    }
    mixture.weight[0] = left;
    for (int k = 0; k < MIXED; k++) {
        const int64_t offset = (int64_t)sums[MIXED + k] * model->deviation[context->expected] >> 8;
        const int32_t width = 2 * context->expected + (sums[2 * MIXED + k] >> 5);
        mixture.mean[k] = context->prediction + offset;
        mixture.narrowness[k] = model->narrowness[clipped(width, 8, WIDTHS - 1)];
    }
    return mixture;
}

/* Returns the probability of the smaller symbols in 2^-24, without the sample that repeats. */
static inline int64_t mixture_below(const Mixture *mixture, int64_t symbol)
{
    if (symbol <= 0)
        return 0;
    if (symbol >= mixture->symbols)
        return POINTS;
    const int32_t *table = mixture->model->logistic;
    int64_t sum = 0;
    for (int k = 0; k < MIXED; k++) {
        const int64_t distance = (symbol * UNIT - UNIT / 2 - mixture->mean[k]) * mixture->narrowness[k];
        const int64_t z = clipped(distance >> 18, -(1 << 18), (1 << 18) - 1) + (1 << 18);
        const int64_t low = table[z >> 8], high = table[(z >> 8) + 1];
        sum += mixture->weight[k] * (low + ((high - low) * (z & 255) >> 8));
    }
    return sum >> 16;
}

/* Returns where a symbol begins in 0..2^24; each has at least 1. */
static inline uint32_t mixture_boundary(const Mixture *mixture, int64_t symbol)
{
    const int64_t repeated = symbol > mixture->repeated ? mixture->share << POINT_BITS : 0;
    const int64_t below =
        (mixture_below(mixture, symbol) * ((1 << 16) - mixture->share) + repeated) >> 16;
    return (uint32_t)(symbol + (below * ((int64_t)POINTS - mixture->symbols) >> POINT_BITS));
}

static void mixture_write(const Mixture *mixture, Writer *writer, int64_t symbol)
{
    const uint32_t start = mixture_boundary(mixture, symbol);
    const uint32_t width = mixture_boundary(mixture, symbol + 1) - start;
    writer_put(writer, start, width, (double)width * 0x1p-24);
}

/* Finds the symbol of a point, from the mean of the likeliest part outward. */
static int64_t mixture_read(const Mixture *mixture, Reader *reader)
{
    const uint32_t point = reader_point(reader);
    int likeliest = 0;
    for (int k = 1; k < MIXED; k++)
        likeliest = mixture->weight[k] > mixture->weight[likeliest] ? k : likeliest;
    int64_t low = clipped((mixture->mean[likeliest] + UNIT / 2) >> 6, 0, mixture->symbols - 1);
    uint32_t low_boundary = mixture_boundary(mixture, low), high_boundary;
    int64_t high, step = 1;
    if (point >= low_boundary) {
        for (;; step *= 2) {
            high = low + step < mixture->symbols ? low + step : mixture->symbols;
            high_boundary = mixture_boundary(mixture, high);
            if (point < high_boundary)
                break;
            low = high;
            low_boundary = high_boundary;
        }
    } else {
        for (;; step *= 2) {
            high = low;
            high_boundary = low_boundary;
            low = high - step > 0 ? high - step : 0;
            low_boundary = mixture_boundary(mixture, low);
            if (point >= low_boundary)
                break;
        }
    }
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        const uint32_t boundary = mixture_boundary(mixture, middle);
        if (point < boundary) {
            high = middle;
            high_boundary = boundary;
        } else {
            low = middle;
            low_boundary = boundary;
        }
    }
    reader_step(reader, low_boundary, high_boundary - low_boundary);
    return low;
}
