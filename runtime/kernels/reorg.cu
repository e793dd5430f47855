/* Darknet's reorg and its gradient: the permutation stands in reorg.h. */
#include "kernels/launch.cuh"

/* Element `at` of an image's z, in Darknet's order (k, j, i): where it is read in x and written in y, both {h, w, c} in memory. */
static __device__ void places(const yl_reorg_geom &g, int64_t at, int64_t *in, int64_t *out)
{
    int64_t s = g.stride, part = g.c / (s * s), i = at % g.w, j = at / g.w % g.h, k = at / g.w / g.h, q = k / part;
    int64_t v = ((k % part) * g.h * s + j * s + q / s) * g.w * s + i * s + q % s;
    int64_t oh = g.h / s, ow = g.w / s, oc = g.c * s * s;
    *in = (v / g.w % g.h * g.w + v % g.w) * g.c + v / (g.h * g.w);
    *out = (at / ow % oh * ow + at % ow) * oc + at / (oh * ow);
}

template <class T> static __global__ void forward(yl_reorg_geom g, const T *x, T *y)
{
    int64_t image = g.h * g.w * g.c, in, out;
    YL_EACH(at, g.n * image)
    {
        places(g, at % image, &in, &out);
        y[at / image * image + out] = x[at / image * image + in];
    }
}

template <class T> static __global__ void backward(yl_reorg_geom g, const T *dy, T *dx, float beta)
{
    int64_t image = g.h * g.w * g.c, in, out;
    YL_EACH(at, g.n * image)
    {
        places(g, at % image, &in, &out);
        float d = dy[at / image * image + out];
        T *to = dx + at / image * image + in;
        *to = beta == 0 ? d : *to + d;
    }
}

yl_status YL_CUDA(reorg_forward)(const yl_ctx *ctx, const yl_reorg_geom *g, const void *x, void *y)
{
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, "reorg_forward", g->n * g->h * g->w * g->c, forward<T>, *g, (const T *)x, (T *)y));
}

yl_status YL_CUDA(reorg_backward)(const yl_ctx *ctx, const yl_reorg_geom *g, const void *dy, void *dx, float beta)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "reorg_backward", g->n * g->h * g->w * g->c, backward<T>, *g, (const T *)dy,
                                    (T *)dx, beta));
}
