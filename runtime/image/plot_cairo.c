/* The plot's pen for pixels, through cairo; its file is a PNG. */
#include "core/memory.h"
#include "image/canvas.h"
#include "image/plot_pen.h"

typedef struct pixel_pen {
    yl_pen pen;
    cairo_surface_t *surface;
    cairo_t *cr;
} pixel_pen;

static const double inks[][3] = {{1, 1, 1}, {.9, .91, .92}, {.54, .58, .62}, {.36, .4, .44}, {.11, .14, .16}};

static cairo_t *with_ink(yl_pen *pen, yl_ink ink)
{
    cairo_t *cr = ((pixel_pen *)pen)->cr;
    cairo_set_source_rgb(cr, inks[ink][0], inks[ink][1], inks[ink][2]);
    return cr;
}

static void line(yl_pen *pen, double x1, double y1, double x2, double y2, yl_ink ink)
{
    cairo_t *cr = with_ink(pen, ink);
    cairo_set_line_width(cr, 1);
    cairo_set_dash(cr, NULL, 0, 0);
    cairo_move_to(cr, x1, y1);
    cairo_line_to(cr, x2, y2);
    cairo_stroke(cr);
}

static void word(yl_pen *pen, const yl_word *w)
{
    cairo_t *cr = with_ink(pen, w->ink);
    cairo_text_extents_t size;
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           w->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, w->size);
    cairo_text_extents(cr, w->text, &size);
    cairo_save(cr);
    cairo_translate(cr, w->x, w->y);
    if (w->up) cairo_rotate(cr, -1.5707963267948966);
    cairo_move_to(cr, -w->align * size.x_advance, 0);
    cairo_show_text(cr, w->text);
    cairo_restore(cr);
}

static void clip(yl_pen *pen, double x, double y, double w, double h)
{
    cairo_t *cr = ((pixel_pen *)pen)->cr;
    cairo_reset_clip(cr);
    if (w < 0) return;
    cairo_rectangle(cr, x, y, w, h);
    cairo_clip(cr);
}

static void curve(yl_pen *pen, const yl_curve *c)
{
    cairo_t *cr = ((pixel_pen *)pen)->cr;
    const double *colour = yl__plot_palette[c->series % YL_PLOT_COLOURS], dash[2] = {6, 4};
    cairo_set_source_rgb(cr, colour[0], colour[1], colour[2]);
    cairo_set_line_width(cr, 1.8);
    cairo_set_dash(cr, dash, c->series / YL_PLOT_COLOURS % 2 ? 2 : 0, 0);
    for (int64_t i = 0; i < c->count; i++) cairo_line_to(cr, c->xy[2 * i], c->xy[2 * i + 1]);
    cairo_stroke(cr);
    for (int64_t i = 0; i < c->count && (c->dots || c->count == 1); i++) {
        cairo_arc(cr, c->xy[2 * i], c->xy[2 * i + 1], 2.8, 0, 6.283185307179586);
        cairo_fill(cr);
    }
}

static cairo_status_t collect(void *text, const unsigned char *bytes, unsigned int size)
{
    return yl__text_append(text, bytes, size) == YL_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_NO_MEMORY;
}

static yl_status finish(yl_pen *pen, yl_text *out)
{
    pixel_pen *p = (pixel_pen *)pen;
    yl_status status = pen->status;
    cairo_status_t code = cairo_status(p->cr);
    if (!status && !code) code = cairo_surface_write_to_png_stream(p->surface, collect, out);
    cairo_destroy(p->cr);
    cairo_surface_destroy(p->surface);
    yl__free(p);
    return status ? status : yl__canvas_status(code, "plot");
}

yl_status yl__pen_pixels(int width, int height, yl_pen **out)
{
    pixel_pen *p;
    YL_TRY(yl__calloc(1, sizeof *p, &p));
    p->pen = (yl_pen){.line = line, .word = word, .clip = clip, .curve = curve, .finish = finish};
    p->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    p->cr = cairo_create(p->surface); /* a failure stays in it until finish */
    with_ink(&p->pen, YL_INK_PAPER);
    cairo_paint(p->cr);
    *out = &p->pen;
    return YL_OK;
}
