/* What callers hand to the functions of walk.c. Every pointer comes with the lengths that bound it;
 * `check.h` holds them against each other before anything is read.
 *
 * Layers. An output is (sum of input * weight, plus bias) >> shift. Inputs and weights are 16-bit
 * integers, and the caller has proved that no partial sum leaves 32 bits. Inputs go in pairs, so a
 * weight has the shape (pairs, lanes, 2), where lanes are the outputs made up to a multiple of 16.
 *
 * Words. The features of a code are one or several pairs, and a pair is a *word* of 32 bits, its first
 * feature in the low half. A grid's code has one word, and code 0 has the word 0.
 */

#define LANES 16
#define MOST_CHANNELS 64
#define MOST_UPDATES 65
#define LARGEST_ACTIVATION 2047
#define LARGEST_CODE (1 << 20)
#define LARGEST_MEAN16 (1 << 20)
#define LARGEST_LOGIT 32767
#define MAGNITUDES 256
#define SCALES 64
#define SCALE_ROWS (16 * SCALES)
#define NARROW_RADIUS 1
#define WIDE_RADIUS 14
#define NARROW_STRIDE 8
#define WIDE_STRIDE 32

typedef struct {
    const int16_t *weight; /* (pairs, lanes, 2) */
    int64_t pairs, lanes;
} Weights;

typedef struct {
    const int32_t *bias;  /* (conditions, lanes) */
    const int32_t *shift; /* (lanes), 0 to 31 */
    int64_t conditions, lanes;
} Rounding;

typedef struct {
    const int32_t *channels; /* (codes), of the level's channels */
    int64_t codes;
    Weights from_first, from_words; /* hidden layer: sees `first`, and the words of earlier stages */
    Rounding hidden;
    Weights from_hidden;
    Rounding out;
} Stage;

typedef struct {
    Weights from_values, from_words; /* (kernel * kernel) places one after the other */
    Rounding rounding;
    int64_t kernel;
} Update;

typedef struct {
    const uint32_t *narrow; /* (narrow_rows, NARROW_STRIDE) boundaries in 2^24, the last one too */
    const uint32_t *wide;   /* (SCALE_ROWS, WIDE_STRIDE) */
    const uint8_t *low_bits, *escape_order; /* (SCALE_ROWS) each */
    const double *window_bits;              /* (SCALE_ROWS, 2 * WIDE_RADIUS + 3) */
    int64_t narrow_rows;
} Tables;

typedef struct {
    int64_t channels, words_of_code, side;
    int64_t codewords;       /* of a codebook; 0 for a grid */
    int64_t state;           /* channels of the running state */
    int64_t next_state;      /* channels of the next level's; 0 for the last level */
    int64_t halves;          /* whether the next level has half the stride */
    int64_t neighbor_mean;
    const uint32_t *features; /* grid: (2 * MAGNITUDES - 1); codebook: (channels, codewords, words_of_code) */
    const Tables *tables;     /* grid only */
    const uint32_t *exp2;     /* codebook only: (256), floor(2^(30 - f / 256)) */
    Weights from_state, from_taps;
    Rounding first;
    const Stage *stages;
    int64_t stage_count;
    const Update *updates;
    int64_t update_count;
} Level;

/* One level of one picture, and where its codes come from. */
typedef struct {
    int64_t height, width;
    const int16_t *state; /* (state_height, state_width, channels) */
    int64_t state_height, state_width;
    int64_t condition, coded_stages;
    int64_t first_tile, last_tile; /* context tiles, the last one not included */
    int32_t *codes;                /* (channels, height, width), read or written */
    /* (height * width, coded channels, 2): what `vqz_write` needs to know of each code. */
    uint32_t *record;
} Job;

/* How an encoder chooses codes of a grid. */
typedef struct {
    const float *latents32; /* (channels, height, width), in steps; one of the two */
    const double *latents64;
    double bit_price, deadzone;
} GridChoice;

/* How an encoder chooses codewords. All numbers are integers; a cost is one of them times `unit`. */
typedef struct {
    double *residuals;       /* (height, width, groups, dim), becomes what the codes leave */
    const double *codewords; /* (groups, depth, dim, codewords) */
    const double *norms;     /* (groups, depth, codewords): sums of squares */
    const double *bits;      /* (2^16 + 1) of each count */
    int64_t groups, depth, dim;
    double unit, bit_price;
} BookChoice;

typedef struct {
    const uint32_t *words;
    int64_t left;
    uint64_t state;
} Reader;

typedef struct {
    uint64_t *symbols; /* boundary, and width in the upper half */
    int64_t count, capacity;
    double probability; /* of all symbols: probability * 2^(-256 * exponent) */
    int64_t exponent;
} Writer;

/* Draws symbols; `next_double` is that of NumPy's bit generator. */
typedef struct {
    double (*next_double)(void *);
    void *generator;
    const double *narrow; /* (narrow_rows, 5) weights of the symbols up to each */
    const double *wide;   /* (SCALE_ROWS, 31) */
} Drawer;

enum Result {
    DONE = 0,
    NO_MEMORY = 1,
    DOES_NOT_FIT = 2,     /* sizes contradict each other: an error of the caller */
    READ_TOO_LARGE = 3,   /* a code beyond LARGEST_CODE was read or drawn */
    READ_NO_END = 4,      /* an escape without an end was read */
    CODE_TOO_LARGE = 5,   /* a code to be written is beyond LARGEST_CODE */
    CODE_NOT_IN_BOOK = 6, /* or not in its codebook */
    LATENT_NO_NUMBER = 7,
};
