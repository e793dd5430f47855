/* Tensors over a network's parameters. The slab remembers what it lent, so that no tensor outlives the memory it shows.
 */
#include "core/memory.h"
#include "net/net.h"

typedef struct loan {
    yl_net *net;
    int range;
} loan;

static void end_loan(void *who)
{
    yl__free(who);
}

static void changed(void *who)
{
    loan *l = who;
    l->net->ranges[l->range].version++;
}

static yl_status lend(yl_net *net, int index, void *data, yl_dtype dtype, yl_tensor **out)
{
    loan *l;
    const yl_range *range = &net->ranges[index];
    YL_TRY(yl__alloc(1, sizeof *l, &l));
    *l = (loan){net, index};
    yl_owner owner = {.who = l, .release = end_loan, .written = changed};
    yl_status status = yl_tensor_wrap(net->device, dtype, range->n_dims, range->dims, data, &owner, out);
    if (status != YL_OK) yl__free(l);
    return status;
}

yl_status yl_net_tensor(yl_net *net, int range, const char *name, yl_tensor **out)
{
    yl_slab *slab;
    YL_TRY(yl_net_slab(net, name, &slab));
    void *data = yl_net_at(slab, &net->ranges[range]);
    if (!data) return yl__fail(YL_INVALID, "slab '%s' holds nothing for %s", name, net->ranges[range].name);
    if (!slab->lent) YL_TRY(yl__calloc(net->n_ranges, sizeof(yl_tensor *), &slab->lent));
    if (!slab->lent[range]) YL_TRY(lend(net, range, data, slab->dtype, &slab->lent[range]));
    return yl_tensor_view(slab->lent[range], out);
}

void yl__net_end_lent(yl_net *net, yl_slab *slab)
{
    for (int i = 0; slab->lent && i < net->n_ranges; i++) {
        if (!slab->lent[i]) continue;
        yl_tensor_kill(slab->lent[i]);
        yl_tensor_release(slab->lent[i]);
    }
    yl__free(slab->lent);
    slab->lent = NULL;
}
