/* The inverse of the CDF 9/7 wavelet by lifting, as vqzip/autoencoders/onnx/lifting.py has it. */

static const float PREDICT_1 = -1.586134342f, UPDATE_1 = -0.052980118f;
static const float PREDICT_2 = 0.882911076f, UPDATE_2 = 0.443506852f;
static const float LOW_GAIN = 1.149604398f;

/* Adds factor * (here + there) to a row. */
static void lift_row(float *to, const float *here, const float *there, float factor, ptrdiff_t width)
{
    for (ptrdiff_t j = 0; j < width; j++)
        to[j] += factor * (here[j] + there[j]);
}

/* Lifts rows: `to[i]` sees rows i and i + onward of `from`; the last one is repeated. */
static void lift_rows(
    float *to, const float *from, float factor, ptrdiff_t onward, ptrdiff_t height, ptrdiff_t width)
{
    for (ptrdiff_t i = 0; i < height; i++)
        lift_row(to + i * width, from + i * width, from + within(i + onward, height) * width, factor, width);
}

/* Undoes the analysis of the rows' axis, with both bands in place. */
static void join_rows(float *low, float *high, ptrdiff_t height, ptrdiff_t width)
{
    for (ptrdiff_t n = 0; n < height * width; n++) {
        low[n] /= LOW_GAIN;
        high[n] *= LOW_GAIN;
    }
    lift_rows(low, high, -UPDATE_2, -1, height, width);
    lift_rows(high, low, -PREDICT_2, 1, height, width);
    lift_rows(low, high, -UPDATE_1, -1, height, width);
    lift_rows(high, low, -PREDICT_1, 1, height, width);
}

/* Lifts a row: to[j] sees j and j + 1, or j and j - 1, of `from`. */
static void lift_columns(float *to, const float *from, float factor, ptrdiff_t onward, ptrdiff_t width)
{
    if (onward > 0) {
        lift_row(to, from, from + 1, factor, width - 1);
        to[width - 1] += 2 * factor * from[width - 1];
    } else {
        lift_row(to + 1, from + 1, from, factor, width - 1);
        to[0] += 2 * factor * from[0];
    }
}

/* Undoes the analysis of the columns' axis of one row, and puts the samples in turn. */
static void join_columns(float *low, float *high, ptrdiff_t width, float *out)
{
    for (ptrdiff_t j = 0; j < width; j++) {
        low[j] /= LOW_GAIN;
        high[j] *= LOW_GAIN;
    }
    lift_columns(low, high, -UPDATE_2, -1, width);
    lift_columns(high, low, -PREDICT_2, 1, width);
    lift_columns(low, high, -UPDATE_1, -1, width);
    lift_columns(high, low, -PREDICT_1, 1, width);
    for (ptrdiff_t j = 0; j < width; j++) {
        out[2 * j] = low[j];
        out[2 * j + 1] = high[j];
    }
}

/* Makes the next finer picture (planes, 2 height, 2 width) of a low band (planes, height, width) and its
 * details (planes, 3, height, width): LH, HL, HH. Both bands are overwritten. */
EXPORT void net_join(
    float *low, float *details, ptrdiff_t planes, ptrdiff_t height, ptrdiff_t width, float *out)
{
    const ptrdiff_t size = height * width;
    for (ptrdiff_t p = 0; p < planes; p++) {
        float *ll = low + p * size, *lh = details + 3 * p * size, *hl = lh + size, *hh = hl + size;
        join_rows(ll, lh, height, width);
        join_rows(hl, hh, height, width);
        for (ptrdiff_t i = 0; i < height; i++) {
            float *to = out + (p * 2 * height + 2 * i) * 2 * width;
            join_columns(ll + i * width, hl + i * width, width, to);
            join_columns(lh + i * width, hh + i * width, width, to + 2 * width);
        }
    }
}
