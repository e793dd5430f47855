/* Records: how a picture is laid on the input, and how boxes follow. */
#include "augment/record.h"

static const yl_field fields[] = {
#define OPTION(type, key, kind, fallback, off, unit, help, min, max, aliases)                                          \
    {#key, YL_OPTION_##kind, fallback, unit, help, min, max, NULL, aliases, YL_MEMBER(yl_augment_options, key)},
#include "augment/augment.def"
#undef OPTION
};
const yl_field_table yl_augment_fields = YL_FIELD_TABLE("augment", fields);
const yl_augment_options yl_augment_off = {
#define OPTION(type, key, kind, fallback, off, ...) .key = off,
#include "augment/augment.def"
#undef OPTION
};

static void whole_view(yl_warp_geom *g, int64_t source_w, int64_t source_h, int64_t w, int64_t h)
{
    *g = (yl_warp_geom){.source_w = source_w,
                        .source_h = source_h,
                        .w = w,
                        .h = h,
                        .view_w = (double)source_w,
                        .view_h = (double)source_h,
                        .pane_w = w,
                        .pane_h = h,
                        .fill = 0.5f,
                        .saturation = 1,
                        .exposure = 1};
}

void yl_record_stretch(yl_record *r, int64_t source_w, int64_t source_h, int64_t w, int64_t h)
{
    whole_view(&r->warp, source_w, source_h, w, h);
}

void yl_record_letterbox(yl_record *r, int64_t source_w, int64_t source_h, int64_t w, int64_t h)
{
    whole_view(&r->warp, source_w, source_h, w, h);
    bool wide = (double)w / (double)source_w < (double)h / (double)source_h;
    int64_t pane_w = wide ? w : source_w * h / source_h, pane_h = wide ? source_h * w / source_w : h;
    r->warp.pane_w = pane_w > 0 ? pane_w : 1;
    r->warp.pane_h = pane_h > 0 ? pane_h : 1;
    r->warp.pane_x = (w - r->warp.pane_w) / 2;
    r->warp.pane_y = (h - r->warp.pane_h) / 2;
}

void yl_record_fit(yl_record *r, bool letterbox, int64_t source_w, int64_t source_h, int64_t w, int64_t h)
{
    (letterbox ? yl_record_letterbox : yl_record_stretch)(r, source_w, source_h, w, h);
}

void yl_augment_all(const yl_augment_options *options, yl_rng *rng, yl_record *record)
{
#define A(name) yl_augment_##name(options, rng, record);
#include "augment/augment.def"
#undef A
}

/* The part of a pane, along one axis, that lies between two borders, and what of the view fills it. */
static void confine(int64_t from, int64_t to, bool mirrored, int64_t *pane, int64_t *pane_size, double *view,
                    double *view_size)
{
    int64_t first = *pane > from ? *pane : from, end = *pane + *pane_size < to ? *pane + *pane_size : to;
    if (end < first) end = first;
    double scale = *view_size / (double)*pane_size;
    int64_t before = mirrored ? *pane + *pane_size - end : first - *pane;
    *view += scale * (double)before;
    *view_size = scale * (double)(end - first);
    *pane = first;
    *pane_size = end - first;
}

void yl_record_confine(yl_record *r, int64_t x1, int64_t y1, int64_t x2, int64_t y2)
{
    yl_warp_geom *g = &r->warp;
    confine(x1, x2, g->flip, &g->pane_x, &g->pane_w, &g->view_x, &g->view_w);
    confine(y1, y2, false, &g->pane_y, &g->pane_h, &g->view_y, &g->view_h);
}

yl_box yl_record_forward(const yl_record *r, yl_box s)
{
    double m[4];
    yl_record_inverse(r, m);
    yl_box out = {(s.x1 - m[1]) / m[0], (s.y1 - m[3]) / m[2], (s.x2 - m[1]) / m[0], (s.y2 - m[3]) / m[2]};
    if (out.x1 > out.x2) {
        double x = out.x1;
        out.x1 = out.x2;
        out.x2 = x;
    }
    return out;
}

void yl_record_inverse(const yl_record *r, double m[4])
{
    const yl_warp_geom *g = &r->warp;
    double sx = g->view_w / (double)g->pane_w, sy = g->view_h / (double)g->pane_h; /* source pixels per output pixel */
    m[0] = g->flip ? -sx * (double)g->w : sx * (double)g->w;
    m[1] = g->flip ? g->view_x + g->view_w + sx * (double)g->pane_x : g->view_x - sx * (double)g->pane_x;
    m[2] = sy * (double)g->h;
    m[3] = g->view_y - sy * (double)g->pane_y;
}

yl_box yl_record_pane(const yl_record *r)
{
    const yl_warp_geom *g = &r->warp;
    double w = (double)g->w, h = (double)g->h;
    return (yl_box){(double)g->pane_x / w, (double)g->pane_y / h, (double)(g->pane_x + g->pane_w) / w,
                    (double)(g->pane_y + g->pane_h) / h};
}
