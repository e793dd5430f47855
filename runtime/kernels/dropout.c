/* Dropout on the CPU: dropout.h has the formula. LANES blocks are made side by side, so that the rounds vectorise. */
#include "core/rng.h"
#include "kernels/kernels.h"

enum { LANES = 32, ROUNDS = 10 };

typedef struct blocks {
    uint32_t word[4][LANES];
} blocks;

static void philox(const yl_dropout_geom *g, const yl_now *now, int64_t image, int64_t first, blocks *b)
{
    for (int i = 0; i < LANES; i++) {
        b->word[0][i] = (uint32_t)(first + i);
        b->word[1][i] = (uint32_t)(now->first_image + image);
        b->word[2][i] = now->step;
        b->word[3][i] = g->layer;
    }
    uint32_t k0 = (uint32_t)now->seed, k1 = (uint32_t)(now->seed >> 32);
    for (int r = 0; r < ROUNDS; r++, k0 += YL__PHILOX_STEP0, k1 += YL__PHILOX_STEP1)
        for (int i = 0; i < LANES; i++)
            yl__philox_round(&b->word[0][i], &b->word[1][i], &b->word[2][i], &b->word[3][i], k0, k1);
}

/* An image's elements first ... first + count - 1, at most 4 * LANES of them. */
static void drop(const yl_dropout_geom *g, const yl_now *now, int64_t image, int64_t first, int64_t count,
                 const float *from, float *to, float beta)
{
    blocks b;
    uint32_t words[4 * LANES];
    uint32_t threshold = (uint32_t)((double)g->probability * 4294967296.0);
    float scale = 1.0f / (1.0f - g->probability);
    philox(g, now, image, first / 4, &b);
    for (int i = 0; i < 4 * LANES; i++) words[i] = b.word[i % 4][i / 4];
    if (beta == 0)
        for (int64_t i = 0; i < count; i++) to[i] = words[i] >= threshold ? from[i] * scale : 0.0f;
    else
        for (int64_t i = 0; i < count; i++) to[i] += words[i] >= threshold ? from[i] * scale : 0.0f;
}

yl_status YL_CPU(dropout)(const yl_ctx *ctx, const yl_dropout_geom *g, const yl_now *now, const void *from, void *to,
                          float beta)
{
    const int64_t chunk = 4 * LANES, chunks = (g->count + chunk - 1) / chunk;
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t k = 0; k < g->images * chunks; k++) {
        int64_t image = k / chunks, first = k % chunks * chunk, left = g->count - first, at = image * g->count + first;
        drop(g, now, image, first, left < chunk ? left : chunk, (const float *)from + at, (float *)to + at, beta);
    }
    return YL_OK;
}
