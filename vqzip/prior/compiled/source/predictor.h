/* A linear predictor that learns from every sample: recursive least squares in integers.
 *
 * `covariance` and `response` are sums of products over the samples so far that fade by 2^-MEMORY a sample.
 * Every sample brings half of the weights one Gauss-Seidel step nearer to the least squares: those of even
 * inputs in even columns, the others in odd ones. Inputs here are in 1/64 of the expected error.
 */

enum { INPUTS = 28, MEMORY = 10, PRIOR_BITS = 20, WEIGHT_BITS = 16, LARGEST_WEIGHT = 1 << 18 };

typedef struct {
    int32_t covariance[INPUTS][INPUTS], response[INPUTS], weight[INPUTS];
    int count;
} Predictor;

static void predictor_begin(Predictor *predictor, const int32_t *weights, int count)
{
    memset(predictor, 0, sizeof *predictor);
    predictor->count = count;
    for (int i = 0; i < count; i++) {
        predictor->weight[i] = weights[i];
        predictor->covariance[i][i] = 1 << PRIOR_BITS;
        predictor->response[i] = weights[i] * (1 << (PRIOR_BITS - WEIGHT_BITS));
    }
}

static inline int32_t clipped(int64_t value, int64_t least, int64_t most)
{
    return (int32_t)(value < least ? least : value > most ? most : value);
}

static inline int32_t faded(int32_t sum, int32_t product)
{
    return sum - ((sum + (1 << (MEMORY - 1))) >> MEMORY) + product;
}

/* Takes the inputs of a sample, with zeros up to INPUTS, and what they should have predicted. */
static inline ALWAYS_INLINE void learn_sample(
    Predictor *predictor, const int32_t *inputs, int32_t target, int parity)
{
    const int count = predictor->count;
    for (int i = 0; i < count; i++) {
        int32_t *row = predictor->covariance[i];
        for (int j = 0; j < INPUTS; j++)
            row[j] = faded(row[j], inputs[i] * inputs[j]);
        predictor->response[i] = faded(predictor->response[i], inputs[i] * target);
    }
    for (int i = parity; i < count; i += 2) {
        const int32_t *row = predictor->covariance[i];
        int64_t missing = 0;
        for (int j = 0; j < INPUTS; j++)
            missing += (int64_t)row[j] * predictor->weight[j];
        missing = (int64_t)predictor->response[i] * (1 << WEIGHT_BITS) - missing;
        const int64_t step = missing / ((int64_t)row[i] + (row[i] >> 8) + 4096);
        predictor->weight[i] = clipped(predictor->weight[i] + step, -LARGEST_WEIGHT, LARGEST_WEIGHT);
    }
}
