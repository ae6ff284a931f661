/* The sets of instructions that products are compiled for, and the choice among them at run time. */

typedef struct {
    /* Adds inputs * weights to sums (count, lanes), or to `start` (lanes) if that is given. */
    void (*dense)(int32_t *sums, const int32_t *start, const int16_t *const *inputs, int64_t offset,
                  int64_t count, const int16_t *weight, int64_t pairs, int64_t lanes);
    /* The same for the words around positions of a map, of which most are zero. */
    void (*sparse)(int32_t *sums, const Words *map, const int64_t *at, int64_t count,
                   const int64_t *taps, int64_t tap_count, uint64_t keep, const int16_t *weight,
                   int64_t words_of_tap, int64_t lanes);
    void (*shift)(int32_t *sums, int64_t count, const int32_t *shift, int64_t lanes);
    /* Shifts, applies the leaky ReLU (slope 1/8, rounded down), clips to 12 bits. */
    void (*activate)(const int32_t *sums, int64_t count, const int32_t *shift, int64_t lanes,
                     int16_t *out);
    void (*learn)(Predictor *predictor, const int32_t *inputs, int32_t target, int parity);
    const char *name;
} Kernels;

static inline uint32_t load_pair(const int16_t *at)
{
    uint32_t pair;
    memcpy(&pair, at, sizeof pair);
    return pair;
}

static inline int64_t lowest_bit(uint64_t x)
{
    return __builtin_ctzll(x);
}

/* Plain C: the meaning of all the others. */

static void add_pair(int32_t *sums, const int16_t *weight, int64_t lanes, uint32_t pair)
{
    const int32_t x = (int16_t)(pair & 0xffff), y = (int16_t)(pair >> 16);
    for (int64_t lane = 0; lane < lanes; lane++)
        sums[lane] += weight[2 * lane] * x + weight[2 * lane + 1] * y;
}

static void plain_dense(
    int32_t *sums, const int32_t *start, const int16_t *const *inputs, int64_t offset, int64_t count,
    const int16_t *weight, int64_t pairs, int64_t lanes)
{
    for (int64_t p = 0; p < count; p++) {
        if (start)
            memcpy(sums + p * lanes, start, (size_t)lanes * sizeof *sums);
        for (int64_t pair = 0; pair < pairs; pair++)
            add_pair(sums + p * lanes, weight + pair * lanes * 2, lanes,
                     load_pair(inputs[p] + offset + 2 * pair));
    }
}

static void plain_sparse(
    int32_t *sums, const Words *map, const int64_t *at, int64_t count, const int64_t *taps,
    int64_t tap_count, uint64_t keep, const int16_t *weight, int64_t words_of_tap, int64_t lanes)
{
    for (int64_t p = 0; p < count; p++)
        for (int64_t tap = 0; tap < tap_count; tap++) {
            const int64_t there = at[p] + taps[tap];
            for (uint64_t some = map->some[there] & keep; some; some &= some - 1) {
                const int64_t word = lowest_bit(some);
                add_pair(sums + p * lanes, weight + (tap * words_of_tap + word) * lanes * 2, lanes,
                         map->words[there * map->width + word]);
            }
        }
}

static void plain_shift(int32_t *sums, int64_t count, const int32_t *shift, int64_t lanes)
{
    for (int64_t p = 0; p < count; p++)
        for (int64_t lane = 0; lane < lanes; lane++)
            sums[p * lanes + lane] >>= shift[lane];
}

static void plain_activate(
    const int32_t *sums, int64_t count, const int32_t *shift, int64_t lanes, int16_t *out)
{
    for (int64_t p = 0; p < count; p++)
        for (int64_t lane = 0; lane < lanes; lane++) {
            const int32_t v = sums[p * lanes + lane] >> shift[lane];
            const int32_t leaky = v < 0 ? v >> 3 : v;
            out[p * lanes + lane] = (int16_t)(leaky > LARGEST_ACTIVATION    ? LARGEST_ACTIVATION
                                              : leaky < -LARGEST_ACTIVATION ? -LARGEST_ACTIVATION
                                                                            : leaky);
        }
}

