/* Where the bits of a file are. */

/* Adds the code lengths in bits of known codes to `bits`, (height * width), for each position of a level.
 * The job has a record. */
EXPORT int net_code_lengths(const Level *level, const Job *job, int64_t kernels, float *bits)
{
    const int result = vqz_record(level, job, kernels);
    int64_t coded = 0;
    for (int64_t k = 0; !result && k < job->coded_stages; k++)
        coded += level->stages[k].codes;
    const int certain = level->codewords == 1;
    for (int64_t n = 0; !certain && n < job->height * job->width * coded; n++) {
        const uint32_t *record = job->record + 2 * n;
        const double length = level->codewords
                                  ? POINT_BITS - log2((double)record[1])
                                  : grid_bits(level->tables, record[1], 0, (int32_t)record[0]);
        bits[n / coded] += (float)length;
    }
    return result;
}
