/* Dropout: a thread per element. The formula stands in dropout.h. */
#include "core/rng.h"
#include "kernels/launch.cuh"

template <class T> static __global__ void drop(yl_dropout_geom g, const yl_now *now, const T *from, T *to, float beta)
{
    uint32_t threshold = (uint32_t)((double)g.probability * 4294967296.0);
    float scale = 1.0f / (1.0f - g.probability);
    YL_EACH(i, g.images * g.count)
    {
        int64_t image = i / g.count, e = i % g.count;
        uint32_t counter[4] = {(uint32_t)(e / 4), (uint32_t)(now->first_image + image), now->step, g.layer}, words[4];
        uint32_t key[2] = {(uint32_t)now->seed, (uint32_t)(now->seed >> 32)};
        yl_philox(counter, key, words);
        float value = words[e % 4] >= threshold ? from[i] * scale : 0.0f;
        to[i] = beta == 0 ? value : to[i] + value;
    }
}

yl_status YL_CUDA(dropout)(const yl_ctx *ctx, const yl_dropout_geom *g, const yl_now *now, const void *from, void *to,
                           float beta)
{
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, "dropout", g->images * g->count, drop<T>, *g, now, (const T *)from, (T *)to, beta));
}