static void plain_learn(Predictor *predictor, const int32_t *inputs, int32_t target, int parity)
{
    learn_sample(predictor, inputs, target, parity);
}

static const Kernels plain_kernels = {
    plain_dense, plain_sparse, plain_shift, plain_activate, plain_learn, "plain C",
};

#if defined(__x86_64__)
#include <immintrin.h>

static inline __m128i shift_4(__m128i v, __m128i s)
{
    int32_t numbers[4], shifts[4];
    _mm_storeu_si128((__m128i_u *)numbers, v);
    _mm_storeu_si128((__m128i_u *)shifts, s);
    for (int i = 0; i < 4; i++)
        numbers[i] >>= shifts[i];
    return _mm_loadu_si128((const __m128i_u *)numbers);
}

static inline __m128i larger_4(__m128i a, __m128i b)
{
    const __m128i a_is = _mm_cmpgt_epi32(a, b);
    return _mm_or_si128(_mm_and_si128(a_is, a), _mm_andnot_si128(a_is, b));
}

static inline __m128i smaller_4(__m128i a, __m128i b)
{
    const __m128i a_is = _mm_cmpgt_epi32(b, a);
    return _mm_or_si128(_mm_and_si128(a_is, a), _mm_andnot_si128(a_is, b));
}

#define NAME(f) sse2_##f
#define TARGET
#define KERNELS_LABEL "SSE2"
#define V __m128i
#define VL 4
#define V_LOAD(p) _mm_loadu_si128((const __m128i_u *)(p))
#define V_STORE(p, v) _mm_storeu_si128((__m128i_u *)(p), v)
#define V_SET(x) _mm_set1_epi32((int32_t)(x))
#define V_DOT(sum, w, x) _mm_add_epi32(sum, _mm_madd_epi16(w, x))
#define V_SHIFT(v, s) shift_4(v, s)
#define V_MAX(a, b) larger_4(a, b)
#define V_MIN(a, b) smaller_4(a, b)
#define V_STORE16(p, v) _mm_storel_epi64((__m128i_u *)(p), _mm_packs_epi32(v, v))
#define ROWS 2
#define VECTORS 4
#include "kernels.h"

#define NAME(f) avx2_##f
#define TARGET __attribute__((target("avx2")))
#define KERNELS_LABEL "AVX2"
#define V __m256i
#define VL 8
#define V_LOAD(p) _mm256_loadu_si256((const __m256i_u *)(p))
#define V_STORE(p, v) _mm256_storeu_si256((__m256i_u *)(p), v)
#define V_SET(x) _mm256_set1_epi32((int32_t)(x))
#define V_DOT(sum, w, x) _mm256_add_epi32(sum, _mm256_madd_epi16(w, x))
#define V_SHIFT(v, s) _mm256_srav_epi32(v, s)
#define V_MAX(a, b) _mm256_max_epi32(a, b)
#define V_MIN(a, b) _mm256_min_epi32(a, b)
#define V_STORE16(p, v) \
    _mm_storeu_si128((__m128i_u *)(p), \
                     _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)))
#define ROWS 4
#define VECTORS 2
#include "kernels.h"

#define NAME(f) vnni_##f
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define KERNELS_LABEL "AVX-512 VNNI"
#define V __m512i
#define VL 16
#define V_LOAD(p) _mm512_loadu_si512(p)
#define V_STORE(p, v) _mm512_storeu_si512(p, v)
#define V_SET(x) _mm512_set1_epi32((int32_t)(x))
#define V_DOT(sum, w, x) _mm512_dpwssd_epi32(sum, w, x)
#define V_SHIFT(v, s) _mm512_srav_epi32(v, s)
#define V_MAX(a, b) _mm512_max_epi32(a, b)
#define V_MIN(a, b) _mm512_min_epi32(a, b)
#define V_STORE16(p, v) _mm256_storeu_si256((__m256i_u *)(p), _mm512_cvtepi32_epi16(v))
#define ROWS 4
#define VECTORS 4
#include "kernels.h"
#endif

#if defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>

