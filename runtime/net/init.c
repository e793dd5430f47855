/* The values that a network begins with. */
#include "net/net.h"
#include "core/memory.h"
#include "core/rng.h"

#include <math.h>

static void draw_values(const yl_range *range, uint64_t seed, int index, float *values)
{
    yl_rng rng = yl_rng_make(seed, 0x696e6974u /* "init": apart from the streams of samples */, (uint32_t)index);
    bool fan_in = range->init == YL_INIT_FAN_IN;
    double deviation = fan_in ? sqrt(2.0 * (double)range->dims[0] / (double)range->count) : range->init_value;
    float constant = range->init == YL_INIT_VALUE ? range->init_value : range->init == YL_INIT_ONE ? 1.0f : 0.0f;
    for (int64_t i = 0; i < range->count; i++)
        values[i] = fan_in || range->init == YL_INIT_NORMAL ? (float)(deviation * yl_rng_normal(&rng)) : constant;
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
