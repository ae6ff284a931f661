/* The functions that are called from outside. Each returns a `Result`, if nothing else is said. */

/* Walks one step: every stage at the positions of one rank. */
static int walk_step(Run *run, const Source *source)
{
    const Level *level = run->level;
    int64_t first_code = 0;
    int result = DONE;
    enter(run);
    for (int64_t k = 0; k < run->job->coded_stages && !result; k++) {
        const Stage *stage = &level->stages[k];
        for (int64_t p = 0; p < run->count && !result; p += BLOCK) {
            const int64_t n = run->count - p < BLOCK ? run->count - p : BLOCK;
            stage_outputs(run, stage, first_code * level->words_of_code, p, n);
            if (level->codewords)
                result = book_codes(run, source, stage, first_code, p, n);
            else
                note_rows(run, stage, p, n);
        }
        if (!result && !level->codewords)
            result = source->kind == FROM_STREAM || source->kind == DRAWN
                         ? pass_grid_stage(run, source, run->count * stage->codes)
                         : record_grid_stage(run, source, stage, first_code);
        if (!result)
            learn(run, stage, first_code);
        first_code += stage->codes;
        if (!result && source->kind != KNOWN) {
            const int64_t plane = run->tiles.height * run->tiles.width;
            for (int64_t p = 0; p < run->count; p++)
                for (int64_t c = 0; c < stage->codes; c++)
                    run->job->codes[stage->channels[c] * plane + run->raster[p]] =
                        run->passed[p * stage->codes + c];
        }
    }
    return result;
}

static int walk_level(const Level *level, const Job *job, const Source *source, const Kernels *kernels)
{
    if (!job_fits(level, job) || !choice_fits(level, job, source))
        return DOES_NOT_FIT;
    Run run;
    int result = run_begin(&run, level, job, kernels);
    if (!result)
        result = run_scratch(&run);
    if (!result)
        result = run_state(&run);
    const int64_t ranks = 3 * level->side - 2;
    for (int64_t rank = 0; rank < ranks && !result; rank++) {
        find_positions(&run, rank);
        if (run.count)
            result = walk_step(&run, source);
    }
    run_end(&run);
    return result;
}

static const Kernels *kernels_at(int64_t number)
{
    const Kernels *found[MOST_KERNELS];
    const int count = available_kernels(found);
    return number >= 0 && number < count ? found[number] : NULL;
}

/* Returns the name of the instructions of a number, or NULL beyond the last. 0 is the fastest. */
EXPORT const char *vqz_kernels(int64_t number)
{
    const Kernels *kernels = kernels_at(number);
    return kernels ? kernels->name : NULL;
}

/* Returns sizes of the structures, so that a caller can see whether it means the same ones. */
EXPORT int64_t vqz_layout(void)
{
    return (int64_t)(sizeof(Level) + 7 * sizeof(Job) + 11 * sizeof(Stage) + 13 * sizeof(Update) +
                     17 * sizeof(Tables) + 19 * sizeof(GridChoice) + 23 * sizeof(BookChoice) +
                     29 * sizeof(Reader) + 31 * sizeof(Writer) + 37 * sizeof(Drawer));
}

EXPORT int vqz_read(const Level *level, const Job *job, Reader *reader, int64_t kernels)
{
    Reader local = *reader; /* may stay in registers */
    const Source source = {FROM_STREAM, {&local, NULL, NULL}, NULL, NULL};
    const Kernels *chosen = kernels_at(kernels);
    const int result = chosen ? walk_level(level, job, &source, chosen) : DOES_NOT_FIT;
    *reader = local;
    return result;
}

EXPORT int vqz_draw(const Level *level, const Job *job, const Drawer *drawer, int64_t kernels)
{
    const Source source = {DRAWN, {NULL, NULL, drawer}, NULL, NULL};
    const Kernels *chosen = kernels_at(kernels);
    return chosen ? walk_level(level, job, &source, chosen) : DOES_NOT_FIT;
}

/* Records known codes of some context tiles for `vqz_write`. */
EXPORT int vqz_record(const Level *level, const Job *job, int64_t kernels)
{
    const Source source = {KNOWN, {NULL, NULL, NULL}, NULL, NULL};
    const Kernels *chosen = kernels_at(kernels);
    return chosen ? walk_level(level, job, &source, chosen) : DOES_NOT_FIT;
}

