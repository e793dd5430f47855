/* Squares of YL_VL x YL_VL numbers turned over in registers: from pixels of channels to channels of pixels, and back. */
#ifndef YL_KERNELS_TRANSPOSE_H
#define YL_KERNELS_TRANSPOSE_H

#include "kernels/lanes.h"

/* Eklundh's method, a step: of rows a and b, which lie `s` apart, every second run of `s` lanes changes places. LOW and HIGH are lane l of
 * the new a and b, in lanes of a and b one after the other. */
#define YL__LOW(l, s) ((l) & (s) ? YL_VL + (l) - (s) : (l))
#define YL__HIGH(l, s) ((l) & (s) ? YL_VL + (l) : (l) + (s))
#define YL__LANES_4(L, s, at) L(at, s), L(at + 1, s), L(at + 2, s), L(at + 3, s)
#define YL__LANES_8(L, s, at) YL__LANES_4(L, s, at), YL__LANES_4(L, s, at + 4)
#define YL__LANES_16(L, s, at) YL__LANES_8(L, s, at), YL__LANES_8(L, s, at + 8)
#define YL__EACH_LANE(L, s) YL_LANES_OF(YL__LANES, YL_VL)(L, s, 0)
#ifdef __clang__
#define YL__SHUFFLE(a, b, L, s) __builtin_shufflevector(a, b, YL__EACH_LANE(L, s))
#else
#define YL__SHUFFLE(a, b, L, s) __builtin_shuffle(a, b, (YL_LANES_OF(bits, YL_VL)){YL__EACH_LANE(L, s)})
#endif

#define YL__TRANSPOSE_STEP(rows, s)                                                                                    \
    _Pragma("GCC unroll 16") for (int i = 0; i < YL_VL; i++) if (!(i & (s)))                                           \
    {                                                                                                                  \
        YL_LANES_OF(vec, YL_VL) a = rows[i], b = rows[i + (s)];                                                        \
        rows[i] = YL__SHUFFLE(a, b, YL__LOW, s);                                                                       \
        rows[i + (s)] = YL__SHUFFLE(a, b, YL__HIGH, s);                                                                \
    }

/* rows[i][j] <-> rows[j][i] */
YL__INLINE void yl__transpose(YL_LANES_OF(vec, YL_VL) rows[YL_VL])
{
#if YL_VL >= 16
    YL__TRANSPOSE_STEP(rows, 8)
#endif
#if YL_VL >= 8
    YL__TRANSPOSE_STEP(rows, 4)
#endif
    YL__TRANSPOSE_STEP(rows, 2)
    YL__TRANSPOSE_STEP(rows, 1)
}

#endif
