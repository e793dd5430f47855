/* Warp on the CPU, row by row: warp.h has the formulas. */
#include "kernels/kernels.h"
#include "kernels/warp.formulas.h"

/* The source row resampled to the pane's width. */
static void resample_row(const yl_warp_geom *g, const uint8_t *row, const yl__warp_tap *columns, float *out)
{
    const float fill = g->fill;
    for (int64_t i = 0; i < g->pane_w; i++) {
        yl__warp_tap c = columns[i];
        for (int k = 0; k < 3; k++) out[3 * i + k] = c.first < 0 ? fill : yl__warp_sample(row, c, k);
    }
}

static void fill_row(float *out, int64_t count, float value)
{
    for (int64_t i = 0; i < count; i++) out[i] = value;
}

static void blend_rows(const yl_warp_geom *g, const float *above, const float *below, float share, float *out)
{
    for (int64_t i = 0; i < 3 * g->pane_w; i++) out[i] = yl__warp_mix(above[i], below[i], share);
    if (!yl__warp_recolours(g)) return;
    const yl__warp_colour colour = yl__warp_colour_of(g);
    for (int64_t i = 0; i < g->pane_w; i++) yl__warp_recolour(colour, out + 3 * i);
}

/* Two resampled rows are kept, since neighbouring output rows share them when enlarging. */
typedef struct row_pair {
    float *row[2];
    int64_t number[2];
} row_pair;

static const float *row_of(const yl_warp_geom *g, const uint8_t *source, const yl__warp_tap *columns, row_pair *pair,
                           int64_t y, int keep)
{
    for (int k = 0; k < 2; k++)
        if (pair->number[k] == y) return pair->row[k];
    int k = pair->number[0] == keep ? 1 : 0;
    resample_row(g, source + y * g->source_w * 3, columns, pair->row[k]);
    pair->number[k] = y;
    return pair->row[k];
}

/* Lays one picture on its pane of an output that is w wide. */
static void lay(const yl_warp_geom *g, const uint8_t *source, int64_t w, float *out, void *scratch)
{
    float *rows = scratch;
    yl__warp_tap *columns = (yl__warp_tap *)(rows + 6 * g->pane_w);
    row_pair pair = {{rows, rows + 3 * g->pane_w}, {-1, -1}};
    for (int64_t i = 0; i < g->pane_w; i++) columns[i] = yl__warp_column(g, i);
    for (int64_t y = 0; y < g->pane_h; y++) {
        float *line = out + ((g->pane_y + y) * w + g->pane_x) * 3;
        yl__warp_tap row = yl__warp_row(g, y);
        if (row.first < 0) {
            fill_row(line, 3 * g->pane_w, g->fill);
            continue;
        }
        const float *above = row_of(g, source, columns, &pair, row.first, row.second);
        const float *below = row_of(g, source, columns, &pair, row.second, row.first);
        blend_rows(g, above, below, row.share, line);
    }
}

yl_status YL_CPU(warp)(const yl_ctx *ctx, const yl_warp_batch_geom *g, const yl_warp_geom *pieces,
                       const uint8_t *const *sources, void *to, void *scratch)
{
    int64_t size = g->w * g->h;
    (void)ctx;
    for (int64_t n = 0; n < g->n; n++) {
        const yl_warp_geom *of = pieces + n * g->pieces;
        float *out = (float *)to + n * size * 3;
        int64_t covered = 0;
        for (int64_t k = 0; k < g->pieces; k++) covered += of[k].pane_w * of[k].pane_h;
        if (covered < size) fill_row(out, 3 * size, g->fill);
        for (int64_t k = 0; k < g->pieces; k++)
            if (of[k].pane_w > 0 && of[k].pane_h > 0) lay(&of[k], sources[n * g->pieces + k], g->w, out, scratch);
    }
    return YL_OK;
}
