/* Line plots through cairo. */
#include "image/plot.h"
#include "core/file.h"
#include "core/text.h"

#include <cairo-svg.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 440, LEFT = 72, TOP = 40, BOTTOM = 56, RIGHT = 24, LEGEND = 150, PALETTE = 7 };

typedef struct axis {
    double low, high, step, from, to; /* data range and tick distance; pixel positions of low and high */
} axis;

/* Okabe and Ito's colours, the eighth series starts over with dashes. */
static const double palette[PALETTE][3] = {
    {0, .45, .70}, {.84, .37, 0}, {0, .62, .45}, {.80, .47, .65}, {.90, .62, 0}, {.34, .71, .91}, {.2, .2, .2},
};

static double place(const axis *a, double value)
{
    return a->from + (value - a->low) / (a->high - a->low) * (a->to - a->from);
}

/* 1, 2 or 5 times a power of ten, so that about `wanted` steps fill the range. */
static double nice_step(double range, int wanted)
{
    double raw = range / wanted, power = pow(10, floor(log10(raw))), lead = raw / power;
    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

static void widen(const yl_series *s, bool use_x, double *low, double *high)
{
    for (int64_t i = 0; i < s->count; i++) {
        if (!isfinite(s->x[i]) || !isfinite(s->y[i])) continue;
        double v = use_x ? s->x[i] : s->y[i];
        if (v < *low) *low = v;
        if (v > *high) *high = v;
    }
}

static axis make_axis(const yl_plot *p, bool use_x)
{
    const double *limits = use_x ? p->xlim : p->ylim;
    axis a = {.low = INFINITY, .high = -INFINITY};
    for (int64_t i = 0; i < p->count; i++) widen(&p->series[i], use_x, &a.low, &a.high);
    bool asked = limits[0] != limits[1];
    if (asked) a.low = limits[0], a.high = limits[1];
    if (!(a.low <= a.high)) a.low = 0, a.high = 1;
    if (!(a.high - a.low > 1e-12 * fmax(fabs(a.low), fabs(a.high)))) { /* one value: give it room */
        double room = a.low != 0 ? fabs(a.low) * .1 : 1;
        a.low -= room;
        a.high += room;
    }
    a.step = nice_step(a.high - a.low, use_x ? 8 : 6);
    if (!asked && !use_x) {
        a.low = floor(a.low / a.step) * a.step;
        a.high = ceil(a.high / a.step) * a.step;
    }
    a.from = use_x ? LEFT : HEIGHT - BOTTOM;
    a.to = use_x ? WIDTH - RIGHT : TOP;
    return a;
}

static void show(cairo_t *cr, const char *text, double x, double y, double align)
{
    cairo_text_extents_t size;
    if (!text) return;
    cairo_text_extents(cr, text, &size);
    cairo_move_to(cr, x - align * size.x_advance, y);
    cairo_show_text(cr, text);
}

static void tick_text(double value, double step, char out[32])
{
    if (fabs(value) < step * 1e-9) value = 0;
    snprintf(out, 32, "%.6g", value);
}

static void line(cairo_t *cr, double x1, double y1, double x2, double y2)
{
    cairo_move_to(cr, x1, y1);
    cairo_line_to(cr, x2, y2);
    cairo_stroke(cr);
}

static void draw_ticks(cairo_t *cr, const axis *x, const axis *y, bool use_x)
{
    const axis *a = use_x ? x : y;
    char text[32];
    for (double k = ceil(a->low / a->step - 1e-9); k * a->step <= a->high + 1e-9 * a->step; k++) {
        double at = place(a, k * a->step);
        cairo_set_source_rgb(cr, .88, .88, .88);
        if (use_x)
            line(cr, at, y->from, at, y->to);
        else
            line(cr, x->from, at, x->to, at);
        cairo_set_source_rgb(cr, .2, .2, .2);
        tick_text(k * a->step, a->step, text);
        if (use_x)
            show(cr, text, at, y->from + 18, .5);
        else
            show(cr, text, x->from - 8, at + 4, 1);
    }
}

static void draw_frame(cairo_t *cr, const yl_plot *p, const axis *x, const axis *y)
{
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, 12);
    cairo_set_line_width(cr, 1);
    draw_ticks(cr, x, y, true);
    draw_ticks(cr, x, y, false);
    line(cr, x->from, y->from, x->to, y->from);
    line(cr, x->from, y->from, x->from, y->to);
    double middle = (x->from + x->to) / 2;
    show(cr, p->xlabel, middle, HEIGHT - 14, .5);
    cairo_save(cr);
    cairo_translate(cr, 18, (y->from + y->to) / 2);
    cairo_rotate(cr, -1.5707963267948966);
    show(cr, p->ylabel, 0, 0, .5);
    cairo_restore(cr);
    cairo_set_font_size(cr, 15);
    show(cr, p->title, middle, 24, .5);
    cairo_set_font_size(cr, 12);
}

