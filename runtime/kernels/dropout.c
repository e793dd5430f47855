/* Inverted dropout (Srivastava et al. 2014, scaled in training): to = beta*to + keep * from / (1 - p).
 *
 * keep is a function of (seed, step, layer, element) alone: element e uses word e % 4 of the Philox block whose counter
 * is (e / 4, step, layer) under the key `seed`, and survives where the word is at least p * 2^32. Forward and backward
 * are the same map, so no mask is stored. */
#include "core/rng.h"
#include "kernels/kernels.h"

static void drop_block(const yl_dropout_geom *g, int64_t block, uint64_t threshold, float scale, const float *from,
                       float *to, float beta)
{
    const uint32_t key[2] = {(uint32_t)g->seed, (uint32_t)(g->seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), g->step, g->layer};
    uint32_t words[4];
    yl_philox(counter, key, words);
    int64_t first = block * 4, count = g->count - first < 4 ? g->count - first : 4;
    for (int64_t k = 0; k < count; k++) {
        float kept = words[k] >= threshold ? from[first + k] * scale : 0.0f;
        to[first + k] = beta == 0 ? kept : to[first + k] + kept;
    }
}

yl_status YL_CPU(dropout)(const yl_ctx *ctx, const yl_dropout_geom *g, const void *from, void *to, float beta)
{
    uint64_t threshold = (uint64_t)((double)g->probability * 4294967296.0);
    float scale = 1.0f / (1.0f - g->probability);
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t block = 0; block < (g->count + 3) / 4; block++) drop_block(g, block, threshold, scale, from, to, beta);
    return YL_OK;
}
