/* Codes of a grid as symbols: docs/format.md, section 6, for the codes of one stage at one step. */

#define LONGEST_PREFIX 24
#define CHUNK_BITS 4
/* The most symbols that a code can take: one, the low bits, a prefix, the bits below its highest. */
#define MOST_SYMBOLS_OF_CODE (1 + 4 + LONGEST_PREFIX + 1 + 10)

/* Of n codes: the row of their tables, and the number to pass; places of some of them. */
typedef struct {
    const uint16_t *row;
    int64_t *value; /* in: what is to be written; out: what counts */
    int64_t *number, *raw;
    int32_t *some, *left, *open;
} GridCodes;

static inline int bit_length(int64_t x)
{
    return 64 - __builtin_clzll((uint64_t)x);
}

/* Passes the lowest `left[i]` bits of `raw[i]`, the highest first: rounds of chunks of 4, 3, 2, 1. */
static inline ALWAYS_INLINE void pass_raw(
    const Port *port, const enum Way way, int64_t *raw, int32_t *left, int64_t count)
{
    int32_t largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = left[i] > largest ? left[i] : largest;
    for (; largest > 0; largest -= CHUNK_BITS) {
        for (int bits = largest < CHUNK_BITS ? largest : CHUNK_BITS; bits; bits--)
            for (int64_t i = 0; i < count; i++) {
                const int chunk = left[i] < CHUNK_BITS ? left[i] : CHUNK_BITS;
                if (chunk != bits)
                    continue;
                const int32_t below = left[i] - bits;
                const uint32_t mask = (1u << bits) - 1;
                const uint32_t symbol = (uint32_t)(raw[i] >> below) & mask;
                const int64_t passed = pass_bits(port, way, bits, symbol);
                raw[i] = (raw[i] & ~((int64_t)mask << below)) | passed << below;
            }
        for (int64_t i = 0; i < count; i++)
            left[i] -= left[i] < CHUNK_BITS ? left[i] : CHUNK_BITS;
    }
}

/* Passes `count` numbers from 0 up, in Exp-Golomb codes of order `order[i]`. */
static inline ALWAYS_INLINE int pass_exp_golomb(
    const Port *port, const enum Way way, int64_t *number, const int32_t *order, int32_t *left,
    int32_t *open, int64_t count)
{
    int64_t still = count;
    for (int64_t i = 0; i < count; i++) {
        open[i] = (int32_t)i;
        left[i] = 0;
        number[i] += (int64_t)1 << order[i];
    }
    for (int length = 0; still; length++) {
        if (length > LONGEST_PREFIX)
            return READ_NO_END;
        int64_t next = 0;
        for (int64_t k = 0; k < still; k++) {
            const int32_t i = open[k];
            const uint32_t more = bit_length(number[i]) - 1 - order[i] > length;
            if (pass_bits(port, way, 1, more)) {
                left[i]++;
                open[next++] = i;
            }
        }
        still = next;
    }
    for (int64_t i = 0; i < count; i++) {
        left[i] += order[i];
        open[i] = left[i];
    }
    pass_raw(port, way, number, left, count);
    for (int64_t i = 0; i < count; i++) {
        const int64_t top = (int64_t)1 << open[i];
        number[i] = (number[i] & (top - 1)) + top - ((int64_t)1 << order[i]);
    }
    return DONE;
}

/* Passes what escapes leave out, and adds it to what has been passed. */
static inline ALWAYS_INLINE int pass_excess(
    const Port *port, const enum Way way, const Tables *tables, const GridCodes *codes,
    int64_t escapes)
{
    /* `some` holds the places of the escapes, `number` the numbers beyond the window. */
    int32_t *order = codes->left + escapes;
    for (int64_t i = 0; i < escapes; i++)
        order[i] = tables->escape_order[codes->row[codes->some[i]]];
    const int result =
        pass_exp_golomb(port, way, codes->number, order, codes->left, codes->open, escapes);
    if (result)
        return result;
    for (int64_t i = 0; i < escapes; i++) {
        int64_t *value = &codes->value[codes->some[i]];
        *value += *value > 0 ? codes->number[i] : -codes->number[i];
    }
    return DONE;
}

