/* Tensors over a network's parameters. A loan keeps the network alive; the slab knows its loans, so that no tensor outlives the
 * memory it shows. */
#include "core/memory.h"
#include "net/net.h"

#include <string.h>

typedef struct yl_loan {
    yl_net *net;
    yl_slab *slab;
    yl_range *range;
    yl_tensor tensor; /* what views are made of; it counts as no reference to its storage */
} loan;

/* The last tensor of the loan has gone, or the loan was ended. */
static void end_loan(void *context)
{
    loan *l = context;
    yl_net *net = l->net;
    l->slab->lent[l->range - net->ranges] = NULL;
    yl__free(l);
    yl_net_free(net);
}

static yl_status writes(void *context)
{
    const loan *l = context;
    const char *name = l->range->name;
    if (l->slab != &l->net->slabs[YL_SLAB_mask]) return YL_OK;
    return yl__fail(
        YL_INVALID,
        "a mask is not changed in place, since what it masks becomes zero with it: make a tensor of 0 and 1 and set "
        "it, net:set(\"%s\", tensor, \"mask\")",
        name);
}

static yl_status written(void *context)
{
    const loan *l = context;
    return yl__net_changed(l->net, l->slab, l->range);
}

static int64_t version(void *context)
{
    return (int64_t)((const loan *)context)->range->version;
}

static yl_status lend(yl_net *net, yl_slab *slab, yl_range *range, yl_tensor **out)
{
    loan *l;
    YL_TRY(yl__alloc(1, sizeof *l, &l));
    yl_owner owner = {.context = l, .release = end_loan, .writes = writes, .written = written, .version = version};
    yl_status status =
        yl_tensor_wrap(net->device, slab->dtype, range->n_dims, range->dims, yl_net_at(slab, range), &owner, out);
    if (status != YL_OK) {
        yl__free(l);
        return status;
    }
    *l = (loan){.net = net, .slab = slab, .range = range, .tensor = **out};
    net->references++;
    slab->lent[range - net->ranges] = l;
    return YL_OK;
}

yl_status yl_net_tensor(yl_net *net, int index, const char *name, yl_tensor **out)
{
    yl_slab *slab;
    yl_range *range = &net->ranges[index];
    YL_TRY(yl_net_slab(net, name, &slab));
    if (!yl_net_at(slab, range)) return yl__fail(YL_INVALID, "slab '%s' holds nothing for %s", name, range->name);
    if (!slab->lent) YL_TRY(yl__calloc(net->n_ranges, sizeof(loan *), &slab->lent));
    return slab->lent[index] ? yl_tensor_view(&slab->lent[index]->tensor, out) : lend(net, slab, range, out);
}

static yl_status copy_in(yl_tensor *to, const yl_tensor *numbers)
{
    yl_tensor *plain;
    void *data;
    YL_TRY(yl_tensor_convert(numbers, to->dtype, &plain));
    yl_status status = yl_tensor_data(plain, &data);
    if (status == YL_OK) status = yl_tensor_write(to, data);
    yl_tensor_release(plain);
    return status;
}

yl_status yl_net_set(yl_net *net, int range, const char *slab, const yl_tensor *numbers)
{
    yl_tensor *to;
    if (strcmp(slab, yl_slab_kinds[YL_SLAB_mask].name) == 0) return yl_net_set_mask(net, range, numbers);
    YL_TRY(yl_net_tensor(net, range, slab, &to));
    yl_status status = yl__range_check_dims(&net->ranges[range], numbers, "numbers");
    if (status == YL_OK) status = copy_in(to, numbers);
    yl_tensor_release(to);
    return status;
}

void yl__net_end_lent(yl_net *net, yl_slab *slab)
{
    for (int i = 0; slab->lent && i < net->n_ranges; i++)
        if (slab->lent[i]) yl_tensor_kill(&slab->lent[i]->tensor);
    yl__free(slab->lent);
    slab->lent = NULL;
}
