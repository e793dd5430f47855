/* Line plots: the ranges of their axes, what stands where, and the curves, drawn by a pen (image/plot_pen.h). */
#include "image/plot.h"
#include "core/file.h"
#include "core/memory.h"
#include "image/plot_pen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 480, HEIGHT = 320, TITLE = 30, LEGEND_LINE = 18, BOTTOM = 46, RIGHT = 16, FEW = 40 };

static const double SMALL = 12, LETTER = 6.9; /* size of a word, and about how wide its letters are, pixels */

typedef struct axis {
    double low, high, step, from, to; /* data range and tick distance; pixel positions of low and high */
} axis;

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

static bool drawable(const yl_series *s, int64_t i)
{
    return i >= 0 && i < s->count && isfinite(s->x[i]) && isfinite(s->y[i]);
}

static void widen(const yl_series *s, bool use_x, double *low, double *high)
{
    for (int64_t i = 0; i < s->count; i++) {
        double v = use_x ? s->x[i] : s->y[i];
        if (!drawable(s, i)) continue;
        if (v < *low) *low = v;
        if (v > *high) *high = v;
    }
}

static bool whole_numbers(const yl_plot *p)
{
    for (int64_t i = 0; i < p->count; i++)
        for (int64_t k = 0; k < p->series[i].count; k++)
            if (drawable(&p->series[i], k) && p->series[i].x[k] != floor(p->series[i].x[k])) return false;
    return true;
}

static axis make_axis(const yl_plot *p, bool use_x)
{
    const double *limits = use_x ? p->xlim.at : p->ylim.at;
    axis a = {.low = INFINITY, .high = -INFINITY};
    for (int64_t i = 0; i < p->count; i++) widen(&p->series[i], use_x, &a.low, &a.high);
    bool asked = (use_x ? p->xlim.count : p->ylim.count) && limits[0] != limits[1];
    if (asked) a.low = limits[0], a.high = limits[1];
    if (!(a.low <= a.high)) a.low = 0, a.high = 1;
    if (!(a.high - a.low > 1e-12 * fmax(fabs(a.low), fabs(a.high)))) { /* one value: give it room */
        double room = use_x ? 1 : a.low != 0 ? fabs(a.low) * .1 : 1;
        a.low -= room;
        a.high += room;
    }
    a.step = nice_step(a.high - a.low, use_x ? 7 : 5);
    if (use_x && !asked && a.step < 1 && whole_numbers(p)) a.step = 1; /* epochs have no halves */
    if (!asked && !use_x) {
        a.low = floor(a.low / a.step) * a.step;
        a.high = ceil(a.high / a.step) * a.step;
    }
    return a;
}

static void tick_text(double value, double step, char out[32])
{
    if (fabs(value) < step * 1e-9) value = 0;
    snprintf(out, 32, "%.6g", value);
}

/* The n-th tick's value, from 0; false where there are no more. */
static bool tick(const axis *a, int64_t n, double *value)
{
    *value = (ceil(a->low / a->step - 1e-9) + (double)n) * a->step;
    return n < 100 && *value <= a->high + 1e-9 * a->step;
}

static double widest_tick(const axis *a)
{
    double value, most = 0;
    char text[32];
    for (int64_t n = 0; tick(a, n, &value); n++) {
        tick_text(value, a->step, text);
        most = fmax(most, (double)strlen(text) * LETTER);
    }
    return most;
}

/* How many letters a name takes: code points of UTF-8. */
static double width_of(const char *text)
{
    double letters = 0;
    for (; *text; text++) letters += ((unsigned char)*text & 0xc0) != 0x80;
    return letters * LETTER;
}

static double top_of(const yl_plot *p)
{
    return p->title ? TITLE : 12;
}

/* Sets the names side by side in lines from `left`, under the title; returns the number of lines. pen: NULL only counts. */
static int legend(const yl_plot *p, double left, yl_pen *pen)
{
    double x = left;
    int lines = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const char *name = p->series[i].name;
        if (!name) continue;
        double need = 26 + width_of(name) + 18;
        if (lines == 0 || x + need > WIDTH) x = left, lines++;
        double y = top_of(p) + LEGEND_LINE * (lines - 1) + 12;
        if (pen) {
            pen->curve(pen, &(yl_curve){.xy = (double[]){x, y - 4, x + 20, y - 4}, .count = 2, .series = i});
            pen->word(pen, &(yl_word){.text = name, .x = x + 26, .y = y, .size = SMALL, .ink = YL_INK_STRONG});
        }
        x += need;
    }
    return lines;
}

static void draw_ticks(yl_pen *pen, const axis *x, const axis *y, bool use_x)
{
    const axis *a = use_x ? x : y;
    char text[32];
    double value;
    for (int64_t n = 0; tick(a, n, &value); n++) {
        double at = place(a, value);
        yl_word w = {.text = text, .size = SMALL, .ink = YL_INK_SOFT};
        tick_text(value, a->step, text);
        if (use_x) {
            pen->line(pen, at, y->from, at, y->to, YL_INK_GRID);
            w.x = at, w.y = y->from + 17, w.align = .5;
        } else {
            pen->line(pen, x->from, at, x->to, at, YL_INK_GRID);
            w.x = x->from - 7, w.y = at + 4, w.align = 1;
        }
        pen->word(pen, &w);
    }
}