static inline int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Notes an escape, if the symbol is one; `high` is the number that is to be written. */
static inline ALWAYS_INLINE int64_t note_escape(
    const GridCodes *codes, const enum Way way, int64_t escapes, int64_t at, int64_t high,
    int64_t passed, int radius)
{
    if (passed <= radius && passed >= -radius)
        return escapes;
    codes->some[escapes] = (int32_t)at;
    /* Only a writer is shown a number; it lies beyond the window, on the side of the symbol. */
    codes->number[escapes] = way != WRITE ? 0 : (high < 0 ? -high : high) - (radius + 1);
    return escapes + 1;
}

/* Passes the symbol of each code of one of the two alphabets. */
static inline ALWAYS_INLINE void pass_window(
    const Port *port, const enum Way way, const Tables *tables, const GridCodes *codes,
    int64_t count, const int is_wide)
{
    const int radius = is_wide ? WIDE_RADIUS : NARROW_RADIUS, edge = radius + 1;
    const int64_t stride = is_wide ? WIDE_STRIDE : NARROW_STRIDE;
    const uint32_t *table = is_wide ? tables->wide : tables->narrow;
    const double *weights = NULL;
    if (way == DRAW)
        weights = is_wide ? port->drawer->wide : port->drawer->narrow;
    const int alphabet = 2 * edge + 1;
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = codes->row[i];
        if ((row >= tables->narrow_rows) != is_wide)
            continue;
        const int64_t high = way == WRITE ? codes->value[i] >> tables->low_bits[row] : 0;
        const int32_t symbol = (int32_t)clamp(high, -edge, edge) + edge;
        const double *weight = way == DRAW ? weights + row * alphabet : NULL;
        codes->number[i] = pass_symbol(port, way, table + row * stride, weight, alphabet, symbol) - edge;
    }
}

/* Passes codes of which at least one has a wide scale. */
static inline ALWAYS_INLINE int pass_mixed(
    const Port *port, const enum Way way, const Tables *tables, const GridCodes *codes, int64_t count)
{
    pass_window(port, way, tables, codes, count, 0);
    pass_window(port, way, tables, codes, count, 1);
    int64_t some = 0;
    for (int64_t i = 0; i < count; i++) {
        const int low_bits = tables->low_bits[codes->row[i]];
        if (low_bits) {
            codes->raw[some] = codes->value[i] & (((int64_t)1 << low_bits) - 1);
            codes->left[some++] = low_bits;
        }
    }
    pass_raw(port, way, codes->raw, codes->left, some);
    int64_t escapes = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = codes->row[i], passed = codes->number[i];
        const int radius = row < tables->narrow_rows ? NARROW_RADIUS : WIDE_RADIUS;
        const int64_t high = codes->value[i] >> tables->low_bits[row];
        codes->value[i] = passed;
        escapes = note_escape(codes, way, escapes, i, high, passed, radius);
    }
    const int result = pass_excess(port, way, tables, codes, escapes);
    some = 0;
    for (int64_t i = 0; i < count; i++) {
        const int low_bits = tables->low_bits[codes->row[i]];
        codes->value[i] *= (int64_t)1 << low_bits;
        if (low_bits)
            codes->value[i] += codes->raw[some++];
    }
    return result;
}

/* Passes codes that are all narrow: by far the most. */
static inline ALWAYS_INLINE int pass_narrow(
    const Port *port, const enum Way way, const Tables *tables, const GridCodes *codes, int64_t count)
{
    const int edge = NARROW_RADIUS + 1;
    int64_t escapes = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t row = codes->row[i], high = way == WRITE ? codes->value[i] : 0;
        const int32_t symbol = (int32_t)clamp(high, -edge, edge) + edge;
        const double *weight = way == DRAW ? port->drawer->narrow + row * (2 * edge + 1) : NULL;
        const uint32_t *boundaries = tables->narrow + row * NARROW_STRIDE;
        codes->value[i] = pass_symbol(port, way, boundaries, weight, 2 * edge + 1, symbol) - edge;
        escapes = note_escape(codes, way, escapes, i, high, codes->value[i], NARROW_RADIUS);
    }
    return pass_excess(port, way, tables, codes, escapes);
}

/* Passes the numbers of n codes: narrow symbols, wide symbols, low bits, escapes. */
static inline ALWAYS_INLINE int pass_grid_codes(
    const Port *port, const enum Way way, const Tables *tables, const GridCodes *codes, int64_t count)
{
    int any_wide = 0;
    for (int64_t i = 0; i < count; i++)
        any_wide |= codes->row[i] >= tables->narrow_rows;
    return any_wide ? pass_mixed(port, way, tables, codes, count)
                    : pass_narrow(port, way, tables, codes, count);
}
