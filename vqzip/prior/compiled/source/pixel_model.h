/* What callers hand to the functions of pixels.h. The caller has proved that no sum of a layer leaves 32 bits. */

enum {
    MOST_PLANES = 3,
    OWN_INPUTS = 12,
    LUMA_INPUTS = 9,
    OTHER_INPUTS = 7,
    MOST_FEATURES = 70, /* an even number */
    MIXED = 3,          /* logistic distributions */
    OCTAVE = 4,         /* steps of `reciprocal` in a factor of two */
    EXPECTATIONS = 96,
    WIDTHS = 256,
    LOGISTIC = 2048,
    MOST_OUTPUTS = 128,
    MOST_TILE = 1 << 10, /* rows and columns of a tile */
};

typedef struct {
    Weights weights;
    Rounding rounding;
} PixelLayer;

typedef struct {
    const int32_t *first_weights; /* (2, MOST_PLANES, INPUTS) of predictors: at stride 16, at stride 1 */
    const int32_t *reciprocal;    /* (EXPECTATIONS) 2^18 / 2^(i / 4) */
    const int32_t *deviation;     /* (EXPECTATIONS) 2^(i / 4) */
    const int64_t *narrowness;    /* (WIDTHS) 2^32 / 2^(i / 8) */
    const int32_t *logistic;      /* (LOGISTIC + 1) 2^24 / (1 + exp(16 - i / 64)) */
    const int32_t *exponential;   /* (256) 2^(30 - i / 256) */
    PixelLayer layers[MOST_PLANES][3];
} PixelModel;

typedef struct {
    int64_t planes, height, width;
    int64_t depth;     /* bits of a sample, 8 or 16 */
    int64_t known;     /* samples whose row and column are multiples of it are not coded; 0 for none */
    uint16_t *samples; /* (planes, height, width) */
} PixelJob;

/* What was known about a sample, for training. */
typedef struct {
    int32_t prediction, expected;
    int16_t features[MOST_FEATURES];
} PixelNote;
