/* Products of matrices of 32-bit floats, in vectors of 4, which is what WebAssembly has. */

typedef float V4 __attribute__((vector_size(16), aligned(4)));

#define VECTOR 4
#define PRODUCT_ROWS 4

static inline V4 all_of(float x)
{
    return (V4){x, x, x, x};
}

static inline V4 load(const float *at)
{
    return *(const V4 *)at;
}

static inline void store(float *at, V4 v)
{
    *(V4 *)at = v;
}

/* Adds a (rows, inner) * b (inner, width) to c (rows, width) for 4 * `vectors` columns. */
static inline ALWAYS_INLINE void product_block(
    const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t inner, ptrdiff_t width, float *c,
    ptrdiff_t c_stride, const int rows, const int vectors)
{
    V4 sum[PRODUCT_ROWS][2];
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            sum[r][v] = load(c + r * c_stride + v * VECTOR);
    for (ptrdiff_t k = 0; k < inner; k++) {
        V4 column[2];
        UNROLL for (int v = 0; v < vectors; v++)
            column[v] = load(b + k * width + v * VECTOR);
        UNROLL for (int r = 0; r < rows; r++) {
            const V4 x = all_of(a[r * a_stride + k]);
            UNROLL for (int v = 0; v < vectors; v++)
                sum[r][v] += x * column[v];
        }
    }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            store(c + r * c_stride + v * VECTOR, sum[r][v]);
}

/* Adds a * b to c for a few rows and all columns; `width` is a multiple of 4. */
static inline ALWAYS_INLINE void product_rows(
    const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t inner, ptrdiff_t width, float *c,
    ptrdiff_t c_stride, const int rows)
{
    ptrdiff_t n = 0;
    for (; n + 2 * VECTOR <= width; n += 2 * VECTOR)
        product_block(a, a_stride, b + n, inner, width, c + n, c_stride, rows, 2);
    if (n < width)
        product_block(a, a_stride, b + n, inner, width, c + n, c_stride, rows, 1);
}

/* Adds a (count, inner) * b (inner, width) to c (count, width). */
static void add_product(
    const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t count, ptrdiff_t inner, ptrdiff_t width,
    float *c, ptrdiff_t c_stride)
{
    ptrdiff_t p = 0;
    for (; p + PRODUCT_ROWS <= count; p += PRODUCT_ROWS)
        product_rows(a + p * a_stride, a_stride, b, inner, width, c + p * c_stride, c_stride, PRODUCT_ROWS);
    for (; p < count; p++)
        product_rows(a + p * a_stride, a_stride, b, inner, width, c + p * c_stride, c_stride, 1);
}
