/* Constant channels: which they are follows from zeros and layers' answers, what they are is read from a run. */
#include "prune/constant.h"
#include "core/memory.h"
#include "net/plan.h"

#include <string.h>

enum { SMALL = 64 }; /* pixels: side of a picture that networks of stride 32 with a reorg take */

/* ---- numbers ---- */

static yl_status copy_slabs(yl_net *net, yl__constants *k)
{
    k->slab[k->n_slabs++] = &net->slabs[YL_SLAB_value];
    if (net->slabs[YL_SLAB_ema].data) k->slab[k->n_slabs++] = &net->slabs[YL_SLAB_ema];
    for (int s = 0; s < k->n_slabs; s++) {
        size_t bytes = (size_t)net->n_values * sizeof(float);
        YL_TRY(yl__alloc(net->n_values, sizeof(float), &k->numbers[s]));
        YL_TRY(net->device->from_device(net->device, k->numbers[s], k->slab[s]->data, bytes));
    }
    return YL_OK;
}

/* A plan for a small picture, or one of the network's own size where that does not fit. */
static yl_status make_plan(yl_net *net, const char *slab, yl_plan **out)
{
    yl_plan_options o = {.mode = YL_INFER, .batch = 1, .slab = slab, .algorithm = "gemm", .keep = true};
    o.h = o.w = SMALL;
    if (net->h * net->w > SMALL * SMALL && yl_plan_create(net, &o, out) == YL_OK) return YL_OK;
    o.h = o.w = 0;
    return yl_plan_create(net, &o, out);
}

/* The numbers of every value's first pixel. */
static yl_status read_pixels(const yl_channel_graph *g, const yl_plan *plan, float *at)
{
    for (int i = 0; i < g->net->n_layers; i++) {
        yl_view view;
        YL_TRY(yl_plan_output(plan, i, &view));
        view.shape = (yl_shape){1, 1, 1, view.shape.c};
        YL_TRY(yl_view_read(g->net->device, view, at + g->first[i + 1]));
    }
    return YL_OK;
}

static yl_status run(const yl_channel_graph *g, yl_plan *plan, float *at)
{
    float *picture;
    yl_shape in = yl_plan_shape(plan, -1);
    yl_step_info info = {0};
    YL_TRY(yl__alloc(yl_shape_count(in), sizeof *picture, &picture));
    for (int64_t i = 0; i < yl_shape_count(in); i++) picture[i] = 0.5f;
    yl_status status = yl_plan_feed(plan, picture);
    yl__free(picture);
    if (status == YL_OK) status = yl_plan_forward(plan, &info);
    return status == YL_OK ? read_pixels(g, plan, at) : status;
}

static yl_status run_slab(yl_net *net, const yl_channel_graph *g, const char *slab, float **at)
{
    yl_plan *plan;
    YL_TRY(yl__calloc(g->n_nodes, sizeof **at, at));
    YL_TRY(make_plan(net, slab, &plan));
    yl_status status = run(g, plan, *at);
    yl_plan_free(plan);
    return status;
}

/* ---- weights that are zero ---- */

static bool all_zero(const float *numbers, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (numbers[i] != 0) return false;
    return true;
}

/* A factor of output channel o that is zero in every slab. */
static bool factor_is_zero(const yl_channel_graph *g, const yl__constants *k, int layer, int64_t o)
{
    const yl_layer *l = &g->net->layers[layer];
    for (int p = 0; p < l->n_params; p++) {
        const yl_range *r = &g->net->ranges[l->params[p]];
        if (r->role != YL_ROLE_FACTOR || !r->per_out) continue;
        int64_t row = r->count / r->dims[0];
        bool zero = true;
        for (int s = 0; s < k->n_slabs; s++) zero &= all_zero(k->numbers[s] + r->offset + o * row, row);
        if (zero) return true;
    }
    return false;
}

static yl_status find_reads(const yl_channel_graph *g, yl__constants *k, int layer)
{
    if (!g->layers[layer].mixes) return YL_OK;
    const yl_range *r = &g->net->ranges[g->layers[layer].factor];
    int64_t in = yl__channel_count(g, g->net->layers[layer].inputs[0] + 1) / g->layers[layer].parts;
    int64_t row = r->count / r->dims[0];
    YL_TRY(yl__calloc(r->dims[0] * in, 1, &k->reads[layer]));
    for (int s = 0; s < k->n_slabs; s++)
        for (int64_t o = 0; o < r->dims[0]; o++) {
            const float *weights = k->numbers[s] + r->offset + o * row;
            uint8_t *reads = k->reads[layer] + o * in;
            for (int64_t t = 0; t < row; t += in)
                for (int64_t c = 0; c < in; c++) reads[c] |= weights[t + c] != 0;
        }
    return YL_OK;
}

/* ---- what follows ---- */

/* A channel of a source does not make output channel o vary. */
static bool harmless(const yl_channel_graph *g, const yl__constants *k, int layer, int64_t o, const yl_source *s,
                     int64_t c)
{
    int64_t node = yl__input_node(g, layer, s->input, s->first + c);
    if (s->use == YL_USE_WHOLE) return false;
    if (s->use == YL_USE_MIX && !yl__reads(g, k, layer, o, s->first + c)) return true;
    return k->constant[node] && (g->layers[layer].uniform || yl__is_zero(k, node));
}

static bool is_constant(const yl_channel_graph *g, const yl__constants *k, int layer, int64_t o)
{
    int64_t node = g->first[layer + 1] + o;
    bool constant = true, free = false;
    for (int64_t i = g->source_first[node]; i < g->source_first[node + 1]; i++) {
        const yl_source *s = &g->sources[i];
        free |= s->use != YL_USE_WHOLE;
        if (g->layers[layer].zero == YL_ZERO_IN_PRODUCT && yl__is_zero(k, yl__input_node(g, layer, s->input, s->first)))
            return true;
        for (int64_t c = 0; constant && c < s->count; c++) constant = harmless(g, k, layer, o, s, c);
    }
    return free && (constant || factor_is_zero(g, k, layer, o));
}

static yl_status find(yl_net *net, const yl_channel_graph *g, yl__constants *k)
{
    YL_TRY(copy_slabs(net, k));
    YL_TRY(yl__calloc(g->n_nodes, sizeof *k->constant, &k->constant));
    YL_TRY(yl__calloc(net->n_layers, sizeof *k->reads, &k->reads));
    for (int s = 0; s < k->n_slabs; s++) YL_TRY(run_slab(net, g, k->slab[s]->name, &k->at[s]));
    for (int i = 0; i < net->n_layers; i++) {
        YL_TRY(find_reads(g, k, i));
        for (int64_t o = 0; o < yl__channel_count(g, i + 1); o++)
            k->constant[g->first[i + 1] + o] = is_constant(g, k, i, o);
    }
    return YL_OK;
}

yl_status yl__constants_find(yl_net *net, const yl_channel_graph *graph, yl__constants *out)
{
    *out = (yl__constants){0};
    return find(net, graph, out);
}

void yl__constants_free(const yl_channel_graph *graph, yl__constants *k)
{
    for (int s = 0; s < YL__RUN_SLABS; s++) {
        yl__free(k->numbers[s]);
        yl__free(k->at[s]);
    }
    for (int i = 0; k->reads && i < graph->net->n_layers; i++) yl__free(k->reads[i]);
    yl__free(k->reads);
    yl__free(k->constant);
    *k = (yl__constants){0};
}
