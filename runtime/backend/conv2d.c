/* Choosing a convolution's algorithm. */
#include "backend/conv2d.h"

#include <string.h>

static const yl_conv2d_algo *cheapest(const yl_conv2d_algo *const *list, const yl_conv2d_geom *g, yl_direction d)
{
    const yl_conv2d_algo *best = NULL;
    for (; *list; list++)
        if ((*list)->supports(g, d) && (!best || (*list)->cost(g, d) < best->cost(g, d))) best = *list;
    return best;
}

static const yl_conv2d_algo *named(const yl_conv2d_algo *const *list, const char *name)
{
    for (; *list; list++)
        if (strcmp((*list)->name, name) == 0) return *list;
    return NULL;
}

yl_status yl_conv2d_choose(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, bool packs, const char *pinned,
                           const yl_conv2d_algo **out)
{
    const yl_conv2d_algo *const *list;
    (void)packs;
    YL_TRY(ctx->device->kernels->conv2d_algorithms(&list));
    *out = NULL;
    if (pinned && strcmp(pinned, "auto") != 0) {
        const yl_conv2d_algo *algo = named(list, pinned);
        if (!algo) return yl__fail(YL_INVALID, "algorithm '%s' is unknown on %s", pinned, ctx->device->name);
        if (algo->supports(g, d)) *out = algo;
    }
    if (!*out) *out = cheapest(list, g, d);
    if (!*out)
        return yl__fail(YL_UNSUPPORTED, "no algorithm convolves %s on %s", yl_dtype_name(g->dtype), ctx->device->name);
    return YL_OK;
}