/* Chooses codes of some context tiles and records them. */
EXPORT int vqz_choose_grid(const Level *level, const Job *job, const GridChoice *choice, int64_t kernels)
{
    const Source source = {CHOSEN_GRID, {NULL, NULL, NULL}, choice, NULL};
    const Kernels *chosen = kernels_at(kernels);
    return chosen ? walk_level(level, job, &source, chosen) : DOES_NOT_FIT;
}

EXPORT int vqz_choose_book(const Level *level, const Job *job, const BookChoice *choice, int64_t kernels)
{
    const Source source = {CHOSEN_BOOK, {NULL, NULL, NULL}, NULL, choice};
    const Kernels *chosen = kernels_at(kernels);
    return chosen ? walk_level(level, job, &source, chosen) : DOES_NOT_FIT;
}

/* Writes the codes of one stage at one step. */
static int write_stage(Run *run, const Port *port, const Stage *stage, int64_t first_code)
{
    const int64_t n = run->count * stage->codes;
    if (writer_reserve(port->writer, n * MOST_SYMBOLS_OF_CODE))
        return NO_MEMORY;
    for (int64_t p = 0; p < run->count; p++)
        for (int64_t c = 0; c < stage->codes; c++) {
            const uint32_t *record =
                run->job->record + (run->raster[p] * run->coded + first_code + c) * 2;
            if (run->level->codewords) {
                write_recorded(port->writer, record, run->level->codewords);
                continue;
            }
            run->grid.value[p * stage->codes + c] = (int32_t)record[0];
            ((uint16_t *)run->grid.row)[p * stage->codes + c] = (uint16_t)record[1];
        }
    return run->level->codewords
               ? DONE
               : pass_grid_codes(port, WRITE, run->level->tables, &run->grid, n);
}

/* Writes the recorded codes of all context tiles of a level, in coding order. */
EXPORT int vqz_write(const Level *level, const Job *job, Writer *writer)
{
    if (!job_fits(level, job) || !job->record)
        return DOES_NOT_FIT;
    if (level->codewords == 1)
        return DONE;
    Run run;
    const Port port = {NULL, writer, NULL};
    int result = run_begin(&run, level, job, &plain_kernels);
    if (!result)
        result = run_scratch(&run);
    for (int64_t rank = 0; rank < 3 * level->side - 2 && !result; rank++) {
        find_positions(&run, rank);
        for (int64_t k = 0, first_code = 0; k < job->coded_stages && !result; k++) {
            result = write_stage(&run, &port, &level->stages[k], first_code);
            first_code += level->stages[k].codes;
        }
    }
    run_end(&run);
    return result;
}

/* Returns the number of words of all that was written; `words` has room for writer->count + 2. */
EXPORT int64_t vqz_finish(const Writer *writer, uint32_t *words)
{
    return stack_words(writer, words);
}

EXPORT void vqz_free(Writer *writer)
{
    free(writer->symbols);
    writer->symbols = NULL;
    writer->count = writer->capacity = 0;
}

/* Makes the running state of the next level under some context tiles. `next` has `next_size` numbers:
 * (height, width, channels), twice as high and wide where the stride halves. */
EXPORT int vqz_advance(
    const Level *level, const Job *job, int16_t *next, int64_t next_size, int64_t kernels)
{
    const Kernels *chosen = kernels_at(kernels);
    const int64_t scale = level->halves ? 2 : 1;
    if (!chosen || !job_fits(level, job) || !updates_fit(level, job) ||
        next_size / (scale * scale) / job->height / job->width != level->next_state ||
        next_size % (scale * scale * job->height * job->width))
        return DOES_NOT_FIT;
    int result = DONE;
    for (int64_t tile = job->first_tile; tile < job->last_tile && !result; tile++) {
        Job one = *job;
        Run run;
        one.first_tile = tile;
        one.last_tile = tile + 1;
        result = run_begin(&run, level, &one, chosen);
        if (!result)
            result = update_scratch(&run);
        if (!result)
            result = advance_tile(&run, tile, next);
        run_end(&run);
    }
    return result;
}
