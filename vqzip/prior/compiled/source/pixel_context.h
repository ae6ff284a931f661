/* What is known about a sample before it is coded: prediction, expected error, features for the network. */

enum { PAD = 3, UNIT = 64, LARGEST_FEATURE = 1023 };

/* A tile with PAD copies of the border around each plane. */
typedef struct {
    int height, width, stride, depth, planes;
    int32_t *samples[MOST_PLANES]; /* of row 0, column 0; in planes 1 and 2 the difference to plane 0 */
    int32_t *errors[MOST_PLANES];  /* sample - prediction, in 1/64 */
    int32_t *memory;
} PixelTile;

typedef struct {
    int32_t base;       /* the sample of plane 0 at this position; 0 in plane 0 */
    int32_t reference;  /* about the mean of the neighbors, less the base */
    int32_t prediction; /* in 1/64 */
    int32_t expected;   /* 4 * log2 of the expected error in 1/64 */
    int32_t inputs[INPUTS];
    int16_t features[MOST_FEATURES];
} Context;

static const int own_x[OWN_INPUTS] = {-1, 0, -1, 1, -2, 0, -2, 2, -1, 1, -3, 0};
static const int own_y[OWN_INPUTS] = {0, -1, -1, -1, 0, -2, -1, -1, -2, -2, 0, -3};
static const int other_x[LUMA_INPUTS] = {0, -1, 0, 1, 0, 1, -1, -1, 1};
static const int other_y[LUMA_INPUTS] = {0, 0, -1, 0, 1, -1, -1, 1, 1};
static const int far_x[8] = {-3, -2, 2, -1, 1, 2, -2, 0};
static const int far_y[8] = {0, -1, -1, -2, -2, -2, -2, -3};

static inline int32_t size_of(int32_t value)
{
    return value < 0 ? -value : value;
}

/* Returns floor(4 * log2(value)) of a value above 0. */
static inline int32_t logarithm(uint32_t value)
{
    const int bits = 31 - __builtin_clz(value);
    const uint32_t leading = value << (31 - bits);
    return 4 * bits + (leading >= 0x9837f052u) + (leading >= 0xb504f334u) + (leading >= 0xd744fccbu);
}

/* Returns a difference in 1/64 as multiples of 1/64 of the expected error. */
static inline int32_t in_errors(int64_t difference, int32_t reciprocal)
{
    return clipped(difference * reciprocal >> 12, -LARGEST_FEATURE, LARGEST_FEATURE);
}

static inline int32_t log_feature(int32_t error, int32_t expected)
{
    return clipped(
        (logarithm((uint32_t)size_of(error) + 8) - expected) * 16, -LARGEST_FEATURE, LARGEST_FEATURE);
}

/* Eight times the weighted mean of the errors around, those near twice. */
static inline int32_t near_errors(const int32_t *e, int s)
{
    return 2 * size_of(e[-1]) + 2 * size_of(e[-s]) + size_of(e[-1 - s]) + size_of(e[1 - s]) +
           size_of(e[-2]) + size_of(e[-2 * s]);
}

static inline int32_t reference_of(const int32_t *v, int s)
{
    return (3 * (v[-1] + v[-s]) + v[1 - s] + v[-1 - s] + 4) >> 3;
}

static int inputs_of(int plane)
{
    return OWN_INPUTS + (plane > 0 ? LUMA_INPUTS : 0) + (plane > 1 ? OTHER_INPUTS : 0);
}

static inline void find_inputs(const PixelTile *tile, int plane, int at, Context *context)
{
    const int s = tile->stride;
    const int32_t *v = tile->samples[plane] + at;
    int n = 0;
    context->base = plane ? tile->samples[0][at] : 0;
    context->reference = reference_of(v, s);
    for (int i = 0; i < OWN_INPUTS; i++)
        context->inputs[n++] = v[own_y[i] * s + own_x[i]] - context->reference;
    for (int other = 0; other < plane; other++) {
        const int32_t *o = tile->samples[other] + at;
        const int32_t reference = reference_of(o, s);
        const int count = other ? OTHER_INPUTS : LUMA_INPUTS;
        for (int i = 0; i < count; i++)
            context->inputs[n++] = o[other_y[i] * s + other_x[i]] - reference;
    }
    for (; n < INPUTS; n++)
        context->inputs[n] = 0;
}

