/* Warp on the CPU: warp.h has the formulas. */
#include "kernels/kernels.h"

#include <math.h>

typedef struct column {
    int32_t left, right; /* source columns; -1: outside */
    float share;         /* of the right one */
} column;

static column place(double at, int64_t size)
{
    if (at < -0.5 || at > (double)size - 0.5) return (column){-1, -1, 0.0f};
    if (at < 0) at = 0;
    int64_t left = (int64_t)at;
    if (left >= size - 1) return (column){(int32_t)size - 1, (int32_t)size - 1, 0.0f};
    return (column){(int32_t)left, (int32_t)left + 1, (float)(at - (double)left)};
}

static double step(double view, int64_t n)
{
    return n > 1 ? (view - 1.0) / (double)(n - 1) : 0.0;
}

/* The source row resampled to the pane's width. */
static void resample_row(const yl_warp_geom *g, const uint8_t *row, const column *columns, float *out)
{
    const float unit = 1.0f / 255.0f;
    for (int64_t i = 0; i < g->pane_w; i++) {
        column c = columns[i];
        for (int k = 0; k < 3; k++) {
            float a = c.left < 0 ? g->fill : (float)row[3 * c.left + k] * unit;
            float b = c.left < 0 ? g->fill : (float)row[3 * c.right + k] * unit;
            out[3 * i + k] = (1.0f - c.share) * a + c.share * b;
        }
    }
}

static inline float clamp01(float x)
{
    return x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x;
}

/* One channel out of hue, in sixths of a turn: value - chroma * min(k, 4 - k, 1), k = (offset + hue) mod 6, bounded below by 0;
 * the offset is 5 for red, 3 for green, 1 for blue. */
static inline float channel(float value, float chroma, float hue, float offset)
{
    float k = offset + hue;
    k -= k >= 6.0f ? 6.0f : 0.0f;
    float t = k < 4.0f - k ? k : 4.0f - k;
    return clamp01(value - chroma * clamp01(t));
}

/* RGB -> HSV (Smith, "Color gamut transform pairs", SIGGRAPH 1978), hue shifted, saturation and value scaled, -> RGB, bounded
 * only then, as Darknet does. Without branches, so that it vectorises: saturation times value is max - min, which needs no
 * division by the value. */
static void recolour_row(const yl_warp_geom *g, int64_t count, float *p)
{
    const float shift = 6.0f * g->hue, exposure = g->exposure, chroma_scale = g->saturation * g->exposure;
    for (int64_t i = 0; i < count; i++) {
        float r = p[3 * i], green = p[3 * i + 1], b = p[3 * i + 2];
        float high = r > green ? r : green, low = r < green ? r : green;
        high = high > b ? high : b;
        low = low < b ? low : b;
        float delta = high - low, inverse = delta > 0.0f ? 1.0f / delta : 0.0f;
        float red_hue = (green - b) * inverse, green_hue = 2.0f + (b - r) * inverse,
              blue_hue = 4.0f + (r - green) * inverse;
        float hue = (r == high ? red_hue : green == high ? green_hue : blue_hue) + shift;
        hue -= 6.0f * floorf(hue * (1.0f / 6.0f));
        float value = high * exposure, chroma = delta * chroma_scale;
        p[3 * i] = channel(value, chroma, hue, 5.0f);
        p[3 * i + 1] = channel(value, chroma, hue, 3.0f);
        p[3 * i + 2] = channel(value, chroma, hue, 1.0f);
    }
}

static void fill_row(float *out, int64_t count, float value)
{
    for (int64_t i = 0; i < count; i++) out[i] = value;
}

static void blend_rows(const yl_warp_geom *g, const float *above, const float *below, float share, float *out)
{
    for (int64_t i = 0; i < 3 * g->pane_w; i++) out[i] = (1.0f - share) * above[i] + share * below[i];
    if (g->hue == 0.0f && g->saturation == 1.0f && g->exposure == 1.0f) return;
    recolour_row(g, g->pane_w, out);
}

/* Two resampled rows are kept, since neighbouring output rows share them when enlarging. */
typedef struct row_pair {
    float *row[2];
    int64_t number[2];
} row_pair;

static const float *row_of(const yl_warp_geom *g, const uint8_t *source, const column *columns, row_pair *pair,
                           int64_t y, int keep)
{
    for (int k = 0; k < 2; k++)
        if (pair->number[k] == y) return pair->row[k];
    int k = pair->number[0] == keep ? 1 : 0;
    resample_row(g, source + y * g->source_w * 3, columns, pair->row[k]);
    pair->number[k] = y;
    return pair->row[k];
}

yl_status YL_CPU(warp)(const yl_ctx *ctx, const yl_warp_geom *g, const uint8_t *source, float *out, void *scratch)
{
    (void)ctx;
    float *rows = scratch;
    column *columns = (column *)(rows + 6 * g->pane_w);
    row_pair pair = {{rows, rows + 3 * g->pane_w}, {-1, -1}};
    for (int64_t i = 0; i < g->pane_w; i++) {
        int64_t from = g->flip ? g->pane_w - 1 - i : i;
        columns[i] = place(g->view_x + (double)from * step(g->view_w, g->pane_w), g->source_w);
    }
    for (int64_t y = 0; y < g->h; y++) {
        float *line = out + y * g->w * 3;
        bool inside = y >= g->pane_y && y < g->pane_y + g->pane_h;
        if (g->keep && !inside) continue;
        column c = {-1, -1, 0};
        if (inside) c = place(g->view_y + (double)(y - g->pane_y) * step(g->view_h, g->pane_h), g->source_h);
        if (g->keep && c.left < 0)
            fill_row(line + 3 * g->pane_x, 3 * g->pane_w, g->fill);
        else if (!g->keep && (c.left < 0 || g->pane_w < g->w))
            fill_row(line, 3 * g->w, g->fill);
        if (c.left < 0) continue;
        const float *above = row_of(g, source, columns, &pair, c.left, c.right);
        const float *below = row_of(g, source, columns, &pair, c.right, c.left);
        blend_rows(g, above, below, c.share, line + 3 * g->pane_x);
    }
    return YL_OK;
}
