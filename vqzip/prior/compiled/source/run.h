/* A run over the positions of a level, step by step. */

#define BLOCK 64 /* positions whose sums are kept at once: they stay in the cache of a core */

static const int64_t context_taps[12][2] = {
    {-2, -2}, {-2, -1}, {-2, 0}, {-2, 1}, {-2, 2}, {-2, 3},
    {-1, -2}, {-1, -1}, {-1, 0}, {-1, 1}, {0, -2}, {0, -1},
};

typedef struct {
    const Level *level;
    const Job *job;
    const Kernels *kernels;
    Tiles tiles;
    Words map;
    int32_t *codes; /* padded, (positions, channels), for the neighbors' mean; else NULL */
    int64_t taps[12], coded, count;
    /* Of the positions of the present step: */
    int64_t *at, *raster;
    uint8_t *has_left, *has_above;
    const int16_t **inputs;
    int16_t *first, *hidden, *state;
    int32_t *sums, *base16, *passed, *counts;
    double *cost;
    GridCodes grid;
    int32_t *mean;
} Run;

static void run_end(Run *run)
{
    void *all[] = {
        run->map.words, run->map.some, run->codes, run->at, run->raster, run->has_left, run->has_above,
        (void *)run->inputs, run->first, run->hidden, run->state, run->sums, run->base16, run->passed,
        run->counts, run->cost, (void *)run->grid.row, run->grid.value, run->grid.number,
        run->grid.raw, run->grid.some, run->grid.left, run->grid.open, run->mean,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* Returns zeroed memory, or NULL where there is not so much, as on systems of 32 bits. */
static void *zeros(int64_t count, size_t size)
{
    if ((uint64_t)count > SIZE_MAX / size)
        return NULL;
    return calloc((size_t)(count > 0 ? count : 1), size);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Makes the padded maps; `run_end` frees them. */
static int run_maps(Run *run)
{
    const Level *level = run->level;
    const int64_t size = padded_size(&run->tiles);
    run->map.width = level->channels * level->words_of_code;
    run->map.words = zeros(size * run->map.width, sizeof *run->map.words);
    if (!run->map.words)
        return NO_MEMORY;
    if (!level->codewords && !(run->map.some = zeros(size, sizeof *run->map.some)))
        return NO_MEMORY;
    if (level->neighbor_mean && !(run->codes = zeros(size * level->channels, sizeof *run->codes)))
        return NO_MEMORY;
    return DONE;
}

/* Copies the running state where its channels are odd, so that they go in pairs. */
static int run_state(Run *run)
{
    const Job *job = run->job;
    const int64_t channels = run->level->state, size = job->state_height * job->state_width;
    if (channels % 2 == 0)
        return DONE;
    run->state = zeros(size * (channels + 1), sizeof *run->state);
    if (!run->state)
        return NO_MEMORY;
    for (int64_t p = 0; p < size; p++)
        memcpy(run->state + p * (channels + 1), job->state + p * channels,
               (size_t)channels * sizeof *run->state);
    return DONE;
}

static int run_scratch(Run *run)
{
    const Level *level = run->level;
    const int64_t tiles = run->tiles.last_tile - run->tiles.first_tile;
    const int64_t most = tiles * (run->tiles.height < level->side ? run->tiles.height : level->side);
    int64_t lanes = level->first.lanes, hidden = 0, codes = 0;
    for (int64_t k = 0; k < run->job->coded_stages; k++) {
        const Stage *stage = &level->stages[k];
        hidden = larger(hidden, stage->hidden.lanes);
        lanes = larger(lanes, larger(stage->hidden.lanes, stage->out.lanes));
        codes = larger(codes, stage->codes);
    }
    const int64_t n = most * codes;
    run->at = zeros(most, sizeof *run->at);
    run->raster = zeros(most, sizeof *run->raster);
    run->has_left = zeros(most, 1);
    run->has_above = zeros(most, 1);
    run->inputs = zeros(most, sizeof *run->inputs);
    run->first = zeros(most * level->first.lanes, sizeof *run->first);
    run->hidden = zeros(BLOCK * hidden, sizeof *run->hidden);
    run->sums = zeros(BLOCK * lanes, sizeof *run->sums);
    run->base16 = zeros(most * level->channels, sizeof *run->base16);
    run->passed = zeros(n, sizeof *run->passed);
    run->mean = zeros(n, sizeof *run->mean);
    run->counts = zeros(level->codewords, sizeof *run->counts);
    run->cost = zeros(level->codewords, sizeof *run->cost);
    run->grid = (GridCodes){
        zeros(n, sizeof(uint16_t)), zeros(n, sizeof(int64_t)), zeros(n, sizeof(int64_t)),
        zeros(n, sizeof(int64_t)),  zeros(n, sizeof(int32_t)), zeros(2 * n, sizeof(int32_t)),
        zeros(n, sizeof(int32_t)),
    };
    const void *all[] = {
        run->at, run->raster, run->has_left, run->has_above, run->inputs, run->first, run->hidden,
        run->sums, run->base16, run->passed, run->mean, run->counts, run->cost, run->grid.row,
        run->grid.value, run->grid.number, run->grid.raw, run->grid.some, run->grid.left, run->grid.open,
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!all[i])
            return NO_MEMORY;
    return DONE;
}

/* Begins a run; `run_end` must follow whatever the result. */
static int run_begin(Run *run, const Level *level, const Job *job, const Kernels *kernels)
{
    memset(run, 0, sizeof *run);
    run->level = level;
    run->job = job;
    run->kernels = kernels;
    run->tiles = tiles_of(level, job);
    for (int tap = 0; tap < 12; tap++)
        run->taps[tap] = context_taps[tap][0] * run->tiles.padded_width + context_taps[tap][1];
    for (int64_t k = 0; k < job->coded_stages; k++)
        run->coded += level->stages[k].codes;
    return run_maps(run);
}

/* Finds the positions of a step: those of rank j + 2 i, by context tile and row. */
static void find_positions(Run *run, int64_t rank)
{
    const Tiles *tiles = &run->tiles;
    int64_t n = 0;
    for (int64_t tile = tiles->first_tile; tile < tiles->last_tile; tile++) {
        const Box box = box_of(tiles, tile);
        const int64_t first = rank < box.width ? 0 : (rank - box.width + 2) / 2;
        for (int64_t i = first; i < box.height && 2 * i <= rank; i++) {
            const int64_t j = rank - 2 * i;
            run->at[n] = padded_index(tiles, tile, i, j);
            run->raster[n] = (box.top + i) * tiles->width + box.left + j;
            run->has_left[n] = j > 0;
            run->has_above[n] = i > 0;
            n++;
        }
    }
    run->count = n;
}

/* Computes the neighbors' means of all channels, in sixteenths. */
static void find_means(Run *run)
{
    const int64_t channels = run->level->channels;
    for (int64_t p = 0; p < run->count; p++) {
        const int32_t *here = run->codes + run->at[p] * channels;
        const int32_t *above = here - run->tiles.padded_width * channels, *left = here - channels;
        const int32_t share = run->has_left[p] && run->has_above[p] ? 8 : 16;
        for (int64_t c = 0; c < channels; c++)
            run->base16[p * channels + c] =
                share * (run->has_left[p] * left[c] + run->has_above[p] * above[c]);
    }
}

/* Adds the products of the words around positions, whether most of them are zero or not. */
static void add_words(
    const Run *run, int32_t *sums, const int64_t *at, int64_t count, const int64_t *taps,
    int64_t tap_count, int64_t words, const Weights *weights, const int16_t **inputs)
{
    const Words *map = &run->map;
    const int64_t lanes = weights->lanes;
    if (map->some) {
        const uint64_t keep = words < 64 ? ((uint64_t)1 << words) - 1 : ~(uint64_t)0;
        run->kernels->sparse(sums, map, at, count, taps, tap_count, keep, weights->weight, words, lanes);
        return;
    }
    for (int64_t tap = 0; tap < tap_count;) {
        int64_t together = 1; /* taps that lie side by side are one run of inputs */
        while (words == map->width && tap + together < tap_count &&
               taps[tap + together] == taps[tap] + together)
            together++;
        for (int64_t p = 0; p < count; p++)
            inputs[p] = (const int16_t *)(map->words + (at[p] + taps[tap]) * map->width);
        run->kernels->dense(sums, NULL, inputs, 0, count, weights->weight + tap * words * lanes * 2,
                            together * words, lanes);
        tap += together;
    }
}

/* Computes the first hidden layer at the positions of the step. */
static void enter(Run *run)
{
    const Level *level = run->level;
    const Job *job = run->job;
    const int64_t lanes = level->first.lanes, channels = level->state + level->state % 2;
    const int16_t *state = run->state ? run->state : job->state;
    const int32_t *bias = level->first.bias + job->condition * lanes;
    for (int64_t p = 0; p < run->count; p += BLOCK) {
        const int64_t n = run->count - p < BLOCK ? run->count - p : BLOCK;
        for (int64_t q = 0; q < n; q++) {
            const int64_t row = run->raster[p + q] / job->width, column = run->raster[p + q] % job->width;
            run->inputs[q] = channels ? state + (row * job->state_width + column) * channels : NULL;
        }
        run->kernels->dense(run->sums, bias, run->inputs, 0, n, level->from_state.weight,
                            channels / 2, lanes);
        add_words(run, run->sums, run->at + p, n, run->taps, 12, run->map.width, &level->from_taps,
                  run->inputs);
        run->kernels->activate(run->sums, n, level->first.shift, lanes, run->first + p * lanes);
    }
    if (level->neighbor_mean)
        find_means(run);
}

/* Computes the outputs of a stage for `n` positions from `p` on, into `sums`. */
static void stage_outputs(Run *run, const Stage *stage, int64_t words_before, int64_t p, int64_t n)
{
    const Kernels *kernels = run->kernels;
    const int64_t width = run->level->first.lanes, hidden = stage->hidden.lanes;
    const int64_t condition = run->job->condition, none = 0;
    for (int64_t q = 0; q < n; q++)
        run->inputs[q] = run->first + (p + q) * width;
    kernels->dense(run->sums, stage->hidden.bias + condition * hidden, run->inputs, 0, n,
                   stage->from_first.weight, stage->from_first.pairs, hidden);
    if (words_before)
        add_words(run, run->sums, run->at + p, n, &none, 1, words_before, &stage->from_words, run->inputs);
    kernels->activate(run->sums, n, stage->hidden.shift, hidden, run->hidden);
    for (int64_t q = 0; q < n; q++)
        run->inputs[q] = run->hidden + q * hidden;
    kernels->dense(run->sums, stage->out.bias + condition * stage->out.lanes, run->inputs, 0, n,
                   stage->from_hidden.weight, stage->from_hidden.pairs, stage->out.lanes);
    kernels->shift(run->sums, n, stage->out.shift, stage->out.lanes);
}

/* Turns outputs of a logistic head into means and rows of tables. */
static void note_rows(Run *run, const Stage *stage, int64_t p, int64_t n)
{
    const int64_t g = stage->codes, channels = run->level->channels;
    for (int64_t q = 0; q < n; q++)
        for (int64_t c = 0; c < g; c++) {
            const int32_t *out = run->sums + q * stage->out.lanes;
            int32_t nearest = (int32_t)clamp(out[c], -LARGEST_MEAN16, LARGEST_MEAN16) + 8;
            if (run->codes)
                nearest += run->base16[(p + q) * channels + stage->channels[c]];
            const int32_t scale = (int32_t)clamp(out[g + c], 0, SCALES - 1);
            run->mean[(p + q) * g + c] = nearest >> 4;
            ((uint16_t *)run->grid.row)[(p + q) * g + c] = (uint16_t)(scale << 4 | (nearest & 15));
        }
}

/* Keeps the codes of a stage for what is coded later; `first_code` counts codes in stage order. */
static void learn(Run *run, const Stage *stage, int64_t first_code)
{
    const Level *level = run->level;
    const int64_t channels = level->channels, words_of_code = level->words_of_code;
    for (int64_t p = 0; p < run->count; p++)
        for (int64_t c = 0; c < stage->codes; c++) {
            int32_t code = run->passed[p * stage->codes + c];
            const int64_t channel = stage->channels[c], word = (first_code + c) * words_of_code;
            uint32_t *to = run->map.words + run->at[p] * run->map.width + word;
            if (level->codewords) {
                memcpy(to, level->features + (channel * level->codewords + code) * words_of_code,
                       (size_t)words_of_code * sizeof *to);
                continue;
            }
            if (run->codes) {
                run->codes[run->at[p] * channels + channel] = code;
                code -= (run->base16[p * channels + channel] + 8) >> 4;
            }
            if (!code)
                continue;
            *to = level->features[clamp(code, 1 - MAGNITUDES, MAGNITUDES - 1) + MAGNITUDES - 1];
            run->map.some[run->at[p]] |= (uint64_t)(*to != 0) << word;
        }
}