static inline int32_t expected_error(const PixelTile *tile, int plane, int at)
{
    const int s = tile->stride;
    int64_t sum = near_errors(tile->errors[plane] + at, s);
    if (plane) {
        const int32_t *e = tile->errors[plane - 1] + at;
        const int64_t others = 2 * (int64_t)size_of(e[0]) + size_of(e[1]) + size_of(e[s]) +
                               size_of(e[-1]) + size_of(e[-s]) + size_of(e[1 + s]) + size_of(e[1 - s]);
        sum = (3 * sum + others) >> 2;
    }
    return logarithm((uint32_t)(sum >> 3) + 32);
}

static inline void find_features(
    const PixelTile *tile, int plane, int at, const PixelModel *model, Context *context)
{
    const int s = tile->stride;
    const int32_t *v = tile->samples[plane] + at, *e = tile->errors[plane] + at;
    const int32_t expected = context->expected, one = model->reciprocal[expected];
    const int32_t most = ((1 << tile->depth) - 1) * UNIT;
    const int32_t difference = context->prediction - context->base * UNIT;
    int16_t *f = context->features;
    for (int i = 0; i < OWN_INPUTS; i++)
        *f++ = (int16_t)in_errors(v[own_y[i] * s + own_x[i]] * UNIT - difference, one);
    for (int i = 0; i < 6; i++)
        *f++ = (int16_t)in_errors(e[own_y[i] * s + own_x[i]], one);
    for (int i = 0; i < 6; i++)
        *f++ = (int16_t)log_feature(e[own_y[i] * s + own_x[i]], expected);
    int64_t far = 0;
    for (int i = 0; i < 8; i++)
        far += size_of(e[far_y[i] * s + far_x[i]]);
    const int32_t absolute = expected - 4 * (tile->depth - 8);
    *f++ = (int16_t)log_feature(near_errors(e, s) >> 3, expected);
    *f++ = (int16_t)log_feature((int32_t)(far >> 3), expected);
    *f++ = (int16_t)(((absolute < 20 ? 20 : absolute) - 32) * 16);
    *f++ = (int16_t)in_errors(context->prediction, one);
    *f++ = (int16_t)in_errors(most - context->prediction, one);
    for (int other = 0; other < plane; other++) {
        const int32_t *o = tile->samples[other] + at, *oe = tile->errors[other] + at;
        for (int i = 0; i < 7; i++)
            *f++ = (int16_t)in_errors(oe[other_y[i] * s + other_x[i]], one);
        for (int i = 0; i < 9; i++)
            *f++ = (int16_t)log_feature(oe[other_y[i] * s + other_x[i]], expected);
        for (int i = 1; i < 5; i++)
            *f++ = (int16_t)in_errors((o[other_y[i] * s + other_x[i]] - o[0]) * UNIT, one);
    }
    *f = 0;
}

static inline void find_context(
    const PixelTile *tile, int plane, int at, const Predictor *predictor, const PixelModel *model,
    Context *context)
{
    const int32_t most = ((1 << tile->depth) - 1) * UNIT;
    int64_t sum = 512;
    find_inputs(tile, plane, at, context);
    for (int i = 0; i < INPUTS; i++)
        sum += (int64_t)predictor->weight[i] * context->inputs[i];
    context->prediction =
        clipped((int64_t)(context->base + context->reference) * UNIT + (sum >> 10), 0, most);
    context->expected = expected_error(tile, plane, at);
    find_features(tile, plane, at, model, context);
}
