/* Slabs: parallel arrays with one number per parameter. No other state per weight exists. */
#include "net/net.h"
#include "core/memory.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

static const struct {
    const char *name;
    yl_dtype dtype;
    bool statistics; /* spans the statistics too */
} known[] = {
    {"value", YL_F32, true},   {"grad", YL_F32, false},   {"mask", YL_U8, false}, {"momentum", YL_F32, false},
    {"adam_m", YL_F32, false}, {"adam_v", YL_F32, false}, {"ema", YL_F32, true},
};

yl_slab *yl_net_has_slab(const yl_net *net, const char *name)
{
    for (int i = 0; i < net->n_slabs; i++)
        if (strcmp(net->slabs[i].name, name) == 0) return (yl_slab *)&net->slabs[i];
    return NULL;
}

static yl_status fill_new_slab(yl_net *net, yl_slab *slab)
{
    if (slab->dtype == YL_U8) { /* a mask: nothing is pruned yet */
        void *ones;
        YL_TRY(yl__alloc(slab->count, 1, &ones));
        memset(ones, 1, (size_t)slab->count);
        yl_status status = net->device->to_device(net->device, slab->data, ones, (size_t)slab->count);
        yl__free(ones);
        return status;
    }
    if (strcmp(slab->name, "ema") == 0) /* the average starts at the present values */
        return net->device->copy(net->device, slab->data, yl_net_has_slab(net, "value")->data,
                                 (size_t)slab->count * sizeof(float));
    return YL_OK;
}

yl_status yl_net_slab(yl_net *net, const char *name, yl_slab **out)
{
    *out = yl_net_has_slab(net, name);
    if (*out) return YL_OK;
    if (!net->finished) return yl__fail(YL_INVALID, "slab '%s': the network is not finished", name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        yl_slab slab = {.dtype = known[i].dtype, .count = known[i].statistics ? net->n_values : net->n_trainable_slots};
        snprintf(slab.name, sizeof slab.name, "%s", name);
        YL_TRY(net->device->alloc(net->device, (size_t)slab.count * yl_dtype_bytes(slab.dtype), &slab.data));
        yl_status status = fill_new_slab(net, &slab);
        if (status != YL_OK) {
            net->device->release(net->device, slab.data);
            return status;
        }
        net->slabs[net->n_slabs] = slab;
        *out = &net->slabs[net->n_slabs++];
        return YL_OK;
    }
    return yl__fail(YL_INVALID, "slab '%s' is unknown; expected value, grad, mask, momentum, adam_m, adam_v or ema",
                    name);
}

void yl_net_drop_slab(yl_net *net, const char *name)
{
    yl_slab *slab = yl_net_has_slab(net, name);
    if (!slab) return;
    yl__net_end_lent(net, slab);
    for (int i = 0; strcmp(name, "adam_m") == 0 && i < net->n_ranges; i++) net->ranges[i].steps = 0;
    net->device->release(net->device, slab->data);
    *slab = net->slabs[--net->n_slabs];
}

void *yl_net_at(const yl_slab *slab, const yl_range *range)
{
    if (!slab || range->offset + range->count > slab->count) return NULL;
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
    float *values;
    YL_TRY(yl__alloc(range->count, sizeof *values, &values));
    draw_values(range, seed, index, values);
    yl_status status = net->device->to_device(net->device, yl_net_at(yl_net_has_slab(net, "value"), range), values,
                                              (size_t)range->count * sizeof *values);
    range->version++;
    yl__free(values);
    return status;
}

yl_status yl_net_init(yl_net *net, uint64_t seed)
{
    YL_TRY(yl_net_finish(net));
    for (int i = 0; i < net->n_ranges; i++) YL_TRY(yl_net_init_range(net, i, seed));
    return YL_OK;
}

yl_status yl_net_checksum(const yl_net *net, int index, uint64_t *out)
{
    const yl_range *range = &net->ranges[index];
    float *values;
    YL_TRY(yl__alloc(range->count, sizeof *values, &values));
    yl_status status = net->device->from_device(net->device, values, yl_net_at(yl_net_has_slab(net, "value"), range),
                                                (size_t)range->count * sizeof *values);
    if (status == YL_OK) *out = XXH64(values, (size_t)range->count * sizeof *values, 0);
    yl__free(values);
    return status;
}
