/* Bytes multiplied in fours by one instruction: u8 x s8 by AVX-512 VNNI, s8 x s8 by ARM's dot product, where the processor has it. */
#include "kernels/conv2d.int8.h"

#if defined(__AVX512BW__)

typedef int32_t int8_four __attribute__((aligned(1), may_alias)); /* bytes wherever they lie */

YL__INLINE __m512i load_x_across(const uint8_t *const *pixel, int64_t at, const int across)
{
    __m512i x = _mm512_set1_epi32(*(const int8_four *)(pixel[0] + at));
    if (across == 2) return _mm512_mask_set1_epi32(x, 0xff00, *(const int8_four *)(pixel[1] + at));
    x = _mm512_mask_set1_epi32(x, 0x00f0, *(const int8_four *)(pixel[1] + at));
    x = _mm512_mask_set1_epi32(x, 0x0f00, *(const int8_four *)(pixel[2] + at));
    return _mm512_mask_set1_epi32(x, 0xf000, *(const int8_four *)(pixel[3] + at));
}

YL__INLINE __m512i load_weights_across(const int8_t *at, const int across)
{
    return across == 2 ? _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)at))
                       : _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)at));
}
#define WAY vnni
#define TARGET __attribute__((target("avx512vnni")))
#define SUMS 1
#define DEEP 4
#define X_BYTES 1
#define sums_t __m512i
#define x_t __m512i
#define LOAD(at) _mm512_loadu_si512(at)
#define LOAD_X(at) _mm512_set1_epi32(*(const int8_four *)(at))
#define MULTIPLY(s, x, at) (s)[0] = _mm512_dpbusd_epi32((s)[0], x, _mm512_loadu_si512(at))
#define STORE(to, s) _mm512_storeu_si512(to, (s)[0])
#define ROWS_1 16
#define ROWS_2 12
#define ROWS_3 8
#define ROWS_4 6
#define ACROSS 4
#define LOAD_X_ACROSS load_x_across
#define MULTIPLY_ACROSS(s, x, at, across) (s)[0] = _mm512_dpbusd_epi32((s)[0], x, load_weights_across(at, across))
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_vnni, {0, 16, 12, 8, 6}, 4, 1, 4, 1, 0};
#define AVAILABLE __builtin_cpu_supports("avx512vnni")
#elif defined(__aarch64__)
#include <sys/auxv.h>

typedef int32_t int8_four __attribute__((aligned(1), may_alias)); /* bytes wherever they lie */
#define WAY dot
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define SUMS 1
#define DEEP 4
#define X_BYTES 1
#define sums_t int32x4_t
#define x_t int8x16_t
#define LOAD(at) vld1q_s32(at)
#define LOAD_X(at) vreinterpretq_s8_s32(vdupq_n_s32(*(const int8_four *)(at)))
#define MULTIPLY(s, x, at) (s)[0] = vdotq_s32((s)[0], vld1q_s8(at), x)
#define STORE(to, s) vst1q_s32((int32_t *)(to), (s)[0])
#define ROWS_1 16
#define ROWS_2 12
#define ROWS_3 8
#define ROWS_4 6
#define ACROSS 1
#include "kernels/conv2d.int8.tile.h"

static const yl__int8_way way = {int8_dot, {0, 16, 12, 8, 6}, 1, 1, 4, 1, 128};
#define AVAILABLE (getauxval(AT_HWCAP) & HWCAP_ASIMDDP)
#endif

#if defined(AVAILABLE)
#define ALGORITHM conv2d_int8_dot
#define NAME "int8_dot"
#define AT_ONCE 4
#include "kernels/conv2d.int8.algorithm.h"
#else
const yl_conv2d_algo YL_CPU(conv2d_int8_dot) = {.name = "int8_dot", .supports = yl_conv2d_never};
#endif
