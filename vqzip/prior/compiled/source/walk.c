/* The walk over the codes of a level in one translation unit: prior, order, tables, rANS.
 *
 * It computes what the NumPy walk computes (vqzip/prior), number by number; docs/format.md says what
 * that is. Plain C99 with plain arrays; vqzip/prior/compiled/library.py calls it through ctypes.
 * No function keeps anything between calls, so that any number of threads may call them.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

#define ALWAYS_INLINE __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* Words of every position of some context tiles, with zeros around each tile. */
typedef struct {
    uint32_t *words; /* (positions, width) */
    uint64_t *some;  /* which of a position's words are not zero; NULL if words are often not zero */
    int64_t width;
} Words;

#include "model.h"
#include "predictor.h"
#include "instructions.h"
#include "streams.h"
#include "grid.h"
#include "book.h"
#include "tiles.h"
#include "run.h"
#include "sources.h"
#include "update.h"
#include "check.h"
#include "entry.h"
#include "pixel_model.h"
#include "pixel_context.h"
#include "pixel_mixture.h"
#include "pixel_repeat.h"
#include "pixels.h"
