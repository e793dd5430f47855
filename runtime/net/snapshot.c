/* Snapshots: a network's numbers, masks and optimizer state put aside in memory, and back. */
#include "net/net.h"
#include "core/memory.h"

struct yl_snapshot {
    void *slabs[YL_SLABS];  /* host memory; NULL where the network had none */
    int64_t *steps, *sizes; /* by range */
    int n_ranges;
};

/* What a step leaves behind is no part of it. */
static bool kept(int slab)
{
    return yl_slab_kinds[slab].kept != YL_SLAB_STEP;
}

static size_t bytes_of(const yl_net *net, int slab)
{
    return (size_t)net->slabs[slab].count * yl_dtype_bytes(net->slabs[slab].dtype);
}

static yl_status take(const yl_net *net, yl_snapshot *s)
{
    YL_TRY(yl__alloc(net->n_ranges, sizeof *s->steps, &s->steps));
    YL_TRY(yl__alloc(net->n_ranges, sizeof *s->sizes, &s->sizes));
    for (int r = 0; r < net->n_ranges; r++) {
        s->steps[r] = net->ranges[r].steps;
        s->sizes[r] = net->ranges[r].count;
    }
    for (int i = 0; i < YL_SLABS; i++) {
        if (!kept(i) || !net->slabs[i].data) continue;
        YL_TRY(yl__alloc((int64_t)bytes_of(net, i), 1, &s->slabs[i]));
        YL_TRY(net->device->from_device(net->device, s->slabs[i], net->slabs[i].data, bytes_of(net, i)));
    }
    return YL_OK;
}

yl_status yl_net_snapshot(const yl_net *net, yl_snapshot **out)
{
    yl_snapshot *s;
    YL_TRY(yl__calloc(1, sizeof *s, &s));
    s->n_ranges = net->n_ranges;
    yl_status status = take(net, s);
    if (status != YL_OK)
        yl_snapshot_free(s);
    else
        *out = s;
    return status;
}

/* Makes the slabs that the snapshot has. Errors: it is of another network. */
static yl_status prepare(yl_net *net, const yl_snapshot *s)
{
    bool same = s->n_ranges == net->n_ranges;
    for (int r = 0; same && r < net->n_ranges; r++) same = net->ranges[r].count == s->sizes[r];
    if (!same) return yl__fail(YL_INVALID, "the snapshot is of another network");
    for (int i = 0; i < YL_SLABS; i++) {
        yl_slab *slab;
        if (s->slabs[i]) YL_TRY(yl_net_slab(net, yl_slab_kinds[i].name, &slab));
    }
    return YL_OK;
}

yl_status yl_net_rollback(yl_net *net, const yl_snapshot *s)
{
    YL_TRY(yl__net_idle(net, "rollback"));
    YL_TRY(prepare(net, s));
    for (int i = 0; i < YL_SLABS; i++) {
        if (!s->slabs[i]) {
            YL_TRY(yl__slab_reset(net, i)); /* made since, or of a step */
            continue;
        }
        YL_TRY(net->device->to_device(net->device, net->slabs[i].data, s->slabs[i], bytes_of(net, i)));
    }
    for (int r = 0; r < net->n_ranges; r++) {
        net->ranges[r].steps = s->steps[r];
        net->ranges[r].version++;
    }
    return YL_OK;
}

void yl_snapshot_free(yl_snapshot *s)
{
    if (!s) return;
    for (int i = 0; i < YL_SLABS; i++) yl__free(s->slabs[i]);
    yl__free(s->sizes);
    yl__free(s->steps);
    yl__free(s);
}