static void draw_frame(yl_pen *pen, const yl_plot *p, const axis *x, const axis *y)
{
    yl_word label = {.size = SMALL, .align = .5, .ink = YL_INK_SOFT};
    draw_ticks(pen, x, y, true);
    draw_ticks(pen, x, y, false);
    pen->line(pen, x->from, y->from, x->to, y->from, YL_INK_AXIS);
    pen->line(pen, x->from, y->from, x->from, y->to, YL_INK_AXIS);
    if (p->title)
        pen->word(pen, &(yl_word){.text = p->title, .x = 14, .y = 20, .size = 14, .bold = true, .ink = YL_INK_STRONG});
    if (p->xlabel) {
        label.text = p->xlabel, label.x = (x->from + x->to) / 2, label.y = HEIGHT - 10;
        pen->word(pen, &label);
    }
    if (p->ylabel) {
        label.text = p->ylabel, label.x = 18, label.y = (y->from + y->to) / 2, label.up = true;
        pen->word(pen, &label);
    }
}

static double within(double pixel)
{
    return fmax(-1e5, fmin(1e5, pixel));
}

/* One run of neighbours that are all there, from `first`: points less than half a pixel apart are left out. Returns where it
 * ends. */
static int64_t draw_run(yl_pen *pen, const yl_plot *p, int64_t series, int64_t first, const axis *x, const axis *y,
                        double *xy)
{
    const yl_series *s = &p->series[series];
    int64_t n = 0, i = first;
    for (; drawable(s, i); i++) {
        double px = within(place(x, s->x[i])), py = within(place(y, s->y[i]));
        bool near = n > 0 && fabs(px - xy[2 * n - 2]) + fabs(py - xy[2 * n - 1]) < .5;
        if (near && drawable(s, i + 1)) continue;
        xy[2 * n] = px, xy[2 * n + 1] = py, n++;
    }
    pen->curve(pen, &(yl_curve){.xy = xy, .count = n, .series = series, .dots = s->count <= FEW && whole_numbers(p)});
    return i;
}

static bool draw_series(yl_pen *pen, const yl_plot *p, int64_t series, const axis *x, const axis *y)
{
    const yl_series *s = &p->series[series];
    bool any = false;
    double *xy;
    if (s->count == 0) return false;
    if (!pen->status) pen->status = yl__alloc(s->count, 2 * sizeof *xy, &xy);
    if (pen->status) return true;
    for (int64_t i = 0; i < s->count; i++) {
        if (!drawable(s, i)) continue;
        any = true;
        i = draw_run(pen, p, series, i, x, y, xy);
    }
    yl__free(xy);
    return any;
}

static void draw(yl_pen *pen, const yl_plot *p)
{
    axis x = make_axis(p, true), y = make_axis(p, false);
    bool any = false;
    x.from = (p->ylabel ? 34 : 14) + widest_tick(&y);
    x.to = WIDTH - RIGHT;
    y.from = HEIGHT - BOTTOM;
    y.to = top_of(p) + LEGEND_LINE * legend(p, x.from, NULL) + 8;
    if (y.to > y.from - 60) y.to = y.from - 60; /* more names than room: the plot stays */
    draw_frame(pen, p, &x, &y);
    pen->clip(pen, x.from, y.to - 3, x.to - x.from + 3, y.from - y.to + 6);
    for (int64_t i = 0; i < p->count; i++) any |= draw_series(pen, p, i, &x, &y);
    pen->clip(pen, 0, 0, -1, 0);
    legend(p, x.from, pen);
    yl_word none = {
        .text = "no values", .x = (x.from + x.to) / 2, .y = (y.from + y.to) / 2, .align = .5, .size = SMALL};
    none.ink = YL_INK_SOFT;
    if (!any) pen->word(pen, &none);
}

#define AT(member) YL_MEMBER(yl_plot, member)
static const yl_field fields[] = {
    {"title", YL_OPTION_STRING, NULL, "", "above the plot", 0, 0, NULL, NULL, AT(title)},
    {"xlabel", YL_OPTION_STRING, NULL, "", "below the axis to the right", 0, 0, NULL, NULL, AT(xlabel)},
    {"ylabel", YL_OPTION_STRING, NULL, "", "beside the axis upwards", 0, 0, NULL, NULL, AT(ylabel)},
    {"xlim", YL_OPTION_NUMBERS, "", "", "lowest and highest x (default: from the data)", 0, 0, NULL, NULL, AT(xlim)},
    {"ylim", YL_OPTION_NUMBERS, "", "", "lowest and highest y (default: from the data)", 0, 0, NULL, NULL, AT(ylim)},
};
const yl_field_table yl_plot_fields = YL_FIELD_TABLE("plot", fields);

static bool sound(const yl_numbers *limits)
{
    if (limits->count == 0) return true;
    return limits->count == 2 && isfinite(limits->at[0]) && isfinite(limits->at[1]) && limits->at[0] <= limits->at[1];
}

static yl_status check(const yl_plot *p, const char *path, bool *svg)
{
    size_t n = strlen(path);
    *svg = n > 4 && strcmp(path + n - 4, ".svg") == 0;
    if (!*svg && !(n > 4 && strcmp(path + n - 4, ".png") == 0))
        return yl__fail(YL_INVALID, "%s: a plot's path ends in .svg or .png", path);
    if (!sound(&p->xlim) || !sound(&p->ylim))
        return yl__fail(YL_INVALID, "%s: a plot's limits are two finite numbers, the lower first", path);
    return YL_OK;
}

yl_status yl_plot_write(const yl_plot *plot, const char *path)
{
    bool svg;
    yl_pen *pen;
    yl_text out = {0};
    YL_TRY(check(plot, path, &svg));
    YL_TRY(svg ? yl__pen_svg(plot->title, WIDTH, HEIGHT, &pen) : yl__pen_pixels(WIDTH, HEIGHT, &pen));
    draw(pen, plot);
    yl_status status = pen->finish(pen, &out);
    if (!status) status = yl__file_write(path, out.data, out.length);
    yl__text_free(&out);
    return status;
}
