/* Slabs: parallel arrays with one number per parameter. No other state per weight exists. */
#include "net/net.h"
#include "core/memory.h"
#include "core/rng.h"
#include "core/text.h"

#include <math.h>
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
    int i = find_kind(name);
    if (i < 0) return unknown(name);
    if (!net->finished) return yl__fail(YL_INVALID, "slab '%s': the network is not finished", name);
    if (!net->slabs[i].data) YL_TRY(make_slab(net, &yl_slab_kinds[i], &net->slabs[i]));
    *out = &net->slabs[i];
    return YL_OK;
}

static void forget_steps(yl_net *net)
{
    for (int i = 0; i < net->n_ranges; i++) net->ranges[i].steps = 0;
}

void yl__net_drop(yl_net *net, int index)
{
    yl_slab *slab = &net->slabs[index];
    if (!slab->data) return;
    yl__net_end_lent(net, slab);
    net->device->release(net->device, slab->data);
    *slab = (yl_slab){.data = NULL};
    if (index == YL_SLAB_adam_m) forget_steps(net);
    for (int i = 0; i < net->n_ranges; i++) net->ranges[i].version++; /* another slab may lie there next */
}

yl_status yl_net_drop_slab(yl_net *net, const char *name)
{
    int i = find_kind(name);
    if (i < 0) return unknown(name);
    if (i == YL_SLAB_value) return yl__fail(YL_INVALID, "the values cannot be dropped");
    YL_TRY(yl__net_idle(net, "drop"));
    yl__net_drop(net, i);
    return YL_OK;
}

yl_status yl_net_drop_training(yl_net *net)
{
    YL_TRY(yl__net_idle(net, "drop"));
    for (int i = 0; i < YL_SLABS; i++)
        if (yl_slab_kinds[i].kept != YL_SLAB_MODEL) yl__net_drop(net, i);
    forget_steps(net);
    return YL_OK;
}

void *yl_net_at(const yl_slab *slab, const yl_range *range)
{
    if (!slab || !slab->data || range->offset + range->count > slab->count) return NULL;
    return (char *)slab->data + (size_t)range->offset * yl_dtype_bytes(slab->dtype);
}

static void draw_values(const yl_range *range, uint64_t seed, int index, float *values)
{
    yl_rng rng = yl_rng_make(seed, 0x696e6974u /* "init": apart from the streams of samples */, (uint32_t)index);
    double deviation = sqrt(2.0 * (double)range->dims[0] / (double)range->count);
    float constant = range->init == YL_INIT_VALUE ? range->init_value : range->init == YL_INIT_ONE;
    for (int64_t i = 0; i < range->count; i++)
        values[i] = range->init == YL_INIT_FAN_IN ? (float)(deviation * yl_rng_normal(&rng)) : constant;
}

yl_status yl_net_init_range(yl_net *net, int index, uint64_t seed)
{
    yl_range *range = &net->ranges[index];
    yl_slab *slab = &net->slabs[YL_SLAB_value];
    float *values;
    YL_TRY(yl__alloc(range->count, sizeof *values, &values));
    draw_values(range, seed, index, values);
    yl_status status =
        net->device->to_device(net->device, yl_net_at(slab, range), values, (size_t)range->count * sizeof *values);
    yl__free(values);
    YL_TRY(status);
    return yl__net_changed(net, slab, range);
}

yl_status yl_net_init(yl_net *net, uint64_t seed)
{
    YL_TRY(yl_net_finish(net));
    for (int i = 0; i < net->n_ranges; i++) YL_TRY(yl_net_init_range(net, i, seed));
    return YL_OK;
}

yl_status yl_net_count_nonzero(const yl_net *net, int64_t *out)
{
    yl_ctx ctx = yl__ctx(net->device);
    *out = 0;
    for (int i = 0; i < net->n_ranges; i++) {
        const yl_range *r = &net->ranges[i];
        int64_t count;
        YL_TRY(net->device->kernels->count_nonzero(&ctx, r->count, yl_net_at(&net->slabs[YL_SLAB_value], r), &count));
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
