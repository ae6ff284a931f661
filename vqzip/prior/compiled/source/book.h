/* Codes of a codebook: logits to counts, counts to symbols, and the choice of a codeword. */

#define TOTAL_BITS 16
#define TOTAL (1 << TOTAL_BITS)

/* Makes a row of counts of `size` logits: docs/format.md, section 6. */
static void counts_from_logits(const int32_t *logits, int64_t size, const uint32_t *exp2, int32_t *counts)
{
    int32_t largest = -LARGEST_LOGIT;
    for (int64_t k = 0; k < size; k++) {
        counts[k] = (int32_t)clamp(logits[k], -LARGEST_LOGIT, LARGEST_LOGIT);
        largest = counts[k] > largest ? counts[k] : largest;
    }
    int64_t total = 0;
    for (int64_t k = 0; k < size; k++) {
        const int32_t below = largest - counts[k], shift = below >> 8;
        counts[k] = shift > 31 ? 0 : (int32_t)(exp2[below & 255] >> shift);
        total += counts[k];
    }
    /* floor(weight * spread / total): numbers below 2^47 are exact, the quotient is off by 1 at most. */
    const double spread = (double)(TOTAL - size), sum = (double)total, inverse = 1.0 / sum;
    int32_t most = 0;
    int64_t best = 0, left_over = TOTAL;
    for (int64_t k = 0; k < size; k++) {
        const double product = (double)counts[k] * spread;
        const int32_t quotient = (int32_t)(product * inverse);
        const double rest = product - (double)quotient * sum;
        counts[k] = 1 + quotient + (rest >= sum) - (rest < 0);
    }
    for (int64_t k = 0; k < size; k++) {
        left_over -= counts[k];
        if (counts[k] > most) {
            most = counts[k];
            best = k;
        }
    }
    counts[best] += (int32_t)left_over;
}

/* Where the symbol after `cumulative` counts and `index` symbols begins, of an alphabet of `size`. */
static inline uint32_t boundary(int64_t cumulative, int64_t index, int64_t size)
{
    return (uint32_t)((cumulative * ((int64_t)POINTS - size) >> TOTAL_BITS) + index);
}

static int32_t read_counts(Reader *reader, const int32_t *counts, int64_t size)
{
    const uint32_t point = reader_point(reader);
    uint32_t start = 0, end = 0;
    int64_t cumulative = 0, symbol = 0;
    for (; symbol < size; symbol++) {
        cumulative += counts[symbol];
        start = end;
        end = symbol + 1 < size ? boundary(cumulative, symbol + 1, size) : POINTS;
        if (point < end)
            break;
    }
    reader_step(reader, start, end - start);
    return (int32_t)symbol;
}

static int32_t draw_counts(const Drawer *drawer, const int32_t *counts, int64_t size)
{
    int32_t most = 1;
    for (int64_t k = 0; k < size; k++)
        most = counts[k] > most ? counts[k] : most;
    double total = 0;
    for (int64_t k = 0; k < size; k++)
        total += (double)counts[k] / (double)most;
    const double threshold = drawer->next_double(drawer->generator) * total;
    double cumulative = 0;
    int32_t symbol = 0;
    for (int64_t k = 0; k + 1 < size; k++) {
        cumulative += (double)counts[k] / (double)most;
        symbol += cumulative <= threshold;
    }
    return symbol;
}

/* Keeps what writing needs to know of a symbol: where it begins, and its width. */
static void record_counts(const int32_t *counts, int64_t size, int32_t symbol, uint32_t *record)
{
    int64_t cumulative = 0;
    for (int32_t k = 0; k < symbol; k++)
        cumulative += counts[k];
    record[0] = boundary(cumulative, symbol, size);
    const uint32_t end =
        symbol + 1 < size ? boundary(cumulative + counts[symbol], symbol + 1, size) : POINTS;
    record[1] = end - record[0];
}

/* Puts a symbol that was recorded; its count is what the width had before it was rounded. */
static void write_recorded(Writer *writer, const uint32_t *record, int64_t size)
{
    const double unit = 256.0 - (double)size / TOTAL;
    const double count = (double)(int32_t)((double)(record[1] - 1) / unit + 0.5);
    writer_put(writer, record[0], record[1], count / TOTAL);
}

/* Chooses a codeword for a channel of a position, and leaves its rest in the residuals. */
static int32_t choose_codeword(
    const BookChoice *choice, int64_t position, int64_t channel, const int32_t *counts, int64_t size,
    double *cost)
{
    const int64_t group = channel / choice->depth, dim = choice->dim;
    const double *words = choice->codewords + channel * dim * size;
    double *residual = choice->residuals + (position * choice->groups + group) * dim;
    for (int64_t k = 0; k < size; k++)
        cost[k] = choice->norms[channel * size + k];
    for (int64_t d = 0; d < dim; d++) {
        const double twice = 2.0 * residual[d];
        for (int64_t k = 0; k < size; k++)
            cost[k] -= twice * words[d * size + k];
    }
    int64_t best = 0;
    double least = 0;
    for (int64_t k = 0; k < size; k++) {
        const double price = choice->bit_price * choice->bits[counts[k]];
        const double total = cost[k] * choice->unit + price;
        if (k == 0 || total < least) {
            least = total;
            best = k;
        }
    }
    for (int64_t d = 0; d < dim; d++)
        residual[d] -= words[d * size + best];
    return (int32_t)best;
}
