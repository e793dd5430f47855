/* From decoded bytes to the network's input in one pass: resample, flip, change colours.
 *
 * Bilinear with aligned corners, columns first, as Darknet's resize: pane column i reads u = view_x + i (view_w - 1)/(n - 1),
 * out = (1 - d) p[floor u] + d p[floor u + 1], d = u - floor u; then the same over rows. A sample outside the source is `fill`. */
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

/* RGB -> HSV, shift and scale, -> RGB (Smith, "Color gamut transform pairs", SIGGRAPH 1978). */
static void recolour(const yl_warp_geom *g, float *p)
{
    float r = p[0], green = p[1], b = p[2];
    float high = fmaxf(r, fmaxf(green, b)), low = fminf(r, fminf(green, b)), delta = high - low, h = 0.0f;
    if (high <= 0.0f) return;
    if (delta > 0.0f) {
        if (r == high) h = (green - b) / delta;
        else if (green == high) h = 2.0f + (b - r) / delta;
        else h = 4.0f + (r - green) / delta;
    }
    h = h / 6.0f + g->hue;
    h = 6.0f * (h - floorf(h));
    float s = clamp01(delta / high * g->saturation), v = clamp01(high * g->exposure);
    int sector = (int)h;
    float f = h - (float)sector, low_v = v * (1.0f - s), fall = v * (1.0f - s * f), rise = v * (1.0f - s * (1.0f - f));
    const float table[6][3] = {{v, rise, low_v}, {fall, v, low_v}, {low_v, v, rise}, {low_v, fall, v}, {rise, low_v, v}, {v, low_v, fall}};
    for (int k = 0; k < 3; k++) p[k] = table[sector % 6][k];
}

static void fill_row(float *out, int64_t count, float value)
{
    for (int64_t i = 0; i < count; i++) out[i] = value;
}

static void blend_rows(const yl_warp_geom *g, const float *above, const float *below, float share, float *out)
{
    for (int64_t i = 0; i < 3 * g->pane_w; i++) out[i] = (1.0f - share) * above[i] + share * below[i];
    if (g->hue == 0.0f && g->saturation == 1.0f && g->exposure == 1.0f) return;
    for (int64_t i = 0; i < g->pane_w; i++) recolour(g, out + 3 * i);
}

/* Two resampled rows are kept, since neighbouring output rows share them when enlarging. */
typedef struct row_pair {
    float *row[2];
    int64_t number[2];
} row_pair;

static const float *row_of(const yl_warp_geom *g, const uint8_t *source, const column *columns, row_pair *pair, int64_t y, int keep)
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
        column c = {-1, -1, 0};
        if (y >= g->pane_y && y < g->pane_y + g->pane_h)
            c = place(g->view_y + (double)(y - g->pane_y) * step(g->view_h, g->pane_h), g->source_h);
        if (c.left < 0 || g->pane_w < g->w) fill_row(line, 3 * g->w, g->fill);
        if (c.left < 0) continue;
        const float *above = row_of(g, source, columns, &pair, c.left, c.right);
        const float *below = row_of(g, source, columns, &pair, c.right, c.left);
        blend_rows(g, above, below, c.share, line + 3 * g->pane_x);
    }
    return YL_OK;
}
