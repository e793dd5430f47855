/* Structure: layers in order, and their shapes. */
#include "net/net.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

enum { SIDE_MAX = 65536 };

/* Of one activation. What no memory holds is refused, so that the products of sizes, kernels and bytes that layers and kernels
 * make stay within 64 bits. */
static const int64_t MOST_ELEMENTS = (int64_t)1 << 42;

static bool in_range(int64_t side)
{
    return side >= 1 && side <= SIDE_MAX;
}

/* `whose`: "network input", "conv3: output" */
static yl_status check_shape(const char *whose, yl_shape s)
{
    if (!in_range(s.h) || !in_range(s.w) || !in_range(s.c))
        return yl__fail(YL_INVALID, "%s: expected height, width and channels in 1..%d, got %lld x %lld x %lld", whose,
                        SIDE_MAX, (long long)s.h, (long long)s.w, (long long)s.c);
    if (s.n < 1 || YL_PRODUCT(s.n, s.h, s.w, s.c) > MOST_ELEMENTS)
        return yl__fail(YL_INVALID, "%s: %lld images of %lld x %lld x %lld are more numbers than memory can hold",
                        whose, (long long)s.n, (long long)s.h, (long long)s.w, (long long)s.c);
    return YL_OK;
}

yl_status yl_net_create(yl_device *device, int64_t h, int64_t w, int64_t c, yl_net **out)
{
    yl_net *net;
    YL_TRY(check_shape("network input", (yl_shape){1, h, w, c}));
    YL_TRY(yl__calloc(1, sizeof *net, &net));
    net->device = device;
    net->references = 1;
    net->h = h;
    net->w = w;
    net->c = c;
    *out = net;
    return YL_OK;
}

void yl_net_free(yl_net *net)
{
    if (!net || --net->references > 0) return;
    for (int i = 0; i < net->n_layers; i++) yl__free(net->layers[i].options);
    for (int i = 0; i < YL_SLABS; i++) {
        yl__free(net->slabs[i].lent); /* nobody holds a tensor any more: it would hold the network */
        net->device->release(net->device, net->slabs[i].data);
    }
    net->device->release(net->device, net->workspace.arena);
    yl__free(net->layers);
    yl__free(net->ranges);
    yl__graph_free(net->device, &net->squares_graph);
    yl__graph_free(net->device, &net->step_graph);
    net->device->release(net->device, net->scalars);
    net->device->release(net->device, net->squares);
    net->device->release(net->device, net->parts);
    net->device->release(net->device, net->first_part);
    net->device->release(net->device, net->part_squares);
    yl__free(net->host_parts);
    yl__free(net->host_first_part);
    yl__free(net->host_scalars);
    yl__free(net->host_squares);
    yl__free(net->header);
    yl__free(net->calibration);
    yl__free(net);
}

void yl__net_busy(const yl_net *net, int by)
{
    ((yl_net *)net)->busy += by; /* a mark on who works here, no change of the network */
}

yl_status yl__net_runnable(const yl_net *net, const char *what)
{
    if (net->busy == 0) return YL_OK;
    return yl__fail(YL_INVALID,
                    "%s: the network is in the middle of its work here; do this before it begins or after it has ended",
                    what);
}

void yl__net_hold(yl_net *net, int by)
{
    net->held += by;
}

yl_status yl__net_idle(const yl_net *net, const char *what)
{
    YL_TRY(yl__net_runnable(net, what));
    if (net->held == 0) return YL_OK;
    return yl__fail(YL_INVALID, "%s: the network is in the middle of a step here; do this before or after it", what);
}

int yl_net_find_layer(const yl_net *net, const char *name)
{
    for (int i = 0; i < net->n_layers; i++)
        if (strcmp(net->layers[i].name, name) == 0) return i;
    return -1;
}

int yl_net_find_range(const yl_net *net, const char *name)
{
    for (int i = 0; i < net->n_ranges; i++)
        if (strcmp(net->ranges[i].name, name) == 0) return i;
    return -1;
}

