/* The plot's SVG pen (SVG 1.1): words stay words, and colours follow the reader's light or dark theme. */
#include "core/memory.h"
#include "image/plot_pen.h"

#include <math.h>
#include <string.h>

typedef struct svg_pen {
    yl_pen pen;
    yl_text text;
} svg_pen;

static const char head[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" "
    "font-family=\"system-ui, 'DejaVu Sans', sans-serif\" fill=\"none\" stroke-linecap=\"round\" "
    "stroke-linejoin=\"round\">\n<style>\n"
    ".i0{fill:#fff} text.i3{fill:#5b6670} text.i4{fill:#1d2329} line.i1{stroke:#e6e9ec} line.i2{stroke:#8a949e}\n"
    "circle{stroke:none} polyline,.k{stroke-width:1.8}\n"
    "@media (prefers-color-scheme:dark){.i0{fill:#1e2429} text.i3{fill:#a3adb7} text.i4{fill:#e6e9ec} "
    "line.i1{stroke:#323b43} line.i2{stroke:#6b7680}\n"
    ".c0{stroke:#4aa8e0} .c1{stroke:#ee7733} .c2{stroke:#2bbd90} .c6{stroke:#ddd} "
    "circle.c0{fill:#4aa8e0} circle.c1{fill:#ee7733} circle.c2{fill:#2bbd90} circle.c6{fill:#ddd}}\n</style>\n";

/* A coordinate with one decimal, whatever the locale. */
static void add_number(svg_pen *s, double value, char after)
{
    long long tenths = llround(fmax(-1e6, fmin(1e6, value)) * 10), whole = tenths < 0 ? -tenths : tenths;
    const char *minus = tenths < 0 ? "-" : "";
    if (s->pen.status) return;
    s->pen.status = whole % 10 ? yl__text_add(&s->text, "%s%lld.%lld%c", minus, whole / 10, whole % 10, after)
                               : yl__text_add(&s->text, "%s%lld%c", minus, whole / 10, after);
}

static void add(svg_pen *s, const char *text)
{
    if (!s->pen.status) s->pen.status = yl__text_append(&s->text, text, (int64_t)strlen(text));
}

/* Text as XML has it: marks escaped; control characters and what is no UTF-8 become question marks. */
static void add_escaped(svg_pen *s, const char *text)
{
    int64_t left = (int64_t)strlen(text);
    while (left > 0 && !s->pen.status) {
        uint32_t code;
        int n = yl__utf8_decode(text, left, &code);
        bool sound = n > 0 && code >= 32 && code != 127 && code != 0xfffe && code != 0xffff;
        if (!sound)
            add(s, "?");
        else if (strchr("&<>\"", *text))
            s->pen.status = yl__text_add(&s->text, "&#%d;", *text);
        else
            s->pen.status = yl__text_append(&s->text, text, n);
        text += n > 0 ? n : 1;
        left -= n > 0 ? n : 1;
    }
}

/* The names of attributes with a number each: ` x1="3.5"`. */
static void add_attributes(svg_pen *s, const char *const *names, const double *values, int count)
{
    for (int i = 0; i < count; i++) {
        if (!s->pen.status) s->pen.status = yl__text_add(&s->text, " %s=\"", names[i]);
        add_number(s, values[i], '"');
    }
}

static void line(yl_pen *pen, double x1, double y1, double x2, double y2, yl_ink ink)
{
    svg_pen *s = (svg_pen *)pen;
    if (!pen->status) pen->status = yl__text_add(&s->text, "<line class=\"i%d\"", (int)ink);
    add_attributes(s, (const char *const[]){"x1", "y1", "x2", "y2"}, (const double[]){x1, y1, x2, y2}, 4);
    add(s, "/>\n");
}

static void word(yl_pen *pen, const yl_word *w)
{
    svg_pen *s = (svg_pen *)pen;
    static const char *const anchors[] = {"start", "middle", "end"};
    add(s, "<text");
    add_attributes(s, (const char *const[]){"x", "y", "font-size"}, (const double[]){w->x, w->y, w->size}, 3);
    if (!pen->status)
        pen->status = yl__text_add(&s->text, " class=\"i%d\" text-anchor=\"%s\"%s", (int)w->ink,
                                   anchors[(int)lround(w->align * 2)], w->bold ? " font-weight=\"600\"" : "");
    if (w->up) {
        add(s, " transform=\"rotate(-90 ");
        add_number(s, w->x, ' ');
        add_number(s, w->y, ')');
        add(s, "\"");
    }
    add(s, ">");
    add_escaped(s, w->text);
    add(s, "</text>\n");
}

static void clip(yl_pen *pen, double x, double y, double w, double h)
{
    svg_pen *s = (svg_pen *)pen;
    if (w < 0) {
        add(s, "</g>\n");
        return;
    }
    add(s, "<clipPath id=\"f\"><rect");
    add_attributes(s, (const char *const[]){"x", "y", "width", "height"}, (const double[]){x, y, w, h}, 4);
    add(s, "/></clipPath>\n<g clip-path=\"url(#f)\">\n");
}

/* " class="c3" stroke="#cc79a7"": the class for the dark theme, the attribute for readers that know no style. */
static void add_colour(svg_pen *s, int64_t series, bool filled)
{
    const double *c = yl__plot_palette[series % YL_PLOT_COLOURS];
    if (s->pen.status) return;
    s->pen.status = yl__text_add(&s->text, " class=\"c%d\" %s=\"#%02x%02x%02x\"%s", (int)(series % YL_PLOT_COLOURS),
                                 filled ? "fill" : "stroke", (int)lround(c[0] * 255), (int)lround(c[1] * 255),
                                 (int)lround(c[2] * 255),
                                 !filled && series / YL_PLOT_COLOURS % 2 ? " stroke-dasharray=\"6 4\"" : "");
}

static void dot(svg_pen *s, const double *xy, int64_t series)
{
    add(s, "<circle r=\"2.8\"");
    add_attributes(s, (const char *const[]){"cx", "cy"}, xy, 2);
    add_colour(s, series, true);
    add(s, "/>\n");
}

static void curve(yl_pen *pen, const yl_curve *c)
{
    svg_pen *s = (svg_pen *)pen;
    if (c->count > 1) {
        add(s, "<polyline");
        add_colour(s, c->series, false);
        add(s, " points=\"");
        for (int64_t i = 0; i < c->count; i++) {
            add_number(s, c->xy[2 * i], ',');
            add_number(s, c->xy[2 * i + 1], i + 1 < c->count ? ' ' : '"');
        }
        add(s, "/>\n");
    }
    for (int64_t i = 0; i < c->count && (c->dots || c->count == 1); i++) dot(s, c->xy + 2 * i, c->series);
}

static yl_status finish(yl_pen *pen, yl_text *out)
{
    svg_pen *s = (svg_pen *)pen;
    add(s, "</svg>\n");
    yl_status status = pen->status;
    if (status)
        yl__text_free(&s->text);
    else
        *out = s->text;
    yl__free(s);
    return status;
}

yl_status yl__pen_svg(const char *title, int width, int height, yl_pen **out)
{
    svg_pen *s;
    YL_TRY(yl__calloc(1, sizeof *s, &s));
    s->pen = (yl_pen){.line = line, .word = word, .clip = clip, .curve = curve, .finish = finish};
    s->pen.status = yl__text_add(&s->text, head, width, height, width, height);
    add(s, "<title>");
    add_escaped(s, title ? title : "plot");
    add(s, "</title>\n<rect class=\"i0\" width=\"100%\" height=\"100%\"/>\n");
    *out = &s->pen;
    return YL_OK;
}
