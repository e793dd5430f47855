/* The inner loop of the direct and Winograd convolutions: a small matrix product whose result stays in registers.
 *
 *   C[i, j] (+)= sum over runs r, steps k of A[i, r, k] * B[r, k, j],   i < m <= YL_MR,  j < cols <= YL_NR
 *
 * A is read one number at a time and spread over a vector, B a row of YL_NR numbers at a time: the shape of Goto & van
 * de Geijn 2008, fig. 11, with operands wherever they lie. Vectors are the compiler's, as wide as the instruction
 * set's. */
#ifndef YL_KERNELS_TILE_H
#define YL_KERNELS_TILE_H

#include "core/status.h"

#include <string.h>

#if defined(__AVX512F__)
#define YL_VL 16 /* floats in a vector */
#define YL_MR 14 /* rows of a tile: YL_MR * 2 sums, two rows of B and one number of A fill the registers */
#elif defined(__AVX__)
#define YL_VL 8
#define YL_MR 6
#elif defined(__aarch64__)
#define YL_VL 4
#define YL_MR 14 /* NEON has 32 registers, as AVX-512 has */
#else
#define YL_VL 4
#define YL_MR 6
#endif
#define YL_NR (2 * YL_VL)

typedef float yl__vec __attribute__((vector_size(YL_VL * 4), aligned(4), may_alias));

typedef struct yl__tile {
    const float *a; /* A[i, r, k] = a[a_run[r] + i * a_row + k * a_step] */
    const float *b; /* B[r, k, j] = b[b_run[r] + k * b_step + j] */
    const int64_t *a_run, *b_run;
    int64_t a_row, a_step, b_step;
    int64_t runs, length; /* runs, and steps in each */
    float *c;             /* C[i, j] = c[i * c_row + j] */
    int64_t c_row;
    int cols;
    bool add;          /* to what C holds */
    const float *bias; /* YL_NR numbers, added at the end; NULL: none */
    bool leaky;        /* and then x > 0 ? x : slope * x */
    float slope;
} yl__tile;

typedef int32_t yl__bits __attribute__((vector_size(YL_VL * 4), aligned(4), may_alias));

#define YL__INLINE static inline __attribute__((always_inline))

/* x > 0 ? x : slope * x, lane by lane. */
YL__INLINE yl__vec yl__vec_leaky(yl__vec x, float slope)
{
    yl__bits above = x > 0.0f;
    return (yl__vec)((above & (yl__bits)x) | (~above & (yl__bits)(x * slope)));
}

/* Copies fewer floats than a vector holds, in steps of a known size: one of an unknown size would be a call for each row. */
YL__INLINE void yl__tail_copy(float *to, const float *from, int count)
{
    if (YL_VL > 8 && count & 8) memcpy(to, from, 8 * sizeof *to), to += 8, from += 8;
    if (YL_VL > 4 && count & 4) memcpy(to, from, 4 * sizeof *to), to += 4, from += 4;
    if (count & 2) memcpy(to, from, 2 * sizeof *to), to += 2, from += 2;
    if (count & 1) *to = *from;
}

/* C = epilogue(sums), in registers; a last vector that is not whole goes through memory. */
YL__INLINE void yl__tile_store(const yl__tile *t, const int m, const int nv, yl__vec acc[YL_MR][2])
{
    const bool whole = t->cols == nv * YL_VL;
    const int tail = t->cols - (nv - 1) * YL_VL; /* of the last vector, if it is not whole */
#pragma GCC unroll 16
    for (int i = 0; i < m; i++)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) {
            float *to = t->c + i * t->c_row + v * YL_VL, lanes[YL_VL] = {0};
            const bool full = whole || v + 1 < nv;
            if (t->add && !full) yl__tail_copy(lanes, to, tail);
            if (t->add) acc[i][v] += full ? *(yl__vec *)to : *(yl__vec *)lanes;
            if (t->bias) acc[i][v] += *(const yl__vec *)(t->bias + v * YL_VL);
            if (t->leaky) acc[i][v] = yl__vec_leaky(acc[i][v], t->slope);
            *(yl__vec *)(full ? to : lanes) = acc[i][v];
            if (!full) yl__tail_copy(to, lanes, tail);
        }
}

