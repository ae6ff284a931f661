/* Convolutions of maps (height, width, channels); channels are multiples of 4.
 *
 * A convolution applies a leaky ReLU to its input first, for that is where the networks have theirs: a
 * slope of 1 is none, 0 is a ReLU. Beyond the edges is 0.
 *
 * Kernels of 3 x 3 are computed by Winograd's minimal filtering, F(4 x 4, 3 x 3) of Lavin and Gray
 * (2016): a quarter of the products. Others are sums of products over their taps.
 */

#define OUT_SIDE 4                       /* of the outputs of a window */
#define IN_SIDE 6                        /* of its inputs */
#define PRODUCTS (IN_SIDE * IN_SIDE)
#define WINDOWS 24                       /* computed together: what they need stays in the cache */
#define MOST_TAPS 4

/* A map with its activation applied and zeros around it. */
typedef struct {
    float *values;
    ptrdiff_t width, channels; /* of a row, with the zeros */
} Padded;

static const float *padded_at(const Padded *map, ptrdiff_t i, ptrdiff_t j)
{
    return map->values + ((i + 1) * map->width + j + 1) * map->channels;
}

static int pad(Padded *map, const float *x, ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels, float slope)
{
    const ptrdiff_t rows = (height + OUT_SIDE - 1) / OUT_SIDE * OUT_SIDE;
    const ptrdiff_t columns = (width + OUT_SIDE - 1) / OUT_SIDE * OUT_SIDE;
    map->width = columns + 2;
    map->channels = channels;
    map->values = zeros((rows + 2) * map->width * channels, sizeof(float));
    if (!map->values)
        return NO_MEMORY;
    for (ptrdiff_t i = 0; i < height; i++) {
        const float *from = x + i * width * channels;
        float *to = (float *)padded_at(map, i, 0);
        for (ptrdiff_t k = 0; k < width * channels; k++)
            to[k] = from[k] < 0 ? slope * from[k] : from[k];
    }
    return DONE;
}

/* Six numbers of a row or column of a window, transformed: the matrix B of the paper. */
static inline ALWAYS_INLINE void transform_inputs(V4 *d, const int step)
{
    const V4 a = d[0], b = d[step], c = d[2 * step], e = d[3 * step], f = d[4 * step], g = d[5 * step];
    const V4 even = f - 4.0f * c, odd = e - 4.0f * b, far = f - c, near = 2.0f * (e - b);
    d[0] = 4.0f * a - 5.0f * c + f;
    d[step] = even + odd;
    d[2 * step] = even - odd;
    d[3 * step] = far + near;
    d[4 * step] = far - near;
    d[5 * step] = 4.0f * b - 5.0f * e + g;
}

/* Six products of a row or column to four outputs: the matrix A of the paper. */
static inline ALWAYS_INLINE void transform_outputs(V4 *m, const int step)
{
    const V4 a = m[0], b = m[step], c = m[2 * step], e = m[3 * step], f = m[4 * step], g = m[5 * step];
    const V4 sum = b + c, difference = b - c, far_sum = e + f, far_difference = e - f;
    m[0] = a + sum + far_sum;
    m[step] = difference + 2.0f * far_difference;
    m[2 * step] = sum + 4.0f * far_sum;
    m[3 * step] = difference + 8.0f * far_difference + g;
}

/* Makes the weights of a 3 x 3 kernel, (9, inputs, outputs), ready: (36, inputs, outputs). */
EXPORT void net_prepare(const float *weight, ptrdiff_t inputs, ptrdiff_t outputs, float *prepared)
{
    static const float g[IN_SIDE][3] = {
        {1 / 4.0f, 0, 0},
        {-1 / 6.0f, -1 / 6.0f, -1 / 6.0f},
        {-1 / 6.0f, 1 / 6.0f, -1 / 6.0f},
        {1 / 24.0f, 1 / 12.0f, 1 / 6.0f},
        {1 / 24.0f, -1 / 12.0f, 1 / 6.0f},
        {0, 0, 1},
    };
    const ptrdiff_t size = inputs * outputs;
    for (int i = 0; i < IN_SIDE; i++)
        for (int j = 0; j < IN_SIDE; j++)
            for (ptrdiff_t n = 0; n < size; n++) {
                float sum = 0;
                for (int a = 0; a < 3; a++)
                    for (int b = 0; b < 3; b++)
                        sum += g[i][a] * g[j][b] * weight[(3 * a + b) * size + n];
                prepared[(i * IN_SIDE + j) * size + n] = sum;
            }
}

/* Writes the transformed inputs of the window at (i, j) to inputs (36, WINDOWS, channels). */
static void enter_window(const Padded *map, ptrdiff_t i, ptrdiff_t j, float *inputs)
{
    for (ptrdiff_t c = 0; c < map->channels; c += VECTOR) {
        V4 d[PRODUCTS];
        for (int a = 0; a < IN_SIDE; a++) {
            const float *row = padded_at(map, i + a - 1, j - 1) + c;
            UNROLL for (int b = 0; b < IN_SIDE; b++)
                d[a * IN_SIDE + b] = load(row + b * map->channels);
            transform_inputs(d + a * IN_SIDE, 1);
        }
        for (int b = 0; b < IN_SIDE; b++) {
            transform_inputs(d + b, IN_SIDE);
            UNROLL for (int a = 0; a < IN_SIDE; a++)
                store(inputs + (a * IN_SIDE + b) * WINDOWS * map->channels + c, d[a * IN_SIDE + b]);
        }
    }
}

