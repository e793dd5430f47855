/* Between our pictures and cairo's surfaces. */
#ifndef YL_IMAGE_CANVAS_H
#define YL_IMAGE_CANVAS_H

#include "image/image.h"

#include <cairo.h>

/* A surface that holds a copy of the picture; release with cairo_surface_destroy. */
yl_status yl__canvas_open(const yl_image *image, cairo_surface_t **out);
/* Copies the surface's pixels back into a picture of the same size. */
void yl__canvas_read(cairo_surface_t *surface, yl_image *image);
/* Turns cairo's own state into a status; `what` begins the sentence. */
yl_status yl__canvas_status(cairo_status_t code, const char *what);

#endif
