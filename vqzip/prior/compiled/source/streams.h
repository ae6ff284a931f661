/* rANS as in docs/format.md, section 4, and the port through which symbols pass.
 *
 * What is coded, and in which order, is written once for a port that reads, writes or draws: `pass_*`
 * take a symbol, and return the one that counts. `way` is a constant wherever they are called, so the
 * compiler makes three functions of each.
 */

#define POINT_BITS 24
#define POINTS (1u << POINT_BITS)

enum Way { READ, WRITE, DRAW };

typedef struct {
    Reader *reader;
    Writer *writer;
    const Drawer *drawer;
} Port;

static inline uint32_t reader_point(const Reader *reader)
{
    return (uint32_t)(reader->state & (POINTS - 1));
}

static inline void reader_step(Reader *reader, uint32_t start, uint32_t width)
{
    reader->state = (reader->state >> POINT_BITS) * width + (reader_point(reader) - start);
    if (reader->state >> 32 == 0 && reader->left)
        reader->state = reader->state << 32 | reader->words[--reader->left];
}

/* Makes room for more symbols, so that `writer_put` need not test for it. */
static int writer_reserve(Writer *writer, int64_t more)
{
    if (writer->capacity - writer->count >= more)
        return DONE;
    const int64_t capacity = 2 * writer->capacity + more + 1024;
    if ((uint64_t)capacity > SIZE_MAX / sizeof *writer->symbols)
        return NO_MEMORY;
    uint64_t *symbols = realloc(writer->symbols, (size_t)capacity * sizeof *symbols);
    if (!symbols)
        return NO_MEMORY;
    writer->symbols = symbols;
    writer->capacity = capacity;
    return DONE;
}

static inline void writer_put(Writer *writer, uint32_t start, uint32_t width, double share)
{
    writer->symbols[writer->count++] = (uint64_t)width << 32 | start;
    writer->probability *= share;
    if (writer->probability < 0x1p-256) {
        writer->probability *= 0x1p256;
        writer->exponent++;
    }
}

/* Passes a symbol of `count` whose boundaries in 2^24 are given, and, for a drawer, the weights. */
static inline ALWAYS_INLINE int32_t pass_symbol(
    const Port *port, const enum Way way, const uint32_t *boundaries, const double *weights,
    const int count, int32_t symbol)
{
    if (way == READ) {
        const uint32_t point = reader_point(port->reader);
        const int middle = count / 2;
        if (point - boundaries[middle] < boundaries[middle + 1] - boundaries[middle]) {
            symbol = middle;
        } else {
            int low = 0;
            for (int half = 16; half; half >>= 1)
                if (low + half < count && boundaries[low + half] <= point)
                    low += half;
            symbol = low;
        }
        reader_step(port->reader, boundaries[symbol], boundaries[symbol + 1] - boundaries[symbol]);
    } else if (way == WRITE) {
        const uint32_t width = boundaries[symbol + 1] - boundaries[symbol];
        writer_put(port->writer, boundaries[symbol], width, (double)((width + 64) >> 8) * 0x1p-16);
    } else {
        const double threshold =
            port->drawer->next_double(port->drawer->generator) * weights[count - 1];
        symbol = 0;
        for (int i = 0; i < count - 1; i++)
            symbol += weights[i] <= threshold;
    }
    return symbol;
}

/* Passes `bits` raw bits: a symbol of 2^bits equal counts. */
static inline ALWAYS_INLINE uint32_t pass_bits(
    const Port *port, const enum Way way, int bits, uint32_t symbol)
{
    const int shift = POINT_BITS - bits;
    if (way == READ) {
        symbol = reader_point(port->reader) >> shift;
        reader_step(port->reader, symbol << shift, 1u << shift);
    } else if (way == WRITE) {
        writer_put(port->writer, symbol << shift, 1u << shift, 1.0 / (1 << bits));
    } else {
        const double random = port->drawer->next_double(port->drawer->generator);
        symbol = (uint32_t)(random * (1 << bits));
    }
    return symbol;
}

/* Puts all symbols, the last one first. `words` has room for `count + 2` of them. */
static int64_t stack_words(const Writer *writer, uint32_t *words)
{
    uint64_t state = 0;
    int64_t length = 0;
    for (int64_t i = writer->count - 1; i >= 0; i--) {
        const uint64_t start = writer->symbols[i] & UINT32_MAX, width = writer->symbols[i] >> 32;
        if (state >= width << 40) {
            words[length++] = (uint32_t)state;
            state >>= 32;
        }
        const uint64_t quotient = state / width;
        state = (quotient << POINT_BITS) + start + (state - quotient * width);
    }
    for (; state; state >>= 32)
        words[length++] = (uint32_t)state;
    return length;
}