int yl_net_consumers(const yl_net *net, int index)
{
    int count = 0;
    for (int i = 0; i < net->n_layers; i++)
        for (int k = 0; k < net->layers[i].n_inputs; k++) count += net->layers[i].inputs[k] == index;
    return count;
}

static yl_status name_layer(const yl_net *net, const yl_layer_kind *kind, const char *name, char out[YL_NAME])
{
    int nth = 1;
    for (int i = 0; i < net->n_layers; i++) nth += net->layers[i].kind == kind;
    if (name)
        snprintf(out, YL_NAME, "%s", name);
    else
        snprintf(out, YL_NAME, "%s%d", kind->stem, nth);
    if (yl_net_find_layer(net, out) >= 0) return yl__fail(YL_INVALID, "layer name '%s' is taken", out);
    return YL_OK;
}

static yl_status check_inputs(const yl_net *net, const yl_layer *layer)
{
    const yl_layer_kind *kind = layer->kind;
    if (layer->n_inputs < kind->min_inputs || layer->n_inputs > kind->max_inputs || layer->n_inputs > YL_MAX_INPUTS)
        return yl__fail(YL_INVALID, "%s: expected %d to %d inputs, got %d", layer->name, kind->min_inputs,
                        kind->max_inputs, layer->n_inputs);
    for (int i = 0; i < layer->n_inputs; i++)
        if (layer->inputs[i] < -1 || layer->inputs[i] >= net->n_layers)
            return yl__fail(YL_INVALID, "%s: input %d is not an earlier layer", layer->name, layer->inputs[i] + 1);
    return YL_OK;
}

static yl_status output_shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    char whose[YL_NAME + 8];
    snprintf(whose, sizeof whose, "%s: output", layer->name);
    YL_TRY(layer->kind->shape(layer, in, out));
    return check_shape(whose, *out);
}

/* The shapes are computed anew for the whole network: it keeps none, and a network is built once. */
static yl_status settle_channels(yl_net *net, yl_layer *layer)
{
    yl_shape *shapes, in[YL_MAX_INPUTS], input = {1, net->h, net->w, net->c}, out = {0};
    YL_TRY(yl__alloc(net->n_layers + 1, sizeof *shapes, &shapes));
    yl_status status = yl_net_shapes(net, 1, net->h, net->w, shapes);
    if (status == YL_OK) {
        for (int k = 0; k < layer->n_inputs; k++) in[k] = layer->inputs[k] < 0 ? input : shapes[layer->inputs[k]];
        status = output_shape(layer, in, &out);
        layer->in_c = in[0].c;
        layer->out_c = out.c;
    }
    yl__free(shapes);
    return status;
}

static yl_status fill_layer(yl_net *net, yl_layer *layer, const char *name, const void *options)
{
    YL_TRY(name_layer(net, layer->kind, name, layer->name));
    YL_TRY(check_inputs(net, layer));
    YL_TRY(yl__calloc(1, layer->kind->options_size, &layer->options));
    if (options)
        memcpy(layer->options, options, layer->kind->options_size);
    else if (layer->kind->fields)
        YL_TRY(yl_options_defaults(layer->kind->fields, layer->options));
    return settle_channels(net, layer);
}

yl_status yl_net_add(yl_net *net, const yl_layer_kind *kind, const char *name, const void *options, int n_inputs,
                     const int *inputs, int *index)
{
    if (net->finished) return yl__fail(YL_INVALID, "a finished network takes no more layers");
    YL_TRY(yl__reserve(net->n_layers + 1, &net->layer_capacity, sizeof *net->layers, &net->layers));
    yl_layer layer = {.kind = kind, .n_inputs = n_inputs, .section = -1};
    for (int i = 0; i < n_inputs && i < YL_MAX_INPUTS; i++) layer.inputs[i] = inputs[i];
    yl_status status = fill_layer(net, &layer, name, options);
    if (status != YL_OK) {
        yl__free(layer.options);
        return status;
    }
    *index = net->n_layers;
    net->layers[net->n_layers++] = layer;
    return YL_OK;
}