static void pen(cairo_t *cr, int64_t i)
{
    const double *c = palette[i % PALETTE], dash[2] = {6, 3};
    cairo_set_source_rgb(cr, c[0], c[1], c[2]);
    cairo_set_line_width(cr, 1.8);
    cairo_set_dash(cr, dash, i / PALETTE % 2 ? 2 : 0, 0);
}

static bool drawable(const yl_series *s, int64_t i)
{
    return i >= 0 && i < s->count && isfinite(s->x[i]) && isfinite(s->y[i]);
}

/* Lines between neighbours that are both there; a lonely value becomes a dot. */
static void draw_series(cairo_t *cr, const yl_series *s, const axis *x, const axis *y)
{
    for (int64_t i = 0; i < s->count; i++) {
        if (!drawable(s, i)) continue;
        double px = place(x, s->x[i]), py = place(y, s->y[i]);
        if (drawable(s, i - 1))
            cairo_line_to(cr, px, py);
        else
            cairo_move_to(cr, px, py);
        if (drawable(s, i - 1) || drawable(s, i + 1)) continue;
        cairo_stroke(cr); /* ends the path so far */
        cairo_arc(cr, px, py, 3, 0, 6.283185307179586);
        cairo_fill(cr);
    }
    cairo_stroke(cr);
}

static void draw_legend(cairo_t *cr, const yl_plot *p, const axis *x)
{
    for (int64_t i = 0; i < p->count; i++) {
        double y = TOP + 12 + 18 * (double)i, at = x->to + 12;
        if (!p->series[i].name) continue;
        pen(cr, i);
        line(cr, at, y, at + 22, y);
        cairo_set_source_rgb(cr, .2, .2, .2);
        show(cr, p->series[i].name, at + 28, y + 4, 0);
    }
}

static bool named(const yl_plot *p)
{
    for (int64_t i = 0; i < p->count; i++)
        if (p->series[i].name) return true;
    return false;
}

static bool any_value(const yl_plot *p)
{
    for (int64_t i = 0; i < p->count; i++)
        for (int64_t j = 0; j < p->series[i].count; j++)
            if (drawable(&p->series[i], j)) return true;
    return false;
}

static void draw(cairo_t *cr, const yl_plot *p)
{
    axis x = make_axis(p, true), y = make_axis(p, false);
    if (named(p)) x.to -= LEGEND;
    draw_frame(cr, p, &x, &y);
    if (!any_value(p)) show(cr, "no values", (x.from + x.to) / 2, (y.from + y.to) / 2, .5);
    cairo_save(cr);
    cairo_rectangle(cr, x.from, y.to, x.to - x.from, y.from - y.to);
    cairo_clip(cr);
    for (int64_t i = 0; i < p->count; i++) {
        pen(cr, i);
        draw_series(cr, &p->series[i], &x, &y);
    }
    cairo_restore(cr);
    draw_legend(cr, p, &x);
}

static cairo_status_t collect(void *text, const unsigned char *bytes, unsigned int size)
{
    return yl__text_append(text, bytes, size) == YL_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_NO_MEMORY;
}

static yl_status render(const yl_plot *p, bool svg, const char *path, yl_text *out)
{
    cairo_surface_t *surface = svg ? cairo_svg_surface_create_for_stream(collect, out, WIDTH, HEIGHT)
                                   : cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    cairo_t *cr = cairo_create(surface);
    draw(cr, p);
    cairo_status_t code = cairo_status(cr);
    cairo_destroy(cr);
    if (!code && !svg) code = cairo_surface_write_to_png_stream(surface, collect, out);
    cairo_surface_finish(surface);
    if (!code) code = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    if (!code) return YL_OK;
    return yl__fail(code == CAIRO_STATUS_NO_MEMORY ? YL_MEMORY : YL_INVALID, "%s: drawing failed: %s", path,
                    cairo_status_to_string(code));
}

static yl_status check(const yl_plot *p, const char *path, bool *svg)
{
    size_t n = strlen(path);
    *svg = n > 4 && strcmp(path + n - 4, ".svg") == 0;
    if (!*svg && !(n > 4 && strcmp(path + n - 4, ".png") == 0))
        return yl__fail(YL_INVALID, "%s: a plot's path ends in .svg or .png", path);
    if (!isfinite(p->xlim[0] + p->xlim[1] + p->ylim[0] + p->ylim[1]) || p->xlim[0] > p->xlim[1] ||
        p->ylim[0] > p->ylim[1])
        return yl__fail(YL_INVALID, "%s: a plot's limits are two finite numbers, the lower first", path);
    return YL_OK;
}

yl_status yl_plot_write(const yl_plot *plot, const char *path)
{
    bool svg;
    yl_text out = {0};
    YL_TRY(check(plot, path, &svg));
    yl_status status = render(plot, svg, path, &out);
    if (!status) status = yl__file_write(path, out.data, out.length);
    yl__text_free(&out);
    return status;
}