/* `across`: A's rows lie next to each other (a_row 1); else its steps do (a_step 1) and B's rows are packed (b_step
 * YL_NR). */
YL__INLINE void yl__tile_run(const yl__tile *t, const int m, const int nv, const bool across)
{
    yl__vec acc[YL_MR][2];
#pragma GCC unroll 16
    for (int i = 0; i < m; i++) acc[i][0] = acc[i][1] = (yl__vec){0};
    const int64_t row = across ? 1 : t->a_row, row3 = 3 * row, a_step = across ? t->a_step : 1;
    const int64_t b_step = across ? t->b_step : YL_NR;
    for (int64_t r = 0; r < t->runs; r++) {
        const float *b = t->b + t->b_run[r], *a0 = t->a + t->a_run[r], *a4 = a0 + 4 * row, *a8 = a0 + 8 * row,
                    *a12 = a0 + 12 * row;
        for (int64_t k = t->length; k > 0; k--) {
            yl__vec b0 = *(const yl__vec *)b, b1 = nv > 1 ? *(const yl__vec *)(b + YL_VL) : b0;
#pragma GCC unroll 16
            for (int i = 0; i < m; i++) {
                const float *base = i < 4 ? a0 : i < 8 ? a4 : i < 12 ? a8 : a12;
                const int q = i & 3;
                float a = base[q == 0 ? 0 : q == 1 ? row : q == 2 ? 2 * row : row3];
                acc[i][0] += a * b0;
                if (nv > 1) acc[i][1] += a * b1;
            }
            a0 += a_step, a4 += a_step, a8 += a_step, a12 += a_step, b += b_step;
        }
    }
    yl__tile_store(t, m, nv, acc);
}

#define YL__TILE_CASE(m_, nv, across)                                                                                  \
    case m_:                                                                                                           \
        yl__tile_run(t, m_, nv, across);                                                                               \
        break;
#if YL_MR == 14
#define YL__TILE_CASES(nv, across)                                                                                     \
    YL__TILE_CASE(1, nv, across)                                                                                       \
    YL__TILE_CASE(2, nv, across)                                                                                       \
    YL__TILE_CASE(3, nv, across)                                                                                       \
    YL__TILE_CASE(4, nv, across)                                                                                       \
    YL__TILE_CASE(5, nv, across)                                                                                       \
    YL__TILE_CASE(6, nv, across)                                                                                       \
    YL__TILE_CASE(7, nv, across)                                                                                       \
    YL__TILE_CASE(8, nv, across)                                                                                       \
    YL__TILE_CASE(9, nv, across)                                                                                       \
    YL__TILE_CASE(10, nv, across)                                                                                      \
    YL__TILE_CASE(11, nv, across)                                                                                      \
    YL__TILE_CASE(12, nv, across)                                                                                      \
    YL__TILE_CASE(13, nv, across)                                                                                      \
    YL__TILE_CASE(14, nv, across)
#else
#define YL__TILE_CASES(nv, across)                                                                                     \
    YL__TILE_CASE(1, nv, across)                                                                                       \
    YL__TILE_CASE(2, nv, across)                                                                                       \
    YL__TILE_CASE(3, nv, across)                                                                                       \
    YL__TILE_CASE(4, nv, across)                                                                                       \
    YL__TILE_CASE(5, nv, across)                                                                                       \
    YL__TILE_CASE(6, nv, across)
#endif

/* The tile of m rows. YL__TILE_DEFINE makes one function per orientation in the file that uses it. */
#define YL__TILE_DEFINE(name, across)                                                                                  \
    static void name(const yl__tile *t, int m)                                                                         \
    {                                                                                                                  \
        if (t->cols > YL_VL) {                                                                                         \
            switch (m) {                                                                                               \
                YL__TILE_CASES(2, across)                                                                              \
            }                                                                                                          \
        } else {                                                                                                       \
            switch (m) {                                                                                               \
                YL__TILE_CASES(1, across)                                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }

#endif