void yl_net_inputs(const yl_net *net, int layer, const yl_shape *shapes, yl_shape input, yl_shape in[YL_MAX_INPUTS])
{
    const yl_layer *l = &net->layers[layer];
    for (int k = 0; k < l->n_inputs; k++) in[k] = l->inputs[k] < 0 ? input : shapes[l->inputs[k]];
}

static yl_status find_shapes(const yl_net *net, int64_t n, int64_t h, int64_t w, yl_shape *out)
{
    yl_shape in[YL_MAX_INPUTS], input = {n, h, w, net->c};
    YL_TRY(check_shape("network input", input));
    for (int i = 0; i < net->n_layers; i++) {
        yl_net_inputs(net, i, out, input, in);
        YL_TRY(output_shape(&net->layers[i], in, &out[i]));
    }
    return YL_OK;
}

yl_status yl_net_shapes(const yl_net *net, int64_t n, int64_t h, int64_t w, yl_shape *out)
{
    yl__net_busy(net, 1);
    yl_status status = find_shapes(net, n, h, w, out);
    yl__net_busy(net, -1);
    return status;
}

/* The output shape of a layer with other options, for the network's own input. */
static yl_status shape_with(const yl_net *net, int layer, const yl_shape *shapes, void *options, yl_shape *out)
{
    yl_shape in[YL_MAX_INPUTS], input = {1, net->h, net->w, net->c};
    yl_layer changed = net->layers[layer];
    changed.options = options;
    yl_net_inputs(net, layer, shapes, input, in);
    return output_shape(&changed, in, out);
}

yl_status yl_net_set_options(yl_net *net, int layer, const void *options)
{
    yl_layer *l = &net->layers[layer];
    yl_shape *shapes, out = {0};
    void *copy;
    if (l->n_params)
        return yl__fail(YL_INVALID, "%s: the options of a layer with parameters cannot be changed", l->name);
    YL_TRY(yl__net_idle(net, l->name));
    YL_TRY(yl__alloc(net->n_layers, sizeof *shapes, &shapes));
    yl_status status = yl_net_shapes(net, 1, net->h, net->w, shapes);
    if (status == YL_OK) status = yl__calloc(1, l->kind->options_size, &copy);
    if (status == YL_OK) {
        memcpy(copy, options, l->kind->options_size);
        status = shape_with(net, layer, shapes, copy, &out);
        if (status == YL_OK && memcmp(&out, &shapes[layer], sizeof out) != 0)
            status = yl__fail(YL_INVALID, "%s: with these options its output would have another shape", l->name);
        if (status == YL_OK) memcpy(l->options, copy, l->kind->options_size);
        yl__free(copy);
    }
    yl__free(shapes);
    return status;
}

yl_status yl_net_flops(const yl_net *net, int64_t n, int64_t h, int64_t w, int64_t *per_layer, int64_t *total)
{
    yl_shape *shapes, in[YL_MAX_INPUTS], input = {n, h, w, net->c};
    YL_TRY(yl__alloc(net->n_layers + 1, sizeof *shapes, &shapes));
    yl_status status = yl_net_shapes(net, n, h, w, shapes);
    int64_t sum = 0;
    yl__net_busy(net, 1);
    for (int i = 0; i < net->n_layers && status == YL_OK; i++) {
        yl_net_inputs(net, i, shapes, input, in);
        const yl_layer *l = &net->layers[i];
        int64_t flops = l->kind->flops ? l->kind->flops(l, in, shapes[i]) : 0;
        if (flops < 0) status = YL_INVALID; /* the layer has said why */
        if (per_layer) per_layer[i] = flops;
        sum = flops > INT64_MAX - sum ? INT64_MAX : sum + flops;
    }
    yl__net_busy(net, -1);
    if (total) *total = sum;
    yl__free(shapes);
    return status;
}
