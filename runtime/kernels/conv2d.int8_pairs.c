/* Bytes widened to 16 bits, whose products are added in pairs to sums of 32 bits: exact, where AVX2's instruction for bytes would
 * saturate. On ARM, products of bytes of 16 bits, added in pairs. */
#include "kernels/conv2d.int8.h"

#if defined(__AVX512BW__)

typedef int64_t int8_eight __attribute__((aligned(1), may_alias));

/* Neighbouring halves of a sum, which lie in two registers, added. */
YL__INLINE __m512i joined(__m512i low, __m512i high)
{
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    return _mm512_add_epi32(_mm512_permutex2var_epi32(low, even, high), _mm512_permutex2var_epi32(low, odd, high));
}
#define WAY pairs
#define TARGET
#define SUMS 2
#define X_BYTES 2
#define sums_t __m512i
#define x_t __m512i
#define LOAD(at) _mm512_loadu_si512(at)
#define LOAD_X(at) _mm512_set1_epi64(*(const int8_eight *)(at))
#define HALF(at) _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(at)))
#define MULTIPLY(s, x, at)                                                                                             \
    (s)[0] = _mm512_add_epi32((s)[0], _mm512_madd_epi16(x, HALF(at))),                                                 \
    (s)[1] = _mm512_add_epi32((s)[1], _mm512_madd_epi16(x, HALF((at) + 32)))
#define STORE(to, s) _mm512_storeu_si512(to, joined((s)[0], (s)[1]))
#define ROWS_1 12
#define ROWS_2 6
#define ROWS_3 4
#define ROWS_4 3
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_pairs, {0, 12, 6, 4, 3}, 1, 2, 2, 0};
#elif defined(__AVX2__)

typedef int64_t int8_eight __attribute__((aligned(1), may_alias));
#define WAY pairs
#define TARGET
#define SUMS 2
#define X_BYTES 2
#define sums_t __m256i
#define x_t __m256i
#define LOAD(at) _mm256_loadu_si256((const __m256i *)(at))
#define LOAD_X(at) _mm256_set1_epi64x(*(const int8_eight *)(at))
#define HALF(at) _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(at)))
#define MULTIPLY(s, x, at)                                                                                             \
    (s)[0] = _mm256_add_epi32((s)[0], _mm256_madd_epi16(x, HALF(at))),                                                 \
    (s)[1] = _mm256_add_epi32((s)[1], _mm256_madd_epi16(x, HALF((at) + 16)))
#define STORE(to, s)                                                                                                   \
    _mm256_storeu_si256((__m256i *)(to), _mm256_permute4x64_epi64(_mm256_hadd_epi32((s)[0], (s)[1]), 0xd8))
#define ROWS_1 5
#define ROWS_2 3
#define ROWS_3 2
#define ROWS_4 1
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_pairs, {0, 5, 3, 2, 1}, 1, 2, 2, 0};
#elif defined(__SSE4_1__)

typedef int64_t int8_eight __attribute__((aligned(1), may_alias));
#define WAY pairs
#define TARGET
#define SUMS 2
#define X_BYTES 2
#define sums_t __m128i
#define x_t __m128i
#define LOAD(at) _mm_loadu_si128((const __m128i *)(at))
#define LOAD_X(at) _mm_set1_epi64x(*(const int8_eight *)(at))
#define HALF(at) _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(at)))
#define MULTIPLY(s, x, at)                                                                                             \
    (s)[0] = _mm_add_epi32((s)[0], _mm_madd_epi16(x, HALF(at))),                                                       \
    (s)[1] = _mm_add_epi32((s)[1], _mm_madd_epi16(x, HALF((at) + 8)))
#define STORE(to, s) _mm_storeu_si128((__m128i *)(to), _mm_hadd_epi32((s)[0], (s)[1]))
#define ROWS_1 5
#define ROWS_2 3
#define ROWS_3 2
#define ROWS_4 1
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_pairs, {0, 5, 3, 2, 1}, 1, 2, 2, 0};
#elif defined(__aarch64__)

typedef int32_t int8_four __attribute__((aligned(1), may_alias)); /* bytes wherever they lie */
#define WAY pairs
#define TARGET
#define SUMS 2
#define X_BYTES 1
#define sums_t int32x4_t
#define x_t int8x16_t
#define LOAD(at) vld1q_s32(at)
#define LOAD_X(at) vreinterpretq_s8_s32(vdupq_n_s32(*(const int8_four *)(at)))
#define MULTIPLY(s, x, at)                                                                                             \
    (s)[0] = vpadalq_s16((s)[0], vmull_s8(vld1_s8(at), vget_low_s8(x))),                                               \
    (s)[1] = vpadalq_s16((s)[1], vmull_high_s8(vld1q_s8(at), x))
#define STORE(to, s) vst1q_s32((int32_t *)(to), vpaddq_s32((s)[0], (s)[1]))
#define ROWS_1 12
#define ROWS_2 6
#define ROWS_3 4
#define ROWS_4 3
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_pairs, {0, 12, 6, 4, 3}, 1, 2, 1, 128};
#else
typedef struct four {
    int32_t lane[YL_INT8_LANES];
} four;

YL__INLINE void multiply(four *s, const uint8_t *x, const int8_t *w)
{
    for (int j = 0; j < YL_INT8_LANES; j++)
        for (int k = 0; k < YL_INT8_DEEP; k++) s->lane[j] += x[k] * w[j * YL_INT8_DEEP + k];
}
#define WAY plain
#define TARGET
#define SUMS 1
#define X_BYTES 1
#define sums_t four
#define x_t const uint8_t *
#define LOAD(at) (*(const four *)(at))
#define LOAD_X(at) (at)
#define MULTIPLY(s, x, at) multiply(&(s)[0], x, at)
#define STORE(to, s) memcpy(to, (s)[0].lane, sizeof(yl__sums))
#define ROWS_1 2
#define ROWS_2 2
#define ROWS_3 1
#define ROWS_4 1
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_plain, {0, 2, 2, 1, 1}, 1, 1, 1, 0};
#endif

static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx;
    return YL_CPU(int8_supports)(g, d);
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return yl_conv2d_work(g) / 2;
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx, (void)d;
    return YL_CPU(int8_scratch_bytes)(&way, g);
}

static yl_status run(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    (void)d;
    return YL_CPU(int8_run)(&way, ctx, g, run);
}

const yl_conv2d_algo YL_CPU(conv2d_int8_pairs) = {
    .name = "int8_pairs",
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = YL_CPU(int8_packed_bytes),
    .pack = YL_CPU(int8_pack),
    .run = run,
};
