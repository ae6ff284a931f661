/* The running state: what the next level knows of this one. A context tile at a time, for every layer
 * sees zeros outside of it. */

/* Activations of a context tile, with a frame of zeros of one position: (positions, channels). */
typedef struct {
    int16_t *values;
    int64_t channels, width;
} Framed;

static int framed(Framed *map, const Box *box, int64_t channels)
{
    map->channels = channels;
    map->width = box->width + 2;
    map->values = zeros((box->height + 2) * map->width * channels, sizeof *map->values);
    return map->values ? DONE : NO_MEMORY;
}

static int16_t *framed_at(const Framed *map, int64_t i, int64_t j)
{
    return map->values + ((i + 1) * map->width + j + 1) * map->channels;
}

/* Keeps all codes of the tiles, which are known; `passed` and the like have room for a row. */
static int tell(Run *run, int64_t tile, const Box *box)
{
    const Level *level = run->level;
    const int64_t plane = run->tiles.height * run->tiles.width;
    run->count = box->width;
    for (int64_t i = 0; i < box->height; i++) {
        for (int64_t j = 0; j < box->width; j++) {
            run->at[j] = padded_index(&run->tiles, tile, i, j);
            run->raster[j] = (box->top + i) * run->tiles.width + box->left + j;
            run->has_left[j] = j > 0;
            run->has_above[j] = i > 0;
        }
        for (int64_t k = 0, first_code = 0; k < run->job->coded_stages; k++) {
            const Stage *stage = &level->stages[k];
            for (int64_t c = 0; c < stage->codes; c++)
                for (int64_t j = 0; j < box->width; j++) {
                    const int64_t channel = stage->channels[c];
                    const int32_t code = run->job->codes[channel * plane + run->raster[j]];
                    if (level->codewords && (code < 0 || code >= level->codewords))
                        return CODE_NOT_IN_BOOK;
                    if (code > LARGEST_CODE || code < -LARGEST_CODE)
                        return CODE_TOO_LARGE;
                    run->passed[j * stage->codes + c] = code;
                    if (run->codes)
                        run->codes[run->at[j] * level->channels + channel] = code;
                }
            if (run->codes)
                find_means(run);
            learn(run, stage, first_code);
            first_code += stage->codes;
        }
    }
    return DONE;
}

/* Applies one layer to `n` positions of a row of a tile, from column `j` on: to values, and in the first
 * layer to words. */
static void update_row(
    const Run *run, const Update *update, const Framed *from, int64_t tile, int64_t i, int64_t j,
    int64_t n, int16_t *out)
{
    const Rounding *rounding = &update->rounding;
    const int64_t lanes = rounding->lanes, reach = update->kernel / 2;
    const int64_t pairs = update->kernel * from->channels / 2;
    const int32_t *start = rounding->bias + run->job->condition * lanes;
    for (int64_t di = -reach; di <= reach; di++) {
        for (int64_t q = 0; q < n; q++)
            run->inputs[q] = framed_at(from, i + di, j + q - reach);
        const int16_t *weight = update->from_values.weight + (di + reach) * pairs * lanes * 2;
        run->kernels->dense(run->sums, start, run->inputs, 0, n, weight, pairs, lanes);
        start = NULL;
    }
    if (update->from_words.pairs) {
        int64_t taps[9], count = 0;
        for (int64_t di = -reach; di <= reach; di++)
            for (int64_t dj = -reach; dj <= reach; dj++)
                taps[count++] = di * run->tiles.padded_width + dj;
        for (int64_t q = 0; q < n; q++)
            run->at[q] = padded_index(&run->tiles, tile, i, j + q);
        add_words(run, run->sums, run->at, n, taps, count, run->map.width, &update->from_words, run->inputs);
    }
    run->kernels->activate(run->sums, n, rounding->shift, lanes, out);
}

/* Applies one layer to a tile. */
static void update_tile(
    const Run *run, const Update *update, const Framed *from, const Framed *to, int64_t tile,
    const Box *box)
{
    for (int64_t i = 0; i < box->height; i++)
        for (int64_t j = 0; j < box->width; j += BLOCK) {
            const int64_t n = box->width - j < BLOCK ? box->width - j : BLOCK;
            update_row(run, update, from, tile, i, j, n, framed_at(to, i, j));
        }
}

static void enter_state(const Run *run, const Framed *map, const Box *box)
{
    const Job *job = run->job;
    const int64_t channels = run->level->state;
    for (int64_t i = 0; i < box->height && channels; i++)
        for (int64_t j = 0; j < box->width; j++) {
            const int64_t from = (box->top + i) * job->state_width + box->left + j;
            memcpy(framed_at(map, i, j), job->state + from * channels, (size_t)channels * sizeof(int16_t));
        }
}

/* Writes a tile of the next state, (height, width, channels); where the stride halves, each position
 * becomes four, whose channels lie one after the other in the last layer's lanes. */
static void leave_state(const Run *run, const Framed *map, const Box *box, int16_t *next)
{
    const int64_t channels = run->level->next_state, scale = run->level->halves ? 2 : 1;
    const int64_t width = run->tiles.width * scale;
    for (int64_t i = 0; i < box->height; i++)
        for (int64_t j = 0; j < box->width; j++)
            for (int64_t a = 0; a < scale; a++) {
                const int64_t row = scale * (box->top + i) + a, column = scale * (box->left + j);
                memcpy(next + (row * width + column) * channels,
                       framed_at(map, i, j) + a * scale * channels,
                       (size_t)(scale * channels) * sizeof *next);
            }
}

static int update_scratch(Run *run)
{
    const Level *level = run->level;
    const int64_t side = level->side;
    int64_t lanes = 0, codes = 0;
    for (int64_t n = 0; n < level->update_count; n++)
        lanes = larger(lanes, level->updates[n].rounding.lanes);
    for (int64_t k = 0; k < run->job->coded_stages; k++)
        codes = larger(codes, level->stages[k].codes);
    run->at = zeros(side, sizeof *run->at);
    run->raster = zeros(side, sizeof *run->raster);
    run->has_left = zeros(side, 1);
    run->has_above = zeros(side, 1);
    run->inputs = zeros(side, sizeof *run->inputs);
    run->passed = zeros(side * codes, sizeof *run->passed);
    run->base16 = zeros(side * level->channels, sizeof *run->base16);
    run->sums = zeros(BLOCK * lanes, sizeof *run->sums);
    const int made = run->at && run->raster && run->has_left && run->has_above && run->inputs &&
                     run->passed && run->base16 && run->sums;
    return made ? DONE : NO_MEMORY;
}

/* Makes the next state of one context tile. */
static int advance_tile(Run *run, int64_t tile, int16_t *next)
{
    const Level *level = run->level;
    const Box box = box_of(&run->tiles, tile);
    Framed from = {NULL, 0, 0}, to = {NULL, 0, 0};
    int result = tell(run, tile, &box);
    if (!result)
        result = framed(&from, &box, level->state + level->state % 2);
    if (!result)
        enter_state(run, &from, &box);
    for (int64_t n = 0; n < level->update_count && !result; n++) {
        result = framed(&to, &box, level->updates[n].rounding.lanes);
        if (!result) {
            update_tile(run, &level->updates[n], &from, &to, tile, &box);
            free(from.values);
            from = to;
            to.values = NULL;
        }
    }
    if (!result)
        leave_state(run, &from, &box, next);
    free(from.values);
    return result;
}
