/* Sizes held against each other, before anything is read. What a pointer points to is as long as the
 * caller says; nothing here or later goes beyond that. */

#define MOST_SIDE (1 << 20)
#define MOST_POSITIONS ((int64_t)1 << 30)
#define MOST_LANES ((int64_t)1 << 22)

static int weights_fit(const Weights *weights, int64_t pairs, int64_t lanes)
{
    return weights->pairs == pairs && weights->lanes == lanes && (weights->weight || !(pairs && lanes));
}

static int rounding_fits(const Rounding *rounding, int64_t condition)
{
    return rounding->bias && rounding->shift && rounding->lanes > 0 && rounding->lanes <= MOST_LANES &&
           rounding->lanes % LANES == 0 && condition >= 0 && condition < rounding->conditions;
}

static int stage_fits(const Level *level, const Stage *stage, int64_t codes_before, int64_t condition)
{
    const int64_t outputs = level->codewords ? level->codewords : 2;
    int fits = stage->channels && stage->codes > 0 && codes_before + stage->codes <= level->channels;
    for (int64_t c = 0; fits && c < stage->codes; c++)
        fits = stage->channels[c] >= 0 && stage->channels[c] < level->channels;
    return fits && rounding_fits(&stage->hidden, condition) && rounding_fits(&stage->out, condition) &&
           stage->out.lanes >= stage->codes * outputs &&
           weights_fit(&stage->from_first, level->first.lanes / 2, stage->hidden.lanes) &&
           weights_fit(&stage->from_words, codes_before * level->words_of_code, stage->hidden.lanes) &&
           weights_fit(&stage->from_hidden, stage->hidden.lanes / 2, stage->out.lanes);
}

static int tables_fit(const Tables *tables)
{
    return tables && tables->wide && tables->low_bits && tables->escape_order && tables->window_bits &&
           tables->narrow_rows >= 0 && tables->narrow_rows <= SCALE_ROWS &&
           (tables->narrow || !tables->narrow_rows);
}

static int level_fits(const Level *level, const Job *job)
{
    const int64_t words = level->channels * level->words_of_code;
    int fits = level->channels > 0 && level->channels <= MOST_CHANNELS && level->words_of_code > 0 &&
               level->words_of_code <= MAGNITUDES && level->side > 0 && level->side <= MAGNITUDES &&
               level->state >= 0 && level->state <= MOST_LANES && level->features && level->stages &&
               job->coded_stages > 0 && job->coded_stages <= level->stage_count;
    if (!fits)
        return 0;
    fits = level->codewords ? level->exp2 && level->codewords > 0 && level->codewords <= 1 << 15
                            : level->words_of_code == 1 && tables_fit(level->tables);
    fits = fits && rounding_fits(&level->first, job->condition) &&
           weights_fit(&level->from_state, (level->state + 1) / 2, level->first.lanes) &&
           weights_fit(&level->from_taps, 12 * words, level->first.lanes);
    int64_t codes = 0;
    for (int64_t k = 0; fits && k < job->coded_stages; k++) {
        fits = stage_fits(level, &level->stages[k], codes, job->condition);
        codes += level->stages[k].codes;
    }
    return fits;
}

static int job_fits(const Level *level, const Job *job)
{
    if (job->height < 1 || job->height > MOST_SIDE || job->width < 1 || job->width > MOST_SIDE ||
        job->height * job->width > MOST_POSITIONS || !job->codes || !level_fits(level, job))
        return 0;
    const int64_t tile_rows = (job->height + level->side - 1) / level->side;
    const int64_t tile_columns = (job->width + level->side - 1) / level->side;
    const int state = !level->state ||
                      (job->state && job->state_height >= job->height && job->state_width >= job->width &&
                       job->state_height <= 2 * MOST_SIDE && job->state_width <= 2 * MOST_SIDE);
    return state && job->first_tile >= 0 && job->first_tile < job->last_tile &&
           job->last_tile <= tile_rows * tile_columns;
}

static int updates_fit(const Level *level, const Job *job)
{
    if (level->update_count < 1 || level->update_count > MOST_UPDATES || !level->updates)
        return 0;
    int64_t channels = level->state + level->state % 2;
    int64_t words = level->channels * level->words_of_code;
    for (int64_t n = 0; n < level->update_count; n++) {
        const Update *update = &level->updates[n];
        const int64_t places = update->kernel * update->kernel, lanes = update->rounding.lanes;
        if ((update->kernel != 1 && update->kernel != 3) ||
            !rounding_fits(&update->rounding, job->condition) ||
            !weights_fit(&update->from_values, places * channels / 2, lanes) ||
            !weights_fit(&update->from_words, places * words, lanes))
            return 0;
        channels = lanes;
        words = 0;
    }
    return level->next_state > 0 && channels >= level->next_state * (level->halves ? 4 : 1);
}

static int choice_fits(const Level *level, const Job *job, const Source *source)
{
    const BookChoice *book = source->book;
    if (source->kind == FROM_STREAM)
        return source->port.reader->left >= 0 && source->port.reader->left <= (int64_t)1 << 28;
    if (source->kind == DRAWN)
        return source->port.drawer->next_double &&
               (level->codewords || (source->port.drawer->wide &&
                                     (source->port.drawer->narrow || !level->tables->narrow_rows)));
    if (source->kind == CHOSEN_GRID)
        return job->record && !level->codewords && (source->grid->latents32 || source->grid->latents64);
    if (source->kind == CHOSEN_BOOK)
        return job->record && level->codewords && book->residuals && book->codewords && book->norms &&
               book->bits && book->groups > 0 && book->depth > 0 && book->dim > 0 &&
               book->groups * book->depth == level->channels;
    return job->record != NULL;
}
