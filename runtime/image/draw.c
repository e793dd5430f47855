/* Boxes with labels, pictures scaled down, and sheets of pictures. */
#include "image/draw.h"
#include "core/memory.h"
#include "core/text.h"
#include "image/canvas.h"

#include <math.h>
#include <string.h>

#define X(name, meaning) "|" #name
static const char roles[] = YL_ROLES(X);
#undef X

static const yl_field mark_fields[] = {
    {"label", YL_OPTION_STRING, NULL, "", "text above the box", 0, 0, NULL, NULL, YL_MEMBER(yl_mark, label)},
    {"role", YL_OPTION_ENUM, "found", "", "what the box stands for", 0, 0, roles + 1, NULL, YL_MEMBER(yl_mark, role)},
    {"colour", YL_OPTION_INT, "0", "", "number of a class, whose colour replaces the role's", 0, INT32_MAX, NULL, NULL,
     YL_MEMBER(yl_mark, colour)},
    {"alpha", YL_OPTION_NUMBER, "-10", "radians", "observation angle, shown as an arrow; -10: unknown", -10, 10, NULL,
     NULL, YL_MEMBER(yl_mark, alpha)},
};
const yl_field_table yl_mark_fields = YL_FIELD_TABLE("mark", mark_fields);

/* Colour, and the dash length in line widths (0: a solid line). */
static const struct style {
    double r, g, b, dash;
} styles[YL_ROLE_COUNT] = {
    [YL_ROLE_found] = {.34, .71, .91, 0},       [YL_ROLE_truth] = {.94, .89, .26, 0},
    [YL_ROLE_hit] = {0, .62, .45, 0},           [YL_ROLE_miss] = {.90, .62, 0, 4},
    [YL_ROLE_false_alarm] = {.84, .37, 0, 1.5}, [YL_ROLE_ignore] = {.6, .6, .6, 2},
};

/* Colours of classes: Okabe and Ito's, on dark and light ground alike. */
static const double class_colours[][3] = {{.34, .71, .91}, {.90, .62, 0}, {0, .62, .45},   {.94, .89, .26},
                                          {.80, .47, .65}, {.84, .37, 0}, {.35, .55, 1.0}, {.85, .85, .85}};

static struct style style_of(const yl_mark *m)
{
    struct style s = styles[m->role];
    const double *c = class_colours[(m->colour - 1) & 7];
    if (m->colour > 0) s.r = c[0], s.g = c[1], s.b = c[2];
    return s;
}

static bool overlaps(yl_box a, const yl_box *others, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (a.x1 < others[i].x2 && others[i].x1 < a.x2 && a.y1 < others[i].y2 && others[i].y1 < a.y2) return true;
    return false;
}

enum { PLACES = 4, STACK = 4 };

/* Where a label of w x h stands: above the box, below it, inside at its top or right of it; where all of these are taken,
 * further up and down. The first inside the picture and clear of the labels before, else the first of all. */
static yl_box label_place(yl_box box, double line, double w, double h, const yl_image *image, const yl_box *taken,
                          int64_t count)
{
    double right = (double)image->w, bottom = (double)image->h, left = box.x1 - line / 2;
    const double places[PLACES][2] = {{left, box.y1 - h}, {left, box.y2}, {left, box.y1}, {box.x2, box.y1}};
    yl_box first = {0};
    for (int i = 0; i < PLACES + 2 * STACK; i++) {
        int step = i < PLACES ? 0 : 1 + (i - PLACES) / 2, side = i < PLACES ? i : i % 2;
        double want = places[side][1] + (side == 0 ? -h : h) * step;
        double x = fmax(0, fmin(places[side][0], right - w)), y = fmax(0, fmin(want, bottom - h));
        yl_box at = {x, y, x + w, y + h};
        if (i == 0) first = at;
        if (y == want && !overlaps(at, taken, count)) return at;
    }
    return first;
}

static void draw_label(cairo_t *cr, const yl_mark *m, double line, const yl_image *image, yl_box *taken, int64_t *count)
{
    struct style s = style_of(m);
    cairo_text_extents_t size;
    cairo_font_extents_t font;
    cairo_text_extents(cr, m->label, &size);
    cairo_font_extents(cr, &font);
    double pad = line, w = size.x_advance + 2 * pad, h = font.height;
    yl_box at = label_place(m->box, line, w, h, image, taken, *count);
    taken[(*count)++] = at;
    cairo_set_source_rgba(cr, s.r, s.g, s.b, .9);
    cairo_rectangle(cr, at.x1, at.y1, w, h);
    cairo_fill(cr);
    bool dark = .299 * s.r + .587 * s.g + .114 * s.b > .45;
    cairo_set_source_rgb(cr, !dark, !dark, !dark);
    cairo_move_to(cr, at.x1 + pad, at.y1 + font.ascent);
    cairo_show_text(cr, m->label);
}

static void draw_mark(cairo_t *cr, const yl_mark *m, double line)
{
    struct style s = style_of(m);
    double dash[2] = {s.dash * line, s.dash * line};
    cairo_rectangle(cr, m->box.x1, m->box.y1, yl_box_width(m->box), yl_box_height(m->box));
    cairo_set_dash(cr, NULL, 0, 0);
    cairo_set_source_rgba(cr, 0, 0, 0, .5); /* a dark edge keeps light colours visible on light ground */
    cairo_set_line_width(cr, line * 1.8);
    cairo_stroke_preserve(cr);
    cairo_set_dash(cr, dash, s.dash > 0 ? 2 : 0, 0);
    cairo_set_source_rgb(cr, s.r, s.g, s.b);
    cairo_set_line_width(cr, line);
    cairo_stroke(cr);
}

