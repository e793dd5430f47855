/* The ranges that layers' parameters become, and the end of building: the layout of every slab. */
#include "net/net.h"
#include "core/memory.h"

#include <stdio.h>

enum { RANGE_ALIGN = 16 /* elements: one cache line of f32 */ };

/* Refuses inputs for which the layer would have other parameters: those of a fully connected layer count its inputs. */
static yl_status check_params(const yl_net *net, int i, const yl_shape *in)
{
    const yl_layer *l = &net->layers[i];
    yl_param params[YL_MAX_PARAMS];
    int count = 0;
    if (!l->kind->params) return YL_OK;
    YL_TRY(l->kind->params(l, in, params, &count));
    bool same = count == l->n_params;
    for (int k = 0; same && k < count; k++)
        same = yl__product(params[k].n_dims, params[k].dims) == net->ranges[l->params[k]].count;
    if (same) return YL_OK;
    return yl__fail(YL_INVALID, "%s: its parameters are for another input size than %lld x %lld", l->name,
                    (long long)in[0].h, (long long)in[0].w);
}

yl_status yl_net_resize(yl_net *net, int64_t h, int64_t w)
{
    yl_shape *shapes, in[YL_MAX_INPUTS], input = {1, h, w, net->c};
    YL_TRY(yl__alloc(net->n_layers + 1, sizeof *shapes, &shapes));
    yl_status status = yl_net_shapes(net, 1, h, w, shapes);
    for (int i = 0; i < net->n_layers && status == YL_OK; i++) {
        yl_net_inputs(net, i, shapes, input, in);
        status = check_params(net, i, in);
    }
    yl__free(shapes);
    if (status != YL_OK) return status;
    net->h = h;
    net->w = w;
    return YL_OK;
}

static yl_status add_range(yl_net *net, int layer, const yl_param *p)
{
    YL_TRY(yl__reserve(net->n_ranges + 1, &net->range_capacity, sizeof *net->ranges, &net->ranges));
    yl_range r = {.layer = layer,
                  .kind = p->kind,
                  .init = p->init,
                  .init_value = p->init_value,
                  .role = p->role,
                  .per_out = p->per_out,
                  .per_in = p->per_in,
                  .n_dims = p->n_dims,
                  .lr_mult = 1};
    snprintf(r.name, sizeof r.name, "%s.%s", net->layers[layer].name, p->name);
    for (int d = 0; d < p->n_dims; d++) r.dims[d] = p->dims[d];
    r.count = yl__product(p->n_dims, p->dims);
    if (r.count < 1 || r.count > INT32_MAX)
        return yl__fail(YL_INVALID, "%s: a parameter of more than %d numbers is not supported", r.name, INT32_MAX);
    net->ranges[net->n_ranges++] = r;
    return YL_OK;
}

static yl_status collect_ranges(yl_net *net, const yl_shape *shapes)
{
    yl_shape in[YL_MAX_INPUTS], input = {1, net->h, net->w, net->c};
    for (int i = 0; i < net->n_layers; i++) {
        yl_layer *l = &net->layers[i];
        if (!l->kind->params) continue;
        yl_param params[YL_MAX_PARAMS];
        yl_net_inputs(net, i, shapes, input, in);
        YL_TRY(l->kind->params(l, in, params, &l->n_params));
        for (int k = 0; k < l->n_params; k++) {
            l->params[k] = net->n_ranges;
            YL_TRY(add_range(net, i, &params[k]));
        }
    }
    return YL_OK;
}

/* Statistics last, so that gradient, mask and optimizer slabs can stop before them. */
static void place_ranges(yl_net *net)
{
    int64_t at = 0;
    for (int statistics = 0; statistics <= 1; statistics++) {
        for (int i = 0; i < net->n_ranges; i++) {
            yl_range *r = &net->ranges[i];
            if ((r->kind == YL_STATISTIC) != statistics) continue;
            r->offset = at;
            at += (r->count + RANGE_ALIGN - 1) / RANGE_ALIGN * RANGE_ALIGN;
        }
        if (!statistics) net->n_trainable_slots = at;
    }
    net->n_values = at;
}

/* A second try finds what the first one made. */
static yl_status make_pair(yl_net *net, int64_t count, size_t size, void *on_host, void *on_device)
{
    void **host = on_host, **device = on_device;
    if (host && !*host) YL_TRY(yl__calloc(count, size, host));
    return *device ? YL_OK : net->device->alloc(net->device, (size_t)count * size, device);
}

/* What a step reads and leaves besides slabs. */
static yl_status make_step_block(yl_net *net)
{
    int64_t ranges = net->n_ranges + 1, parts = 1;
    for (int i = 0; i < net->n_ranges; i++) parts += (net->ranges[i].count + YL_STEP_PART - 1) / YL_STEP_PART;
    YL_TRY(make_pair(net, ranges, sizeof *net->scalars, &net->host_scalars, &net->scalars));
    YL_TRY(make_pair(net, ranges, sizeof *net->squares, &net->host_squares, &net->squares));
    YL_TRY(make_pair(net, ranges, sizeof *net->first_part, &net->host_first_part, &net->first_part));
    YL_TRY(make_pair(net, parts, sizeof *net->parts, &net->host_parts, &net->parts));
    return make_pair(net, parts, sizeof *net->part_squares, NULL, &net->part_squares);
}

yl_status yl_net_finish(yl_net *net)
{
    if (net->finished) return YL_OK;
    if (net->n_layers == 0) return yl__fail(YL_INVALID, "the network has no layers");
    yl_shape *shapes;
    YL_TRY(yl__alloc(net->n_layers, sizeof *shapes, &shapes));
    yl_status status = yl_net_shapes(net, 1, net->h, net->w, shapes);
    if (status == YL_OK) status = collect_ranges(net, shapes);
    yl__free(shapes);
    place_ranges(net);
    net->finished = status == YL_OK;
    yl_slab *value;
    if (status == YL_OK) status = yl_net_slab(net, "value", &value);
    if (status == YL_OK) status = make_step_block(net);
    if (status != YL_OK) { /* as before the call: it may be tried again */
        net->finished = false;
        net->n_ranges = 0;
    }
    return status;
}
