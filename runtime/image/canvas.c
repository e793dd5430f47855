/* Between our pictures and cairo's surfaces, whose pixels are 32-bit words 0x00RRGGBB. */
#include "image/canvas.h"

#include <string.h>

yl_status yl__canvas_status(cairo_status_t code, const char *what)
{
    if (code == CAIRO_STATUS_SUCCESS) return YL_OK;
    return yl__fail(code == CAIRO_STATUS_NO_MEMORY ? YL_MEMORY : YL_INVALID, "%s: drawing failed: %s", what,
                    cairo_status_to_string(code));
}

static void fill(cairo_surface_t *surface, const yl_image *image)
{
    uint8_t *data = cairo_image_surface_get_data(surface);
    int64_t stride = cairo_image_surface_get_stride(surface);
    for (int64_t y = 0; y < image->h; y++)
        for (int64_t x = 0; x < image->w; x++) {
            const uint8_t *p = image->data + (y * image->w + x) * 3;
            uint32_t word = 0xff000000u | (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
            memcpy(data + y * stride + x * 4, &word, 4);
        }
    cairo_surface_mark_dirty(surface);
}

yl_status yl__canvas_open(const yl_image *image, cairo_surface_t **out)
{
    if (image->w > 32767 || image->h > 32767) /* cairo's own limit */
        return yl__fail(YL_INVALID, "cannot draw on an image of %lldx%lld pixels; expected at most 32767 a side",
                        (long long)image->w, (long long)image->h);
    *out = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)image->w, (int)image->h);
    yl_status status = yl__canvas_status(cairo_surface_status(*out), "image");
    if (status)
        cairo_surface_destroy(*out);
    else if (image->data)
        fill(*out, image);
    return status;
}

void yl__canvas_read(cairo_surface_t *surface, yl_image *image)
{
    cairo_surface_flush(surface);
    const uint8_t *data = cairo_image_surface_get_data(surface);
    int64_t stride = cairo_image_surface_get_stride(surface);
    for (int64_t y = 0; y < image->h; y++)
        for (int64_t x = 0; x < image->w; x++) {
            uint32_t word;
            memcpy(&word, data + y * stride + x * 4, 4);
            uint8_t *p = image->data + (y * image->w + x) * 3;
            p[0] = (uint8_t)(word >> 16);
            p[1] = (uint8_t)(word >> 8);
            p[2] = (uint8_t)word;
        }
}
