/* What a network gives up: slabs, what a training needs, itself. Tensors that were lent over them end first. */
#include "net/net.h"

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
    int i;
    YL_TRY(yl__slab_find(name, &i));
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

yl_status yl_net_close(yl_net *net)
{
    if (!net) return YL_OK;
    YL_TRY(yl__net_idle(net, "close"));
    for (int i = 0; i < YL_SLABS; i++) yl__net_end_lent(net, &net->slabs[i]);
    yl_net_free(net);
    return YL_OK;
}
