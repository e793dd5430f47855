/* Masks: numbers that are zero and stay so, in every slab that has a copy of them. */
#include "net/net.h"
#include "core/memory.h"

#include <stdint.h>
#include <string.h>

yl_status yl__net_changed(yl_net *net, const yl_slab *slab, yl_range *range)
{
    range->version++;
    const uint8_t *mask = yl_net_at(&net->slabs[YL_SLAB_mask], range);
    float *data = yl_net_at(slab, range);
    if (!mask || !data || slab->dtype != YL_F32) return YL_OK;
    yl_ctx ctx = yl__ctx(net->device);
    return net->device->kernels->apply_mask(&ctx, range->count, mask, data);
}

yl_status yl__mask_check(const yl_range *range, const uint8_t *mask)
{
    for (int64_t i = 0; i < range->count; i++)
        if (mask[i] > 1)
            return yl__fail(YL_INVALID, "%s: expected a mask of 0 and 1, got %d at place %lld", range->name, mask[i],
                            (long long)i + 1);
    return YL_OK;
}

static yl_status set_bytes(yl_net *net, yl_range *range, const uint8_t *bytes)
{
    yl_slab *slab;
    YL_TRY(yl__mask_check(range, bytes));
    YL_TRY(yl_net_slab(net, yl_slab_kinds[YL_SLAB_mask].name, &slab));
    YL_TRY(net->device->to_device(net->device, yl_net_at(slab, range), bytes, (size_t)range->count));
    for (int i = 0; i < YL_SLABS; i++) YL_TRY(yl__net_changed(net, &net->slabs[i], range));
    return YL_OK;
}

yl_status yl__net_write(yl_net *net, int index, yl_slab *slab, const void *numbers)
{
    yl_range *range = &net->ranges[index];
    if (slab == &net->slabs[YL_SLAB_mask]) return set_bytes(net, range, numbers);
    size_t bytes = (size_t)range->count * yl_dtype_bytes(slab->dtype);
    YL_TRY(net->device->to_device(net->device, yl_net_at(slab, range), numbers, bytes));
    return yl__net_changed(net, slab, range);
}

/* The numbers of `mask` as bytes. */
static yl_status to_bytes(const yl_range *range, const yl_tensor *mask, uint8_t *out)
{
    yl_tensor *numbers;
    void *data;
    if (mask->dtype == YL_U8) return yl_tensor_read(mask, out);
    YL_TRY(yl_tensor_convert(mask, YL_F64, &numbers));
    yl_status status = yl_tensor_data(numbers, &data);
    const double *from = data;
    for (int64_t i = 0; i < range->count && status == YL_OK; i++) {
        out[i] = from[i] != 0;
        if (from[i] == 0 || from[i] == 1) continue; /* NaN is neither */
        status = yl__fail(YL_INVALID, "%s: expected a mask of 0 and 1, got %g at place %lld", range->name, from[i],
                          (long long)i + 1);
    }
    yl_tensor_release(numbers);
    return status;
}

yl_status yl__range_check_dims(const yl_range *range, const yl_tensor *t, const char *what)
{
    char want[128], got[128];
    bool same = t->n_dims == range->n_dims;
    for (int d = 0; same && d < range->n_dims; d++) same = t->dims[d] == range->dims[d];
    if (same) return YL_OK;
    yl_tensor wanted = {.dtype = YL_F32, .n_dims = range->n_dims};
    for (int d = 0; d < range->n_dims; d++) wanted.dims[d] = range->dims[d];
    yl_tensor_describe(&wanted, want, sizeof want);
    yl_tensor_describe(t, got, sizeof got);
    return yl__fail(YL_INVALID, "%s: expected %s of the sizes %s, got %s", range->name, what, strchr(want, '{'), got);
}

yl_status yl_net_set_mask(yl_net *net, int index, const yl_tensor *mask)
{
    yl_range *range = &net->ranges[index];
    uint8_t *bytes;
    if (range->kind == YL_STATISTIC)
        return yl__fail(YL_INVALID, "%s is a statistic: only weights, biases and scales can be masked", range->name);
    YL_TRY(yl__range_check_dims(range, mask, "a mask of 0 and 1"));
    YL_TRY(yl__alloc(range->count, 1, &bytes));
    yl_status status = to_bytes(range, mask, bytes);
    if (status == YL_OK) status = set_bytes(net, range, bytes);
    yl__free(bytes);
    return status;
}

static yl_status check_slab(const yl_net *net, const yl_slab *slab, const yl_range *range, const uint8_t *mask,
                            float *x)
{
    const void *data = yl_net_at(slab, range);
    if (!data || slab->dtype != YL_F32) return YL_OK;
    YL_TRY(net->device->from_device(net->device, x, data, (size_t)range->count * sizeof *x));
    for (int64_t i = 0; i < range->count; i++)
        if (!mask[i] && x[i] != 0.0f) /* NaN is not 0 either */
            return yl__fail(YL_INVALID, "%s: place %lld is masked, but its %s is %g", range->name, (long long)i + 1,
                            slab->name, (double)x[i]);
    return YL_OK;
}

static yl_status check_range(const yl_net *net, const yl_range *range, uint8_t *mask, float *x)
{
    const void *data = yl_net_at(&net->slabs[YL_SLAB_mask], range);
    if (!data) return YL_OK;
    YL_TRY(net->device->from_device(net->device, mask, data, (size_t)range->count));
    if (!memchr(mask, 0, (size_t)range->count)) return YL_OK;
    for (int s = 0; s < YL_SLABS; s++) {
        if (yl_slab_kinds[s].kept == YL_SLAB_STEP)
            continue; /* backward writes every gradient; a step masks them first */
        YL_TRY(check_slab(net, &net->slabs[s], range, mask, x));
    }
    return YL_OK;
}

yl_status yl_net_check_masks(const yl_net *net)
{
    uint8_t *mask;
    float *x = NULL;
    if (!net->slabs[YL_SLAB_mask].data) return YL_OK;
    YL_TRY(yl__alloc(net->n_values, 1, &mask));
    yl_status status = yl__alloc(net->n_values, sizeof *x, &x);
    for (int r = 0; r < net->n_ranges && status == YL_OK; r++) status = check_range(net, &net->ranges[r], mask, x);
    yl__free(x);
    yl__free(mask);
    return status;
}
