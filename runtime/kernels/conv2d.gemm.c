/* Convolution as a matrix product: rows of patches (im2col; Chellapilla et al. 2006) times the weights, by OpenBLAS.
 * It runs every geometry. Patches are made for a block of output pixels at a time; a 1x1 convolution needs none. */
#include "kernels/activation.formulas.h"
#include "kernels/kernels.h"

#include <cblas.h>

enum { BLOCK_BYTES = 4 << 20 };

static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx, (void)d;
    return g->dtype == YL_F32;
}

static bool needs_patches(const yl_conv2d_geom *g)
{
    return !yl_conv2d_pointwise(g);
}

static int64_t patch_length(const yl_conv2d_geom *g)
{
    return (int64_t)g->kh * g->kw * (g->c / g->groups);
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    double work = yl_conv2d_work(g), patches = needs_patches(g) ? work / (double)(g->oc / g->groups) * 24 : 0;
    double copies =
        (double)(g->n * g->oh * g->ow) * (double)(patch_length(g) + g->oc * 4 + 16); /* OpenBLAS's and the epilogue's */
    return work * 1.5 + patches + copies + 2e4 * g->groups;
}

/* Output pixels per block. */
static int64_t block_rows(const yl_conv2d_geom *g)
{
    int64_t rows = g->n * g->oh * g->ow;
    if (!needs_patches(g)) return rows;
    int64_t most = BLOCK_BYTES / (patch_length(g) * (int64_t)sizeof(float));
    most = most < 64 ? 64 : most;
    return rows < most ? rows : most;
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx, (void)d;
    return needs_patches(g) ? (size_t)(block_rows(g) * patch_length(g)) * sizeof(float) : 0;
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    (void)g, (void)d;
    return 0;
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    (void)ctx, (void)d;
    int64_t k = patch_length(g);
    for (int64_t o = 0; o < g->oc; o++)
        for (int64_t i = 0; i < k; i++) ((float *)packed)[o * k + i] = weight[o * k + i] * (scale ? scale[o] : 1.0f);
    return YL_OK;
}

/* The place of output pixel `row`: image n, and the input pixel (i, j) under its first tap. */
typedef struct place {
    int64_t n, i, j;
} place;

static place place_of(const yl_conv2d_geom *g, int64_t row)
{
    int64_t plane = g->oh * g->ow, at = row % plane;
    return (place){row / plane, at / g->ow * g->sh - g->pt, at % g->ow * g->sw - g->pl};
}

/* One row of the patch matrix: {kh, kw, c/groups} of group `group`, zeros outside the image. */
static void fill_patch(const yl_conv2d_geom *g, const float *x, int64_t group, int64_t row, float *patch)
{
    place p = place_of(g, row);
    int64_t cg = g->c / g->groups;
    for (int64_t u = 0; u < g->kh; u++)
        for (int64_t v = 0; v < g->kw; v++, patch += cg) {
            int64_t i = p.i + u * g->dh, j = p.j + v * g->dw;
            if (i < 0 || i >= g->h || j < 0 || j >= g->w)
                memset(patch, 0, (size_t)cg * sizeof *patch);
            else
                memcpy(patch, x + ((p.n * g->h + i) * g->w + j) * g->c + group * cg, (size_t)cg * sizeof *patch);
        }
}

static void fill_patches(const yl_ctx *ctx, const yl_conv2d_geom *g, const float *x, int64_t group, int64_t row,
                         int64_t rows, float *patches)
{
    int64_t k = patch_length(g);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t r = 0; r < rows; r++) fill_patch(g, x, group, row + r, patches + r * k);
}

/* Adds channels [from, to) of one row of patch gradients to the pixels they came from. */
static void add_patch(const yl_conv2d_geom *g, const float *patch, int64_t group, int64_t row, int64_t from, int64_t to,
                      float *dx)
{
    place p = place_of(g, row);
    int64_t cg = g->c / g->groups;
    for (int64_t u = 0; u < g->kh; u++)
        for (int64_t v = 0; v < g->kw; v++, patch += cg) {
            int64_t i = p.i + u * g->dh, j = p.j + v * g->dw;
            if (i < 0 || i >= g->h || j < 0 || j >= g->w) continue;
            float *to_pixel = dx + ((p.n * g->h + i) * g->w + j) * g->c + group * cg;
            for (int64_t q = from; q < to; q++) to_pixel[q] += patch[q];
        }
}

