/* Boxes with labels, and sheets of pictures. */
#include "image/draw.h"
#include "core/text.h"
#include "image/canvas.h"

#include <math.h>
#include <string.h>

static const char *const role_names[] = {
#define X(name, meaning) #name,
    YL_ROLES(X)
#undef X
};

/* Colour, and the dash length in line widths (0: a solid line). */
static const struct style {
    double r, g, b, dash;
} styles[YL_ROLE_COUNT] = {
    [YL_ROLE_found] = {.34, .71, .91, 0},       [YL_ROLE_truth] = {.94, .89, .26, 0},
    [YL_ROLE_hit] = {0, .62, .45, 0},           [YL_ROLE_miss] = {.90, .62, 0, 4},
    [YL_ROLE_false_alarm] = {.84, .37, 0, 1.5}, [YL_ROLE_ignore] = {.6, .6, .6, 2},
};

const char *yl_role_name(yl_role role)
{
    return role_names[role];
}

yl_status yl_role_parse(const char *name, yl_role *out)
{
    for (int i = 0; i < YL_ROLE_COUNT; i++)
        if (strcmp(name, role_names[i]) == 0) {
            *out = (yl_role)i;
            return YL_OK;
        }
    const char *near = yl__nearest(name, role_names, YL_ROLE_COUNT);
    return yl__fail(YL_INVALID, "role '%s' is unknown%s%s; expected found, truth, hit, miss, false_alarm or ignore",
                    name, near ? ", did you mean " : "", near ? near : "");
}

static void draw_label(cairo_t *cr, const yl_mark *m, const struct style *s, double line, double width)
{
    cairo_text_extents_t size;
    cairo_font_extents_t font;
    cairo_text_extents(cr, m->label, &size);
    cairo_font_extents(cr, &font);
    double pad = line, w = size.x_advance + 2 * pad, h = font.height + pad;
    double x = fmax(0, fmin(m->box.x1 - line / 2, width - w)), y = m->box.y1 - h;
    if (y < 0) y = fmax(0, m->box.y1); /* no room above: inside the box */
    cairo_set_source_rgba(cr, s->r, s->g, s->b, .85);
    cairo_rectangle(cr, x, y, w, h);
    cairo_fill(cr);
    bool dark = .299 * s->r + .587 * s->g + .114 * s->b > .45;
    cairo_set_source_rgb(cr, !dark, !dark, !dark);
    cairo_move_to(cr, x + pad, y + pad / 2 + font.ascent);
    cairo_show_text(cr, m->label);
}

static void draw_mark(cairo_t *cr, const yl_mark *m, double line, double width)
{
    const struct style *s = &styles[m->role];
    double dash[2] = {s->dash * line, s->dash * line};
    cairo_rectangle(cr, m->box.x1, m->box.y1, yl_box_width(m->box), yl_box_height(m->box));
    cairo_set_dash(cr, NULL, 0, 0);
    cairo_set_source_rgba(cr, 0, 0, 0, .5); /* a dark edge keeps light colours visible on light ground */
    cairo_set_line_width(cr, line * 1.8);
    cairo_stroke_preserve(cr);
    cairo_set_dash(cr, dash, s->dash > 0 ? 2 : 0, 0);
    cairo_set_source_rgb(cr, s->r, s->g, s->b);
    cairo_set_line_width(cr, line);
    cairo_stroke(cr);
    if (m->label && m->label[0]) draw_label(cr, m, s, line, width);
}

static yl_status check_marks(const yl_mark *marks, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        yl_box b = marks[i].box;
        if (!isfinite(b.x1 + b.y1 + b.x2 + b.y2))
            return yl__fail(YL_INVALID, "box %lld to draw is not finite", (long long)i + 1);
        if ((int)marks[i].role < 0 || marks[i].role >= YL_ROLE_COUNT)
            return yl__fail(YL_INVALID, "box %lld to draw has no known role", (long long)i + 1);
    }
    return YL_OK;
}

yl_status yl_image_draw(yl_image *image, const yl_mark *marks, int64_t count)
{
    cairo_surface_t *surface;
    YL_TRY(check_marks(marks, count));
    YL_TRY(yl__canvas_open(image, &surface));
    cairo_t *cr = cairo_create(surface);
    double side = sqrt((double)image->w * (double)image->h), line = fmax(1, side / 400);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, fmax(9, side / 55));
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    for (int64_t i = 0; i < count; i++) draw_mark(cr, &marks[i], line, (double)image->w);
    yl_status status = yl__canvas_status(cairo_status(cr), "image");
    cairo_destroy(cr);
    if (!status) yl__canvas_read(surface, image);
    cairo_surface_destroy(surface);
    return status;
}

enum { GAP = 4, CAPTION = 16 };

static yl_status draw_cell(cairo_t *cr, const yl_image *image, const char *caption, double x, double y, double w,
                           double h)
{
    cairo_surface_t *picture;
    YL_TRY(yl__canvas_open(image, &picture));
    double scale = fmin(w / (double)image->w, h / (double)image->h);
    cairo_save(cr);
    cairo_translate(cr, x + (w - scale * (double)image->w) / 2, y + (h - scale * (double)image->h) / 2);
    cairo_scale(cr, scale, scale);
    cairo_set_source_surface(cr, picture, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
    cairo_paint(cr);
    cairo_restore(cr);
    cairo_surface_destroy(picture);
    if (!caption) return YL_OK;
    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_move_to(cr, x, y + h + CAPTION - 4);
    cairo_show_text(cr, caption);
    return YL_OK;
}

static yl_status draw_cells(cairo_t *cr, const yl_image *const *images, const char *const *captions, int64_t count,
                            int64_t columns, int64_t cell_w, int64_t cell_h)
{
    int64_t step = cell_h + GAP + (captions ? CAPTION : 0);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, 11);
    for (int64_t i = 0; i < count; i++) {
        int64_t x = GAP + i % columns * (cell_w + GAP), y = GAP + i / columns * step;
        YL_TRY(draw_cell(cr, images[i], captions ? captions[i] : NULL, (double)x, (double)y, (double)cell_w,
                         (double)cell_h));
    }
    return yl__canvas_status(cairo_status(cr), "sheet");
}

yl_status yl_image_sheet(const yl_image *const *images, const char *const *captions, int64_t count, int64_t columns,
                         int64_t cell_w, int64_t cell_h, yl_image *out)
{
    *out = (yl_image){0};
    if (count < 1 || columns < 1 || cell_w < 1 || cell_h < 1)
        return yl__fail(YL_INVALID, "a sheet needs at least one picture, one column and cells of one pixel");
    if (columns > count) columns = count;
    int64_t lines = (count + columns - 1) / columns, step = cell_h + GAP + (captions ? CAPTION : 0);
    YL_TRY(yl_image_new(GAP + columns * (cell_w + GAP), GAP + lines * step, out));
    cairo_surface_t *surface;
    yl_image size = {.w = out->w, .h = out->h};
    yl_status status = yl__canvas_open(&size, &surface);
    if (!status) {
        cairo_t *cr = cairo_create(surface);
        status = draw_cells(cr, images, captions, count, columns, cell_w, cell_h);
        cairo_destroy(cr);
        if (!status) yl__canvas_read(surface, out);
        cairo_surface_destroy(surface);
    }
    if (status) yl_image_free(out);
    return status;
}