/* KITTI's alpha: 0 heads right, -pi/2 away from the camera (up), pi/2 towards it. */
static void draw_heading(cairo_t *cr, const yl_mark *m, double line)
{
    const yl_attribute orientation = yl_attribute_at(YL_ATTRIBUTE_orientation);
    if (!yl_attribute_known(&orientation, m->alpha)) return;
    struct style s = style_of(m);
    double x = (m->box.x1 + m->box.x2) / 2, y = (m->box.y1 + m->box.y2) / 2;
    double length = fmax(6 * line, .4 * fmin(yl_box_width(m->box), yl_box_height(m->box))), wing = .35 * length;
    double tip[2] = {x + length * cos(m->alpha), y + length * sin(m->alpha)};
    cairo_move_to(cr, x, y);
    cairo_line_to(cr, tip[0], tip[1]);
    for (int side = -1; side <= 1; side += 2) {
        double back = m->alpha + YL_TURN / 2 + side * YL_TURN / 12;
        cairo_move_to(cr, tip[0], tip[1]);
        cairo_line_to(cr, tip[0] + wing * cos(back), tip[1] + wing * sin(back));
    }
    cairo_set_dash(cr, NULL, 0, 0);
    cairo_set_source_rgba(cr, 0, 0, 0, .5);
    cairo_set_line_width(cr, line * 1.8);
    cairo_stroke_preserve(cr);
    cairo_set_source_rgb(cr, s.r, s.g, s.b);
    cairo_set_line_width(cr, line);
    cairo_stroke(cr);
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

static void draw_marks(cairo_t *cr, const yl_image *image, const yl_mark *marks, int64_t count, yl_box *taken)
{
    double line = fmax(1.2, (double)image->w / 480);
    int64_t labels = 0;
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, fmax(10, (double)image->w / 72));
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    for (int64_t i = 0; i < count; i++) draw_mark(cr, &marks[i], line);
    for (int64_t i = 0; i < count; i++) draw_heading(cr, &marks[i], line);
    for (int64_t i = 0; i < count; i++)
        if (marks[i].label && marks[i].label[0]) draw_label(cr, &marks[i], line, image, taken, &labels);
}

yl_status yl_image_draw(yl_image *image, const yl_mark *marks, int64_t count)
{
    cairo_surface_t *surface;
    yl_box *taken;
    YL_TRY(check_marks(marks, count));
    YL_TRY(yl__alloc(count + 1, sizeof *taken, &taken));
    yl_status status = yl__canvas_open(image, &surface);
    if (!status) {
        cairo_t *cr = cairo_create(surface);
        draw_marks(cr, image, marks, count, taken);
        status = yl__canvas_status(cairo_status(cr), "image");
        cairo_destroy(cr);
        if (!status) yl__canvas_read(surface, image);
        cairo_surface_destroy(surface);
    }
    yl__free(taken);
    return status;
}

enum { GAP = 4, CAPTION = 16 };

/* Paints the picture into the rectangle, filtered. */
static yl_status paint_scaled(cairo_t *cr, const yl_image *image, double x, double y, double w, double h)
{
    cairo_surface_t *picture;
    YL_TRY(yl__canvas_open(image, &picture));
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, w / (double)image->w, h / (double)image->h);
    cairo_set_source_surface(cr, picture, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD); /* no pale edges */
    cairo_rectangle(cr, 0, 0, (double)image->w, (double)image->h);
    cairo_fill(cr);
    cairo_restore(cr);
    cairo_surface_destroy(picture);
    return YL_OK;
}

static yl_status draw_cell(cairo_t *cr, const yl_image *image, const char *caption, double x, double y, double w,
                           double h)
{
    double scale = fmin(w / (double)image->w, h / (double)image->h);
    double pw = scale * (double)image->w, ph = scale * (double)image->h;
    YL_TRY(paint_scaled(cr, image, x + (w - pw) / 2, y + (h - ph) / 2, pw, ph));
    if (!caption) return YL_OK;
    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_move_to(cr, x, y + h + CAPTION - 4);
    cairo_show_text(cr, caption);
    return YL_OK;
}

yl_status yl_image_fit(const yl_image *image, int64_t w, int64_t h, yl_image *out)
{
    *out = (yl_image){0};
    if (w < 1 || h < 1)
        return yl__fail(YL_INVALID, "a picture is scaled to at least one pixel, got %lldx%lld", (long long)w,
                        (long long)h);
    double scale = fmin(1, fmin((double)w / (double)image->w, (double)h / (double)image->h));
    int64_t width = (int64_t)fmax(1, round(scale * (double)image->w));
    int64_t height = (int64_t)fmax(1, round(scale * (double)image->h));
    YL_TRY(yl_image_new(width, height, out));
    if (width == image->w && height == image->h) {
        memcpy(out->data, image->data, (size_t)yl_image_bytes(image));
        return YL_OK;
    }
    cairo_surface_t *surface;
    yl_status status = yl__canvas_open(&(yl_image){.w = width, .h = height}, &surface);
    if (!status) {
        cairo_t *cr = cairo_create(surface);
        status = paint_scaled(cr, image, 0, 0, (double)width, (double)height);
        if (!status) status = yl__canvas_status(cairo_status(cr), "image");
        cairo_destroy(cr);
        if (!status) yl__canvas_read(surface, out);
        cairo_surface_destroy(surface);
    }
    if (status) yl_image_free(out);
    return status;
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
