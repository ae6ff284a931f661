/* Planes (planes, height, width), maps (height, width, channels), and the ways between them. */

/* Writes planes * scale - mean as a map whose channels are blocks of `fold` x `fold` positions: those of
 * the first plane come first. `mean` has a number for each `side` x `side` positions. */
EXPORT void net_fold(
    const float *x, ptrdiff_t planes, ptrdiff_t height, ptrdiff_t width, ptrdiff_t fold, float scale,
    const float *mean, ptrdiff_t side, float *map, ptrdiff_t channels)
{
    const ptrdiff_t rows = height / fold, columns = width / fold, mean_width = width / side;
    for (ptrdiff_t p = 0; p < planes; p++)
        for (ptrdiff_t i = 0; i < rows * fold; i++) {
            const float *from = x + (p * height + i) * width;
            const float *means = mean + (p * (height / side) + i / side) * mean_width;
            float *to = map + i / fold * columns * channels + (p * fold + i % fold) * fold;
            for (ptrdiff_t j = 0; j < columns * fold; j++)
                to[j / fold * channels + j % fold] = from[j] * scale - means[j / side];
        }
}

/* Undoes `net_fold`: planes = base + factor * map; the base may be NULL or the planes themselves. */
EXPORT void net_unfold(
    const float *map, ptrdiff_t channels, ptrdiff_t planes, ptrdiff_t height, ptrdiff_t width, ptrdiff_t fold,
    float factor, const float *base, float *out)
{
    const ptrdiff_t columns = width / fold;
    for (ptrdiff_t p = 0; p < planes; p++)
        for (ptrdiff_t i = 0; i < height; i++) {
            const ptrdiff_t at = (p * height + i) * width;
            const float *from = map + i / fold * columns * channels + (p * fold + i % fold) * fold;
            for (ptrdiff_t j = 0; j < width; j++)
                out[at + j] = (base ? base[at + j] : 0) + factor * from[j / fold * channels + j % fold];
        }
}

/* Means of blocks of `side` x `side` positions, times `scale`. */
EXPORT void net_block_mean(
    const float *x, ptrdiff_t planes, ptrdiff_t height, ptrdiff_t width, ptrdiff_t side, float scale, float *out)
{
    const ptrdiff_t rows = height / side, columns = width / side;
    memset(out, 0, (size_t)(planes * rows * columns) * sizeof *out);
    const float share = scale / (float)(side * side);
    for (ptrdiff_t p = 0; p < planes; p++)
        for (ptrdiff_t i = 0; i < rows * side; i++)
            for (ptrdiff_t j = 0; j < columns * side; j++)
                out[(p * rows + i / side) * columns + j / side] += share * x[(p * height + i) * width + j];
}

static ptrdiff_t within(ptrdiff_t x, ptrdiff_t length)
{
    return x < 0 ? 0 : x >= length ? length - 1 : x;
}

/* Means of square windows around every position, edges repeated; `rows` has room for a plane. */
EXPORT void net_window_mean(
    const float *x, ptrdiff_t planes, ptrdiff_t height, ptrdiff_t width, ptrdiff_t window, float scale,
    float *rows, float *out)
{
    const ptrdiff_t reach = window / 2;
    const float share = scale / (float)(window * window);
    for (ptrdiff_t p = 0; p < planes; p++) {
        const float *plane = x + p * height * width;
        for (ptrdiff_t i = 0; i < height; i++)
            for (ptrdiff_t d = -reach; d <= reach; d++) {
                const float *from = plane + within(i + d, height) * width;
                float *to = rows + i * width;
                for (ptrdiff_t j = 0; j < width; j++)
                    to[j] = (d > -reach ? to[j] : 0) + share * from[j];
            }
        for (ptrdiff_t i = 0; i < height; i++) {
            const float *from = rows + i * width;
            float *to = out + (p * height + i) * width;
            for (ptrdiff_t j = 0; j < width; j++) {
                float sum = 0;
                for (ptrdiff_t d = -reach; d <= reach; d++)
                    sum += from[within(j + d, width)];
                to[j] = sum;
            }
        }
    }
}

/* Writes 8-bit RGBA: clip(matrix * x), rounded to even; a gray picture takes the mean of the three.
 * `matrix` is (3, 4), its last column a constant. Strides are in numbers. */
EXPORT void net_pixels(
    const float *x, ptrdiff_t plane_stride, ptrdiff_t row_stride, ptrdiff_t pixel_stride, ptrdiff_t height,
    ptrdiff_t width, const float *matrix, ptrdiff_t gray, uint8_t *out, ptrdiff_t out_width)
{
    for (ptrdiff_t i = 0; i < height; i++)
        for (ptrdiff_t j = 0; j < width; j++) {
            const float *at = x + i * row_stride + j * pixel_stride;
            uint8_t *pixel = out + (i * out_width + j) * 4;
            float color[3];
            for (int c = 0; c < 3; c++) {
                const float *row = matrix + 4 * c;
                const float value = row[0] * at[0] + row[1] * at[plane_stride] +
                                    row[2] * at[2 * plane_stride] + row[3];
                color[c] = value > 255 ? 255 : value > 0 ? value : 0;
            }
            if (gray)
                color[0] = color[1] = color[2] = (color[0] + color[1] + color[2]) / 3;
            for (int c = 0; c < 3; c++)
                pixel[c] = (uint8_t)rintf(color[c]);
            pixel[3] = 255;
        }
}