/* Adds the products of a window, (36, WINDOWS, channels), to the map y, which has a bias or more. */
static void leave_window(
    const float *products, ptrdiff_t channels, float *y, ptrdiff_t height, ptrdiff_t width, ptrdiff_t i, ptrdiff_t j)
{
    const ptrdiff_t rows = height - i < OUT_SIDE ? height - i : OUT_SIDE;
    const ptrdiff_t columns = width - j < OUT_SIDE ? width - j : OUT_SIDE;
    for (ptrdiff_t c = 0; c < channels; c += VECTOR) {
        V4 m[PRODUCTS];
        for (int a = 0; a < IN_SIDE; a++) {
            UNROLL for (int b = 0; b < IN_SIDE; b++)
                m[a * IN_SIDE + b] = load(products + (a * IN_SIDE + b) * WINDOWS * channels + c);
            transform_outputs(m + a * IN_SIDE, 1);
        }
        for (int b = 0; b < OUT_SIDE; b++)
            transform_outputs(m + b, IN_SIDE);
        for (ptrdiff_t a = 0; a < rows; a++)
            for (ptrdiff_t b = 0; b < columns; b++) {
                float *at = y + ((i + a) * width + j + b) * channels + c;
                store(at, load(at) + m[a * IN_SIDE + b]);
            }
    }
}

/* Begins an output: another map, or zeros where there is none, and the bias. */
static void begin_map(float *y, ptrdiff_t positions, ptrdiff_t channels, const float *bias, const float *residual)
{
    for (ptrdiff_t p = 0; p < positions; p++)
        for (ptrdiff_t c = 0; c < channels; c++)
            y[p * channels + c] = bias[c] + (residual ? residual[p * channels + c] : 0);
}

/* y = residual + bias + conv 3 x 3 of act(x). The residual may be NULL or y itself. */
EXPORT int net_conv3(
    const float *x, ptrdiff_t height, ptrdiff_t width, ptrdiff_t inputs, ptrdiff_t outputs,
    const float *prepared, const float *bias, float slope, const float *residual, float *y)
{
    const ptrdiff_t across = (width + OUT_SIDE - 1) / OUT_SIDE, down = (height + OUT_SIDE - 1) / OUT_SIDE;
    Padded map;
    if (pad(&map, x, height, width, inputs, slope))
        return NO_MEMORY;
    float *entered = zeros(PRODUCTS * WINDOWS * inputs, sizeof(float));
    float *products = zeros(PRODUCTS * WINDOWS * outputs, sizeof(float));
    const int made = entered && products;
    if (made)
        begin_map(y, height * width, outputs, bias, residual);
    for (ptrdiff_t first = 0; made && first < across * down; first += WINDOWS) {
        const ptrdiff_t count = across * down - first < WINDOWS ? across * down - first : WINDOWS;
        for (ptrdiff_t w = 0; w < count; w++)
            enter_window(&map, (first + w) / across * OUT_SIDE, (first + w) % across * OUT_SIDE,
                         entered + w * inputs);
        memset(products, 0, (size_t)(PRODUCTS * WINDOWS * outputs) * sizeof(float));
        for (ptrdiff_t n = 0; n < PRODUCTS; n++)
            add_product(entered + n * WINDOWS * inputs, inputs, prepared + n * inputs * outputs, count,
                        inputs, outputs, products + n * WINDOWS * outputs, outputs);
        for (ptrdiff_t w = 0; w < count; w++)
            leave_window(products + w * outputs, outputs, y, height, width,
                         (first + w) / across * OUT_SIDE, (first + w) % across * OUT_SIDE);
    }
    free(map.values);
    free(entered);
    free(products);
    return made ? DONE : NO_MEMORY;
}

/* y = residual + bias + a matrix (inputs, outputs) of act(x), at every position. */
EXPORT int net_conv1(
    const float *x, ptrdiff_t positions, ptrdiff_t inputs, ptrdiff_t outputs, const float *weight,
    const float *bias, float slope, const float *residual, float *y)
{
    enum { ROW = 256 };
    float *act = zeros(ROW * inputs, sizeof(float));
    if (!act)
        return NO_MEMORY;
    begin_map(y, positions, outputs, bias, residual);
    for (ptrdiff_t p = 0; p < positions; p += ROW) {
        const ptrdiff_t n = positions - p < ROW ? positions - p : ROW;
        const float *from = x + p * inputs;
        for (ptrdiff_t k = 0; k < n * inputs; k++)
            act[k] = from[k] < 0 ? slope * from[k] : from[k];
        add_product(act, inputs, weight, n, inputs, outputs, y + p * outputs, outputs);
    }
    free(act);
    return DONE;
}

/* y (2 height, 2 width, outputs) = bias + transposed convolution of act(x): 4 x 4, stride 2, padding 1.
 *
 * Every other output in both directions is a 2 x 2 convolution, so the weights are
 * (2, 2, 2, 2, inputs, outputs): parity of row and column, then tap. */
EXPORT int net_double(
    const float *x, ptrdiff_t height, ptrdiff_t width, ptrdiff_t inputs, ptrdiff_t outputs,
    const float *weight, const float *bias, float slope, float *y)
{
    Padded map;
    if (pad(&map, x, height, width, inputs, slope))
        return NO_MEMORY;
    begin_map(y, 4 * height * width, outputs, bias, NULL);
    for (ptrdiff_t i = 0; i < height; i++)
        for (int parity = 0; parity < 4; parity++) {
            const int row = parity / 2, column = parity % 2;
            float *to = y + ((2 * i + row) * 2 * width + column) * outputs;
            for (int tap = 0; tap < MOST_TAPS; tap++) {
                const float *from = padded_at(&map, i + row - 1 + tap / 2, column - 1 + tap % 2);
                add_product(from, inputs, weight + (parity * MOST_TAPS + tap) * inputs * outputs, width,
                            inputs, outputs, to, 2 * outputs);
            }
        }
    free(map.values);
    return DONE;
}