/* Patches overlap, so threads share the channels and not the rows: sums keep their order. */
static void add_patches(const yl_ctx *ctx, const yl_conv2d_geom *g, const float *patches, int64_t group, int64_t row,
                        int64_t rows, float *dx)
{
    int64_t k = patch_length(g), cg = g->c / g->groups, threads = ctx->threads;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t t = 0; t < threads; t++)
        for (int64_t r = 0; r < rows; r++)
            add_patch(g, patches + r * k, group, row + r, cg * t / threads, cg * (t + 1) / threads, dx);
}

/* C {m, n} = A {m, k} * B' + beta * C; B is {n, k} when transposed, else {k, n}; row-major with the given strides. */
static void multiply(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b,
                     int64_t ldb, float beta, float *c, int64_t ldc)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n,
                (blasint)k, 1.0f, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}

static void finish(const yl_ctx *ctx, const yl_conv2d_geom *g, const float *bias, int64_t rows, float *y)
{
    if (!bias && g->act == YL_ACT_linear) return;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t r = 0; r < rows; r++) yl__epilogue(g->act, g->leaky_slope, g->oc, bias, y + r * g->oc);
}

static void forward_block(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run, int64_t row,
                          int64_t rows)
{
    int64_t k = patch_length(g), og = g->oc / g->groups;
    float *y = (float *)run->y + row * g->oc;
    for (int64_t group = 0; group < g->groups; group++) {
        const float *a = (const float *)run->x + row * g->c + group * k;
        if (needs_patches(g)) fill_patches(ctx, g, run->x, group, row, rows, run->scratch), a = run->scratch;
        multiply(false, true, rows, og, k, a, needs_patches(g) ? k : g->c, (const float *)run->packed + group * og * k,
                 k, 0, y + group * og, g->oc);
    }
    finish(ctx, g, run->bias, rows, y);
}

static void data_block(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run, int64_t row, int64_t rows)
{
    int64_t k = patch_length(g), og = g->oc / g->groups;
    const float *dy = (const float *)run->dy + row * g->oc;
    for (int64_t group = 0; group < g->groups; group++) {
        const float *w = (const float *)run->packed + group * og * k;
        if (!needs_patches(g)) {
            multiply(false, false, rows, k, og, dy + group * og, g->oc, w, k, run->beta,
                     (float *)run->dx + row * g->c + group * k, g->c);
            continue;
        }
        multiply(false, false, rows, k, og, dy + group * og, g->oc, w, k, 0, run->scratch, k);
        add_patches(ctx, g, run->scratch, group, row, rows, run->dx);
    }
}

static void weights_block(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run, int64_t row,
                          int64_t rows)
{
    int64_t k = patch_length(g), og = g->oc / g->groups;
    const float *dy = (const float *)run->dy + row * g->oc;
    for (int64_t group = 0; group < g->groups; group++) {
        const float *b = (const float *)run->x + row * g->c + group * k;
        if (needs_patches(g)) fill_patches(ctx, g, run->x, group, row, rows, run->scratch), b = run->scratch;
        multiply(true, false, og, k, rows, dy + group * og, g->oc, b, needs_patches(g) ? k : g->c, 1,
                 run->dweight + group * og * k, k);
    }
}

static void scale_gradient(const yl_ctx *ctx, const yl_conv2d_geom *g, float beta, float *dx)
{
    int64_t rows = g->n * g->h, width = g->w * g->c;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        float *row = dx + r * width;
        if (beta == 0)
            memset(row, 0, (size_t)width * sizeof *row);
        else if (beta != 1)
            for (int64_t i = 0; i < width; i++) row[i] *= beta;
    }
}

static yl_status run_blocks(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    int64_t rows = g->n * g->oh * g->ow, block = block_rows(g);
    if (d == YL_BACKWARD_DATA && needs_patches(g)) scale_gradient(ctx, g, run->beta, run->dx);
    for (int64_t row = 0; row < rows; row += block) {
        int64_t count = rows - row < block ? rows - row : block;
        if (d == YL_FORWARD)
            forward_block(ctx, g, run, row, count);
        else if (d == YL_BACKWARD_DATA)
            data_block(ctx, g, run, row, count);
        else
            weights_block(ctx, g, run, row, count);
    }
    return YL_OK;
}

const yl_conv2d_algo YL_CPU(conv2d_gemm) = {
    .name = "gemm",
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run_blocks,
};
