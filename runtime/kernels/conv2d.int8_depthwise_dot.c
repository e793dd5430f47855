/* Depthwise convolution of bytes, multiplied in fours by AVX-512 VNNI's instruction. */
#include "kernels/conv2d.int8.h"

#if defined(__AVX512BW__)
#define ALGORITHM conv2d_int8_depthwise_dot
#define NAME "int8_depthwise_dot"
#define TARGET __attribute__((target("avx512vnni")))
#define DEEP 4
#define deep_t uint8_t
#define AVAILABLE __builtin_cpu_supports("avx512vnni")
#define MULTIPLY(s, x, w) (yl__sums) _mm512_dpbusd_epi32((__m512i)(s), (__m512i)(x), (__m512i)(w))
#include "kernels/conv2d.int8_depthwise.loop.h"
#else
const yl_conv2d_algo YL_CPU(conv2d_int8_depthwise_dot) = {.name = "int8_depthwise_dot", .supports = yl_conv2d_never};
#endif
