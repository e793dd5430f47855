/* What both devices compute of warp.h: which source pixels a pixel of the pane is between, and its colours. */
#ifndef YL_KERNELS_WARP_FORMULAS_H
#define YL_KERNELS_WARP_FORMULAS_H

#include "core/both.h"
#include "kernels/warp.h"

#include <math.h>

/* Two source columns (or rows); -1: outside. */
typedef struct yl__warp_tap {
    int32_t first, second;
    float share; /* of the second */
} yl__warp_tap;

YL_BOTH static inline yl__warp_tap yl__warp_place(double at, int64_t size)
{
    yl__warp_tap tap = {-1, -1, 0.0f};
    if (at < -0.5 || at > (double)size - 0.5) return tap;
    if (at < 0) at = 0;
    int64_t first = (int64_t)at;
    bool last = first >= size - 1;
    tap.first = (int32_t)(last ? size - 1 : first);
    tap.second = last ? tap.first : tap.first + 1;
    tap.share = last ? 0.0f : (float)(at - (double)first);
    return tap;
}

YL_BOTH static inline double yl__warp_step(double view, int64_t n)
{
    return n > 1 ? (view - 1.0) / (double)(n - 1) : 0.0;
}

/* Of pane column i, and of pane row i. */
YL_BOTH static inline yl__warp_tap yl__warp_column(const yl_warp_geom *g, int64_t i)
{
    int64_t from = g->flip ? g->pane_w - 1 - i : i;
    return yl__warp_place(g->view_x + (double)from * yl__warp_step(g->view_w, g->pane_w), g->source_w);
}

YL_BOTH static inline yl__warp_tap yl__warp_row(const yl_warp_geom *g, int64_t i)
{
    return yl__warp_place(g->view_y + (double)i * yl__warp_step(g->view_h, g->pane_h), g->source_h);
}

YL_BOTH static inline float yl__warp_mix(float first, float second, float share)
{
    return (1.0f - share) * first + share * second;
}

/* Channel k of a source row at a column. */
YL_BOTH static inline float yl__warp_sample(const uint8_t *row, yl__warp_tap tap, int k)
{
    const float unit = 1.0f / 255.0f;
    return yl__warp_mix((float)row[3 * (int64_t)tap.first + k] * unit, (float)row[3 * (int64_t)tap.second + k] * unit,
                        tap.share);
}

/* ---- colours ---- */

YL_BOTH static inline bool yl__warp_recolours(const yl_warp_geom *g)
{
    return g->hue != 0.0f || g->saturation != 1.0f || g->exposure != 1.0f;
}

/* A change of colours: hue in sixths of a turn; factors on value and on chroma, max - min. */
typedef struct yl__warp_colour {
    float shift, exposure, chroma;
} yl__warp_colour;

YL_BOTH static inline yl__warp_colour yl__warp_colour_of(const yl_warp_geom *g)
{
    yl__warp_colour c = {6.0f * g->hue, g->exposure, g->saturation * g->exposure};
    return c;
}

YL_BOTH static inline float yl__warp_bound(float x)
{
    return x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;
}

/* One channel out of hue, in sixths of a turn: value - chroma * min(k, 4 - k, 1), k = (offset + hue) mod 6, bounded below by 0;
 * the offset is 5 for red, 3 for green, 1 for blue. */
YL_BOTH static inline float yl__warp_channel(float value, float chroma, float hue, float offset)
{
    float k = offset + hue;
    k -= k >= 6.0f ? 6.0f : 0.0f;
    float t = k < 4.0f - k ? k : 4.0f - k;
    return yl__warp_bound(value - chroma * yl__warp_bound(t));
}

/* RGB -> HSV (Smith, "Color gamut transform pairs", SIGGRAPH 1978), hue shifted, saturation and value scaled, -> RGB, bounded
 * only then, as Darknet does. Without branches, so that a loop over pixels vectorises: saturation times value is max - min, which
 * needs no division by the value. */
YL_BOTH static inline void yl__warp_recolour(yl__warp_colour c, float *p)
{
    float r = p[0], green = p[1], b = p[2];
    float high = r > green ? r : green, low = r < green ? r : green;
    high = high > b ? high : b;
    low = low < b ? low : b;
    float delta = high - low, inverse = delta > 0.0f ? 1.0f / delta : 0.0f;
    float red_hue = (green - b) * inverse, green_hue = 2.0f + (b - r) * inverse,
          blue_hue = 4.0f + (r - green) * inverse;
    float hue = (r == high ? red_hue : green == high ? green_hue : blue_hue) + c.shift;
    hue -= 6.0f * floorf(hue * (1.0f / 6.0f));
    float value = high * c.exposure, chroma = delta * c.chroma;
    p[0] = yl__warp_channel(value, chroma, hue, 5.0f);
    p[1] = yl__warp_channel(value, chroma, hue, 3.0f);
    p[2] = yl__warp_channel(value, chroma, hue, 1.0f);
}

#endif
