/* The inner loop of the direct and Winograd convolutions: a small matrix product whose result stays in registers.
 *
 *   C[i, j] (+)= sum over runs r, steps k of A[i, r, k] * B[r, k, j],   j < cols <= YL_NR
 *
 * A is read one number at a time and spread over a vector, B a row of YL_NR numbers at a time: the shape of Goto & van
 * de Geijn 2008, fig. 11, with operands wherever they lie. Where C has few columns, a row of B is one vector or half of
 * one, and a tile may have YL_MN rows. Vectors are the compiler's, as wide as the instruction set's.
 *
 * "Number" is a slot of kernels/factors.h: of A and B, a pair of bf16 where the including file says so. */
#ifndef YL_KERNELS_TILE_H
#define YL_KERNELS_TILE_H

#include "core/status.h"
#include "kernels/factors.h"
#include "kernels/lanes.h"

#if YL_VL == 16
#define YL_MR 14 /* rows of a tile: YL_MR * 2 sums, two rows of B and one number of A fill the registers */
#define YL_MN 14 /* rows of a tile of at most YL_VL columns: enough sums that none waits for itself */
#elif YL_VL == 8
#define YL_MR 6
#define YL_MN 12
#elif defined(__aarch64__)
#define YL_MR 14 /* NEON has 32 registers, as AVX-512 has */
#define YL_MN 14
#else
#define YL_MR 6
#define YL_MN 12
#endif
#define YL_NR (2 * YL_VL)

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
    const float *bias; /* YL_NR numbers that the sums begin with; NULL: none */
    bool leaky;        /* at the end x > 0 ? x : slope * x */
    float slope;
    const char *next; /* next_step bytes further with each step of each tile */
    int64_t next_step;
} yl__tile;

/* Tiles have vectors of YL_VL columns, and narrow ones of a half or a quarter of that. */
#define LANES YL_VL
#include "kernels/tile.loop.h"
#undef LANES
#if YL_VL >= 8
#define YL_HALF (YL_VL / 2)
#endif
#if YL_VL == 16
#define YL_QUARTER (YL_VL / 4)
#define LANES 8
#include "kernels/tile.loop.h"
#undef LANES
#endif
#if YL_VL >= 8
#define LANES 4
#include "kernels/tile.loop.h"
#undef LANES
#endif

#define YL__TILE_CASE(m_, lanes, nv, across, ahead)                                                                    \
    case m_:                                                                                                           \
        tile_run_##lanes(t, first, count, m_, nv, across, ahead);                                                      \
        break;
#define YL__TILE_CASES_6(lanes, nv, across, ahead)                                                                     \
    YL__TILE_CASE(1, lanes, nv, across, ahead)                                                                         \
    YL__TILE_CASE(2, lanes, nv, across, ahead)                                                                         \
    YL__TILE_CASE(3, lanes, nv, across, ahead)                                                                         \
    YL__TILE_CASE(4, lanes, nv, across, ahead)                                                                         \
    YL__TILE_CASE(5, lanes, nv, across, ahead)                                                                         \
    YL__TILE_CASE(6, lanes, nv, across, ahead)
#define YL__TILE_CASES_12(lanes, nv, across, ahead)                                                                    \
    YL__TILE_CASES_6(lanes, nv, across, ahead)                                                                         \
    YL__TILE_CASE(7, lanes, nv, across, ahead)                                                                         \
    YL__TILE_CASE(8, lanes, nv, across, ahead)                                                                         \
    YL__TILE_CASE(9, lanes, nv, across, ahead)                                                                         \
    YL__TILE_CASE(10, lanes, nv, across, ahead)                                                                        \
    YL__TILE_CASE(11, lanes, nv, across, ahead)                                                                        \
    YL__TILE_CASE(12, lanes, nv, across, ahead)
#define YL__TILE_CASES_14(lanes, nv, across, ahead)                                                                    \
    YL__TILE_CASES_12(lanes, nv, across, ahead)                                                                        \
    YL__TILE_CASE(13, lanes, nv, across, ahead)                                                                        \
    YL__TILE_CASE(14, lanes, nv, across, ahead)
#define YL__TILE_CASES3(rows, lanes, nv, across, ahead) YL__TILE_CASES_##rows(lanes, nv, across, ahead)
#define YL__TILE_CASES2(rows, lanes, nv, across, ahead) YL__TILE_CASES3(rows, lanes, nv, across, ahead)
#define YL__TILE_WIDTH(rows, lanes, nv, across, ahead)                                                                 \
    {                                                                                                                  \
        switch (m) {                                                                                                   \
            YL__TILE_CASES2(rows, lanes, nv, across, ahead)                                                            \
        }                                                                                                              \
        return;                                                                                                        \
    }
#if YL_VL == 16
#define YL__TILE_NARROW(across, ahead)                                                                                 \
    if (t->cols <= 4) YL__TILE_WIDTH(YL_MN, 4, 1, across, ahead)                                                       \
    if (t->cols <= 8) YL__TILE_WIDTH(YL_MN, 8, 1, across, ahead)
#elif YL_VL == 8
#define YL__TILE_NARROW(across, ahead)                                                                                 \
    if (t->cols <= 4) YL__TILE_WIDTH(YL_MN, 4, 1, across, ahead)
#else
#define YL__TILE_NARROW(across, ahead)
#endif

/* Makes `name`, which computes any number of rows: tiles that are as even as they come. A file has one per orientation that it uses. */
#define YL__TILE_DEFINE(name, across, ahead)                                                                           \
    static void name##_some(const yl__tile *t, int64_t first, int64_t count, int m)                                    \
    {                                                                                                                  \
        YL__TILE_NARROW(across, ahead)                                                                                 \
        if (t->cols <= YL_VL) YL__TILE_WIDTH(YL_MN, YL_VL, 1, across, ahead)                                           \
        YL__TILE_WIDTH(YL_MR, YL_VL, 2, across, ahead)                                                                 \
    }                                                                                                                  \
                                                                                                                       \
    static void name(const yl__tile *t, int64_t rows)                                                                  \
    {                                                                                                                  \
        int64_t most = t->cols > YL_VL ? YL_MR : YL_MN, tiles = (rows + most - 1) / most;                              \
        int64_t m = tiles ? rows / tiles : 0, larger = tiles ? rows % tiles : 0;                                       \
        if (larger) name##_some(t, 0, larger, (int)m + 1);                                                             \
        if (m) name##_some(t, larger *(m + 1), tiles - larger, (int)m);                                                \
    }

#endif