static inline int32x4_t dot_8(int32x4_t sum, int16x8_t w, int16x8_t x)
{
    const int32x4_t low = vmull_s16(vget_low_s16(w), vget_low_s16(x));
    return vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(w, x)));
}

#define NAME(f) neon_##f
#define TARGET
#define KERNELS_LABEL "NEON"
#define V int32x4_t
#define VL 4
#define V_LOAD(p) vreinterpretq_s32_u8(vld1q_u8((const uint8_t *)(p)))
#define V_STORE(p, v) vst1q_u8((uint8_t *)(p), vreinterpretq_u8_s32(v))
#define V_SET(x) vdupq_n_s32((int32_t)(x))
#define V_DOT(sum, w, x) dot_8(sum, vreinterpretq_s16_s32(w), vreinterpretq_s16_s32(x))
#define V_SHIFT(v, s) vshlq_s32(v, vnegq_s32(s))
#define V_MAX(a, b) vmaxq_s32(a, b)
#define V_MIN(a, b) vminq_s32(a, b)
#define V_STORE16(p, v) vst1_s16(p, vqmovn_s32(v))
#define ROWS 4
#define VECTORS 4
#include "kernels.h"
#endif

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>

static inline v128_t shift_4(v128_t v, v128_t s)
{
    return wasm_i32x4_make(
        wasm_i32x4_extract_lane(v, 0) >> wasm_i32x4_extract_lane(s, 0),
        wasm_i32x4_extract_lane(v, 1) >> wasm_i32x4_extract_lane(s, 1),
        wasm_i32x4_extract_lane(v, 2) >> wasm_i32x4_extract_lane(s, 2),
        wasm_i32x4_extract_lane(v, 3) >> wasm_i32x4_extract_lane(s, 3));
}

#define NAME(f) wasm_##f
#define TARGET
#define KERNELS_LABEL "SIMD128"
#define V v128_t
#define VL 4
#define V_LOAD(p) wasm_v128_load(p)
#define V_STORE(p, v) wasm_v128_store(p, v)
#define V_SET(x) wasm_i32x4_splat((int32_t)(x))
#define V_DOT(sum, w, x) wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(w, x))
#define V_SHIFT(v, s) shift_4(v, s)
#define V_MAX(a, b) wasm_i32x4_max(a, b)
#define V_MIN(a, b) wasm_i32x4_min(a, b)
#define V_STORE16(p, v) wasm_v128_store64_lane(p, wasm_i16x8_narrow_i32x4(v, v), 0)
#define ROWS 2
#define VECTORS 4
#include "kernels.h"
#endif

#if defined(__x86_64__)
#include <cpuid.h>

/* Says what processor and system have of AVX2 and AVX-512 VNNI: bits 0 and 1. It asks the processor itself, for
 * not every compiler's own function for that works in a shared library. */
static int wide_instructions(void)
{
    enum { OSXSAVE = 1 << 27, YMM = 0x06, ZMM = 0xe6, AVX2 = 1 << 5 };
    const unsigned avx512 = 1u << 16 | 1u << 30 | 1u << 31, vnni = 1u << 11; /* F, BW, VL */
    unsigned a, b, c, d, saved, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE))
        return 0;
    /* Which registers the system keeps for a process. */
    __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if ((saved & YMM) != YMM || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return 0;
    const int both = (saved & ZMM) == ZMM && (b & avx512) == avx512 && (c & vnni);
    return ((b & AVX2) != 0) | both << 1;
}
#endif

#define MOST_KERNELS 4

/* Finds what this processor can run, the fastest first; returns how many there are. */
static int available_kernels(const Kernels *found[MOST_KERNELS])
{
    int count = 0;
#if defined(__x86_64__)
    const int wide = wide_instructions();
    if (wide & 2)
        found[count++] = &vnni_kernels;
    if (wide & 1)
        found[count++] = &avx2_kernels;
    found[count++] = &sse2_kernels;
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
    found[count++] = &neon_kernels;
#endif
#if defined(__wasm_simd128__)
    found[count++] = &wasm_kernels;
#endif
    found[count++] = &plain_kernels;
    return count;
}
