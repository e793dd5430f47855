/* From a batch to a plan's input. */
#include "loader/batch.h"
#include "core/memory.h"
#include "loader/upload.h"

static yl_status check(const yl_batch *b, yl_shape s, const yl_device *device)
{
    if (s.n > b->n || s.h != b->h || s.w != b->w)
        return yl__fail(
            YL_INVALID, "load: a batch of %lld images of %lldx%lld does not fit a plan for %lld of %lldx%lld",
            (long long)b->n, (long long)b->w, (long long)b->h, (long long)s.n, (long long)s.w, (long long)s.h);
    if (s.c != 3) return yl__fail(YL_INVALID, "load: the network takes %lld channels, images have 3", (long long)s.c);
    if (b->upload && yl__upload_device(b->upload) != device)
        return yl__fail(YL_INVALID, "load: the loader puts its images on %s, and the network is on %s",
                        yl__upload_device(b->upload)->name, device->name);
    return YL_OK;
}

yl_status yl_batch_load(const yl_batch *b, yl_plan *plan, yl_device *device)
{
    yl_view input;
    if (!yl_plan_has_input(plan)) return yl__fail(YL_INVALID, "load: a tail starts at the cut and has no input");
    yl_shape s = yl_plan_shape(plan, -1);
    YL_TRY(check(b, s, device));
    if (!b->upload) return yl_plan_feed(plan, b->images);
    YL_TRY(yl_plan_input(plan, &input));
    int64_t real = s.n < b->count ? s.n : b->count;
    YL_TRY(yl__upload_place(b->upload, 0, real, b->h, b->w, input.type, input.data));
    if (real == s.n) return YL_OK;
    yl_view padding = yl_view_image(input, real);
    return device->zero(device, padding.data, (size_t)(s.n - real) * yl_view_bytes(padding));
}

yl_status yl_batch_pixels(const yl_batch *b, int64_t i, float *out)
{
    int64_t count = b->w * b->h * 3;
    void *there;
    if (!b->upload || i >= b->count) {
        for (int64_t k = 0; k < count; k++) out[k] = b->upload ? 0 : b->images[i * count + k];
        return YL_OK;
    }
    yl_device *device = yl__upload_device(b->upload);
    YL_TRY(device->alloc(device, (size_t)count * sizeof *out, &there));
    yl_status status = yl__upload_place(b->upload, i, 1, b->h, b->w, YL_F32, there);
    if (status == YL_OK) status = device->from_device(device, out, there, (size_t)count * sizeof *out);
    device->release(device, there);
    return status;
}
