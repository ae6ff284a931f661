/* Where the codes of a step come from: they are known, chosen by rate and distortion, read or drawn. */

enum Kind { KNOWN, CHOSEN_GRID, CHOSEN_BOOK, FROM_STREAM, DRAWN };

typedef struct {
    enum Kind kind;
    Port port;
    const GridChoice *grid;
    const BookChoice *book;
} Source;

/* Returns the bits of an Exp-Golomb code. */
static inline double exp_golomb_bits(int order, int64_t excess)
{
    return (double)(2 * bit_length(excess + ((int64_t)1 << order)) - 1 - order);
}

/* Returns the code length of a code in bits, the same number as NumPy's walk. */
static double grid_bits(const Tables *tables, int64_t row, int64_t mean, int64_t code)
{
    const int low_bits = tables->low_bits[row], edge = WIDE_RADIUS + 1;
    const int64_t high = (code - mean) >> low_bits, inside = clamp(high, -edge, edge);
    double bits = tables->window_bits[row * (2 * edge + 1) + edge + inside];
    bits += (double)low_bits;
    if (high != inside) {
        const int order = tables->escape_order[row];
        const int64_t first = (row < tables->narrow_rows ? NARROW_RADIUS : WIDE_RADIUS) + 1;
        const int64_t excess = (high < 0 ? -high : high) - first;
        bits += exp_golomb_bits(order, excess) - exp_golomb_bits(order, edge - first);
    }
    return bits;
}

static int64_t sign(int64_t x)
{
    return (x > 0) - (x < 0);
}

/* Chooses among the nearest code, one nearer to zero, zero, and one nearer to the mean; the first of
 * equal cost. The operations and their order are those of `GridChooser`. */
static int64_t choose_grid_code(
    const Tables *tables, const GridChoice *choice, double latent, int64_t row, int64_t mean)
{
    const double beyond = latent + (signbit(latent) ? -choice->deadzone : choice->deadzone);
    const double largest = LARGEST_CODE;
    const int64_t nearest =
        (int64_t)(beyond < -largest ? -largest : beyond > largest ? largest : beyond);
    if (choice->bit_price == 0 || (nearest == 0 && mean == 0))
        return nearest;
    const int64_t candidates[4] = {
        nearest, nearest - sign(nearest), 0, nearest + sign(mean - nearest),
    };
    int64_t best = nearest;
    double least = 0;
    for (int i = 0; i < 4; i++) {
        const double error = latent - (double)candidates[i];
        const double price = choice->bit_price * grid_bits(tables, row, mean, candidates[i]);
        const double cost = error * error + price;
        if (i == 0 || cost < least) {
            least = cost;
            best = candidates[i];
        }
    }
    return best;
}

/* Reads or draws the codes of a stage whose rows and means are there. */
static int pass_grid_stage(Run *run, const Source *source, int64_t n)
{
    const Tables *tables = run->level->tables;
    memset(run->grid.value, 0, (size_t)n * sizeof *run->grid.value);
    const int result = source->kind == FROM_STREAM
                           ? pass_grid_codes(&source->port, READ, tables, &run->grid, n)
                           : pass_grid_codes(&source->port, DRAW, tables, &run->grid, n);
    if (result)
        return result;
    int beyond = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t code = run->grid.value[i] + run->mean[i];
        beyond |= code > LARGEST_CODE || code < -LARGEST_CODE;
        run->passed[i] = (int32_t)clamp(code, -LARGEST_CODE, LARGEST_CODE);
    }
    return beyond ? READ_TOO_LARGE : DONE;
}

static double latent_at(const GridChoice *choice, int64_t at)
{
    return choice->latents64 ? choice->latents64[at] : (double)choice->latents32[at];
}

/* Takes or chooses the codes of a stage, and records what writing needs to know of them. */
static int record_grid_stage(Run *run, const Source *source, const Stage *stage, int64_t first_code)
{
    const int64_t plane = run->tiles.height * run->tiles.width;
    for (int64_t p = 0; p < run->count; p++)
        for (int64_t c = 0; c < stage->codes; c++) {
            const int64_t i = p * stage->codes + c;
            const int64_t from = stage->channels[c] * plane + run->raster[p];
            const int64_t row = run->grid.row[i], mean = run->mean[i];
            int64_t code;
            if (source->kind == KNOWN) {
                code = run->job->codes[from];
            } else {
                const double latent = latent_at(source->grid, from);
                if (latent != latent)
                    return LATENT_NO_NUMBER;
                code = choose_grid_code(run->level->tables, source->grid, latent, row, mean);
            }
            if (code > LARGEST_CODE || code < -LARGEST_CODE)
                return CODE_TOO_LARGE;
            run->passed[i] = (int32_t)code;
            uint32_t *record = run->job->record + (run->raster[p] * run->coded + first_code + c) * 2;
            record[0] = (uint32_t)(int32_t)(code - mean);
            record[1] = (uint32_t)row;
        }
    return DONE;
}

/* Finds the codes of codebooks at `n` positions from `p` on, whose logits are in `sums`. */
static int book_codes(
    Run *run, const Source *source, const Stage *stage, int64_t first_code, int64_t p, int64_t n)
{
    const int64_t size = run->level->codewords, plane = run->tiles.height * run->tiles.width;
    for (int64_t i = p * stage->codes; i < (p + n) * stage->codes; i++) {
        const int64_t position = i / stage->codes, c = i % stage->codes, channel = stage->channels[c];
        const int64_t raster = run->raster[position];
        const int32_t *logits = run->sums + (position - p) * stage->out.lanes + c * size;
        int32_t code = source->kind == KNOWN ? run->job->codes[channel * plane + raster] : 0;
        if (code < 0 || code >= size)
            return CODE_NOT_IN_BOOK;
        counts_from_logits(logits, size, run->level->exp2, run->counts);
        if (source->kind == CHOSEN_BOOK)
            code = choose_codeword(source->book, raster, channel, run->counts, size, run->cost);
        else if (source->kind == FROM_STREAM && size > 1)
            code = read_counts(source->port.reader, run->counts, size);
        else if (source->kind == DRAWN && size > 1)
            code = draw_counts(source->port.drawer, run->counts, size);
        run->passed[i] = code;
        if (run->job->record && size > 1)
            record_counts(run->counts, size, code,
                          run->job->record + (raster * run->coded + first_code + c) * 2);
    }
    return DONE;
}
