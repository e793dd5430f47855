/* What the convolution's algorithms share: their list, and the gradient of the bias. */
#include "kernels/kernels.h"

#include <string.h>

#define A(name) extern const yl_conv2d_algo YL_CPU(conv2d_##name);
#include "kernels/algorithms.def"
#undef A

yl_status YL_CPU(conv2d_algorithms)(const yl_conv2d_algo *const **list)
{
    static const yl_conv2d_algo *const algorithms[] = {
#define A(name) &YL_CPU(conv2d_##name),
#include "kernels/algorithms.def"
#undef A
        NULL,
    };
    *list = algorithms;
    return YL_OK;
}

enum { STRIP = 64, BLOCK = 256 };

/* A strip of columns: rows are summed in float by blocks, blocks in double, always in the same order. */
static void sum_strip(int64_t rows, int64_t cols, int64_t width, const float *x, float *sums)
{
    double total[STRIP] = {0};
    for (int64_t r0 = 0; r0 < rows; r0 += BLOCK) {
        float part[STRIP] = {0};
        int64_t r1 = r0 + BLOCK < rows ? r0 + BLOCK : rows;
        for (int64_t r = r0; r < r1; r++)
            for (int64_t j = 0; j < width; j++) part[j] += x[r * cols + j];
        for (int64_t j = 0; j < width; j++) total[j] += part[j];
    }
    for (int64_t j = 0; j < width; j++) sums[j] += (float)total[j];
}

/* sums[j] += sum over r of x[r, j]. */
yl_status YL_CPU(column_sums)(const yl_ctx *ctx, const yl_columns_geom *g, const void *x, float *sums)
{
    int64_t cols = g->cols, strips = (cols + STRIP - 1) / STRIP;
    int64_t step = strips >= ctx->threads ? STRIP : (cols + ctx->threads - 1) / ctx->threads;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t j = 0; j < cols; j += step) {
        int64_t width = cols - j < step ? cols - j : step;
        sum_strip(g->rows, cols, width, (const float *)x + j, sums + j);
    }
    return YL_OK;
}
