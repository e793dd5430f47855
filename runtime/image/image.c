/* Making and releasing pictures. */
#include "image/image.h"
#include "core/memory.h"
#include "image/codec.h"

static yl_status check_size(int64_t w, int64_t h)
{
    if (w >= 1 && h >= 1 && w <= YL_IMAGE_MAX_SIDE && h <= YL_IMAGE_MAX_SIDE && w * h <= YL_IMAGE_MAX_PIXELS)
        return YL_OK;
    return yl__fail(YL_INVALID,
                    "an image of %lldx%lld pixels is out of range; expected 1 to %d a side, at most %d in all",
                    (long long)w, (long long)h, YL_IMAGE_MAX_SIDE, YL_IMAGE_MAX_PIXELS);
}

yl_status yl__image_check(const char *name, int64_t w, int64_t h, int64_t bytes, int64_t pixels_per_byte)
{
    if (check_size(w, h)) return yl__fail_in(YL_FORMAT, "%s", name);
    if (w * h / pixels_per_byte <= bytes) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: %lldx%lld pixels cannot come out of %lld bytes; expected a whole picture", name,
                    (long long)w, (long long)h, (long long)bytes);
}

yl_status yl_image_new(int64_t w, int64_t h, yl_image *out)
{
    *out = (yl_image){0};
    YL_TRY(check_size(w, h));
    YL_TRY(yl__alloc(w * h, 3, &out->data));
    out->w = w;
    out->h = h;
    return YL_OK;
}

void yl_image_free(yl_image *image)
{
    yl__free(image->data);
    *image = (yl_image){0};
}
