/* Slabs: parallel arrays with one number per parameter. No other state per weight exists. */
#include "net/net.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>
#include <xxhash.h>

const yl_slab_kind yl_slab_kinds[YL_SLABS] = {
#define S(name, dtype, spans, starts, kept) {#name, YL_##dtype, YL_SLAB_##spans, YL_SLAB_##starts, YL_SLAB_##kept},
#include "net/slabs.def"
#undef S
};

static int find_kind(const char *name)
{
    for (int i = 0; i < YL_SLABS; i++)
        if (strcmp(yl_slab_kinds[i].name, name) == 0) return i;
    return -1;
}

static yl_status unknown(const char *name)
{
    yl_text names = {0};
    yl_status status = YL_OK;
    for (int i = 0; i < YL_SLABS && status == YL_OK; i++)
        status = yl__text_add(&names, "%s%s", i == 0 ? "" : i + 1 < YL_SLABS ? ", " : " or ", yl_slab_kinds[i].name);
    if (status == YL_OK) status = yl__fail(YL_INVALID, "slab '%s' is unknown; expected %s", name, names.data);
    yl__text_free(&names);
    return status;
}

yl_status yl__slab_find(const char *name, int *out)
{
    *out = find_kind(name);
    return *out < 0 ? unknown(name) : YL_OK;
}

yl_slab *yl_net_has_slab(const yl_net *net, const char *name)
{
    int i = find_kind(name);
    return i >= 0 && net->slabs[i].data ? (yl_slab *)&net->slabs[i] : NULL;
}

static yl_status fill_ones(yl_device *device, int64_t count, void *data)
{
    void *ones;
    YL_TRY(yl__alloc(count, 1, &ones));
    memset(ones, 1, (size_t)count);
    yl_status status = device->to_device(device, data, ones, (size_t)count);
    yl__free(ones);
    return status;
}

static yl_status fill_new_slab(const yl_net *net, const yl_slab_kind *kind, int64_t count, void *data)
{
    yl_device *device = net->device;
    switch (kind->starts) {
    case YL_SLAB_ONES: /* of bytes: nothing is masked yet */
        return fill_ones(device, count, data);
    case YL_SLAB_VALUES:
        return device->copy(device, data, net->slabs[YL_SLAB_value].data, (size_t)count * sizeof(float));
    default: /* memory comes zeroed */
        return YL_OK;
    }
}

yl_status yl__slab_reset(yl_net *net, int index)
{
    yl_slab *slab = &net->slabs[index];
    if (!slab->data) return YL_OK;
    YL_TRY(net->device->zero(net->device, slab->data, (size_t)slab->count * yl_dtype_bytes(slab->dtype)));
    return fill_new_slab(net, &yl_slab_kinds[index], slab->count, slab->data);
}

static yl_status make_slab(yl_net *net, const yl_slab_kind *kind, yl_slab *slab)
{
    void *data;
    int64_t count = kind->spans == YL_SLAB_ALL ? net->n_values : net->n_trainable_slots;
    YL_TRY(net->device->alloc(net->device, (size_t)count * yl_dtype_bytes(kind->dtype), &data));
    yl_status status = fill_new_slab(net, kind, count, data);
    if (status != YL_OK) {
        net->device->release(net->device, data);
        return status;
    }
    *slab = (yl_slab){.name = kind->name, .dtype = kind->dtype, .count = count, .data = data};
    return YL_OK;
}

yl_status yl_net_slab(yl_net *net, const char *name, yl_slab **out)
{
    int i;
    YL_TRY(yl__slab_find(name, &i));
    if (!net->finished) return yl__fail(YL_INVALID, "slab '%s': the network is not finished", name);
    if (!net->slabs[i].data) YL_TRY(make_slab(net, &yl_slab_kinds[i], &net->slabs[i]));
    *out = &net->slabs[i];
    return YL_OK;
}

void *yl_net_at(const yl_slab *slab, const yl_range *range)
{
    if (!slab || !slab->data || range->offset + range->count > slab->count) return NULL;
    return (char *)slab->data + (size_t)range->offset * yl_dtype_bytes(slab->dtype);
}

yl_status yl_net_range_nonzero(const yl_net *net, int range, int64_t *out)
{
    yl_ctx ctx = yl__ctx(net->device);
    const yl_range *r = &net->ranges[range];
    return net->device->kernels->count_nonzero(&ctx, r->count, yl_net_at(&net->slabs[YL_SLAB_value], r), out);
}

yl_status yl_net_count_nonzero(const yl_net *net, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < net->n_ranges; i++) {
        int64_t count;
        YL_TRY(yl_net_range_nonzero(net, i, &count));
        *out += count;
    }
    return YL_OK;
}

yl_status yl_net_checksum(const yl_net *net, int index, uint64_t *out)
{
    const yl_range *range = &net->ranges[index];
    float *values;
    YL_TRY(yl__alloc(range->count, sizeof *values, &values));
    yl_status status = net->device->from_device(net->device, values, yl_net_at(&net->slabs[YL_SLAB_value], range),
                                                (size_t)range->count * sizeof *values);
    if (status == YL_OK) *out = XXH64(values, (size_t)range->count * sizeof *values, 0);
    yl__free(values);
    return status;
}
