/* A layer on tensors: apply.h. What forward leaves for backward lives as long as the operation is noted (tensor/tape.h). */
#include "layers/apply.h"
#include "core/memory.h"
#include "core/text.h"
#include "tensor/tape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_apply_options, member)
static const yl_field fields[] = {
    {"mode", YL_OPTION_ENUM, "infer", "", "train: batch-norm uses the batch's statistics, dropout drops", 0, 0,
     "infer|train", NULL, AT(mode)},
    {"seed", YL_OPTION_INT, "0", "", "seed of what is random in training", 0, INFINITY, NULL, NULL, AT(seed)},
    {"step", YL_OPTION_INT, "0", "", "which step this is: other random numbers in each", 0, UINT32_MAX, NULL, NULL,
     AT(step)},
};
const yl_field_table yl_apply_fields = YL_FIELD_TABLE("apply", fields);

/* One call. The passes' pointers to tensors are filled in for as long as a kernel runs. */
typedef struct applied {
    yl_layer layer; /* with options of its own */
    yl_range ranges[YL_MAX_PARAMS];
    yl_ctx ctx;
    yl_setting setting;
    yl_needs needs;
    yl_now now;
    uint32_t index;
    void *prepared, *state, *packed;
    yl_tensor *x[YL_MAX_INPUTS], *params[YL_MAX_PARAMS]; /* owned; of the call, and statistics for longer */
} applied;

static void release_tensors(yl_tensor **list, int n)
{
    for (int i = 0; i < n; i++) {
        yl_tensor_release(list[i]);
        list[i] = NULL;
    }
}

static void drop(void *context)
{
    applied *a = context;
    yl_device *device = a->ctx.device;
    if (a->prepared && a->layer.kind->release) a->layer.kind->release(&a->layer, a->prepared);
    yl__free(a->prepared);
    device->release(device, a->state);
    device->release(device, a->packed);
    release_tensors(a->x, YL_MAX_INPUTS);
    release_tensors(a->params, YL_MAX_PARAMS);
    yl__free(a->layer.options);
    yl__free(a);
}

/* ---- what is given ------------------------------------------------------------------------------------------------------- */

/* The tensor as kernels read it. */
static yl_status plain(const yl_tensor *t, yl_tensor **out)
{
    return yl_tensor_contiguous(t) ? yl_tensor_view(t, out) : yl_tensor_clone(t, out);
}

static yl_status check_host(const yl_layer *layer, const yl_tensor *t)
{
    void *data;
    YL_TRY(yl_tensor_data(t, &data));
    if (yl_tensor_device(t)->host_memory) return YL_OK;
    return yl__fail(YL_UNSUPPORTED, "%s: layers compute on tensors of the host, and this one is on %s", layer->name,
                    yl_tensor_device(t)->name);
}

static yl_status take_input(applied *a, int k, const yl_tensor *t)
{
    char text[128];
    yl_tensor_describe(t, text, sizeof text);
    if (t->dtype != YL_F32 || t->n_dims != 4 || yl_tensor_count(t) == 0)
        return yl__fail(YL_INVALID, "%s: expected f32 {n, h, w, c} as input %d, got %s", a->layer.name, k + 1, text);
    YL_TRY(check_host(&a->layer, t));
    a->setting.in[k] = (yl_shape){t->dims[0], t->dims[1], t->dims[2], t->dims[3]};
    if (t->dims[0] != a->setting.in[0].n)
        return yl__fail(YL_INVALID, "%s: input %d has %lld images, and the first %lld", a->layer.name, k + 1,
                        (long long)t->dims[0], (long long)a->setting.in[0].n);
    return plain(t, &a->x[k]);
}

static bool has_dims(const yl_tensor *t, const yl_param *p)
{
    return t->dtype == YL_F32 && t->n_dims == p->n_dims &&
           memcmp(t->dims, p->dims, (size_t)p->n_dims * sizeof *p->dims) == 0;
}

/* What a parameter that is not given begins as. */
static yl_status make_param(const applied *a, const yl_param *p, yl_tensor **out)
{
    if (p->init != YL_INIT_ZERO && p->init != YL_INIT_ONE)
        return yl__fail(YL_INVALID, "%s: '%s' is missing", a->layer.name, p->name);
    YL_TRY(yl_tensor_new(a->ctx.device, YL_F32, p->n_dims, p->dims, out));
    return p->init == YL_INIT_ONE ? yl_tensor_fill(*out, 1) : YL_OK;
}

static yl_status take_param(applied *a, int k, const yl_param *p, yl_tensor *given)
{
    char wants[128], got[128];
    yl_range *r = &a->ranges[k];
    *r = (yl_range){.kind = p->kind, .init = p->init, .n_dims = p->n_dims, .count = 1};
    snprintf(r->name, sizeof r->name, "%s.%s", a->layer.name, p->name);
    for (int d = 0; d < p->n_dims; d++) r->count *= r->dims[d] = p->dims[d];
    if (!given) return make_param(a, p, &a->params[k]);
    YL_TRY(check_host(&a->layer, given));
    yl_tensor_describe(given, got, sizeof got);
    yl_tensor like = {.dtype = YL_F32, .n_dims = p->n_dims};
    memcpy(like.dims, p->dims, sizeof p->dims);
    yl_tensor_describe(&like, wants, sizeof wants);
    if (!has_dims(given, p))
        return yl__fail(YL_INVALID, "%s: expected %s as %s, got %s", a->layer.name, wants, p->name, got);
    if (p->kind == YL_STATISTIC && a->setting.mode == YL_TRAIN && !yl_tensor_contiguous(given))
        return yl__fail(YL_INVALID,
                        "%s: %s takes in the batch's statistics, which a view that is not contiguous cannot",
                        a->layer.name, p->name);
    return plain(given, &a->params[k]);
}

/* Which of those that are given is the parameter; -1: none. */
static int place_of(const char *name, int n_given, const yl_given *given)
{
    for (int i = 0; i < n_given; i++)
        if (strcmp(given[i].name, name) == 0) return i;
    return -1;
}

static yl_status check_names(const yl_layer *layer, const yl_param *list, int n_given, const yl_given *given)
{
    const char *names[YL_MAX_PARAMS];
    for (int k = 0; k < layer->n_params; k++) names[k] = list[k].name;
    for (int i = 0; i < n_given; i++) {
        bool known = false;
        for (int k = 0; k < layer->n_params; k++) known |= strcmp(names[k], given[i].name) == 0;
        if (known) continue;
        const char *near = yl__nearest(given[i].name, names, layer->n_params);
        return yl__fail(YL_INVALID, "%s: it has no parameter '%s'%s%s%s", layer->name, given[i].name,
                        near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return YL_OK;
}

static yl_status take(applied *a, yl_tensor *const *inputs, int n_given, const yl_given *given)
{
    yl_layer *l = &a->layer;
    yl_param list[YL_MAX_PARAMS] = {0};
    if (l->n_inputs < l->kind->min_inputs || l->n_inputs > l->kind->max_inputs)
        return yl__fail(YL_INVALID, "%s: expected %d to %d inputs, got %d", l->name, l->kind->min_inputs,
                        l->kind->max_inputs, l->n_inputs);
    for (int k = 0; k < l->n_inputs; k++) YL_TRY(take_input(a, k, inputs[k]));
    YL_TRY(l->kind->shape(l, a->setting.in, &a->setting.out));
    if (yl_shape_count(a->setting.out) < 1)
        return yl__fail(YL_INVALID, "%s: an input of %lldx%lld (width x height) leaves no output", l->name,
                        (long long)a->setting.in[0].w, (long long)a->setting.in[0].h);
    l->in_c = a->setting.in[0].c;
    l->out_c = a->setting.out.c;
    l->n_params = 0;
    if (l->kind->params) YL_TRY(l->kind->params(l, a->setting.in, list, &l->n_params));
    YL_TRY(check_names(l, list, n_given, given));
    for (int k = 0; k < l->n_params; k++) {
        int at = place_of(list[k].name, n_given, given);
        YL_TRY(take_param(a, k, &list[k], at < 0 ? NULL : given[at].t));
    }
    return YL_OK;
}

/* ---- running it ---------------------------------------------------------------------------------------------------------- */

static yl_status prepare(applied *a)
{
    const yl_layer *l = &a->layer;
    yl_setting *s = &a->setting;
    yl_device *device = a->ctx.device;
    for (int k = 0; k < l->n_inputs; k++) s->wants_dx |= yl_tensor_tracked(a->x[k]);
    for (int k = 0; k < l->n_params; k++)
        s->wants_dparams |= a->ranges[k].kind != YL_STATISTIC && yl_tensor_tracked(a->params[k]);
    YL_TRY(yl__calloc(1, l->kind->prepared_size, &a->prepared));
    if (l->kind->prepare) YL_TRY(l->kind->prepare(l, s, a->prepared, &a->needs));
    if (a->needs.state) YL_TRY(device->alloc(device, a->needs.state, &a->state));
    if (a->needs.packed) YL_TRY(device->alloc(device, a->needs.packed, &a->packed));
    return YL_OK;
}

static yl_pass pass_of(applied *a, void *scratch)
{
    yl_pass p = {.ctx = &a->ctx,
                 .layer = &a->layer,
                 .setting = &a->setting,
                 .prepared = a->prepared,
                 .state = a->state,
                 .packed = a->packed,
                 .scratch = scratch,
                 .seed = a->now.seed,
                 .step = a->now.step,
                 .layer_index = a->index,
                 .now = &a->now};
    for (int k = 0; k < a->layer.n_params; k++) p.range[k] = &a->ranges[k];
    return p;
}

static yl_status data_of(const yl_tensor *t, void *out)
{
    return t ? yl_tensor_data(t, out) : YL_OK;
}

/* Statistics are written by a kernel, as a tensor that changes in place. */
static yl_status write_statistics(applied *a, bool written)
{
    char *data;
    for (int k = 0; k < a->layer.n_params; k++) {
        if (a->ranges[k].kind != YL_STATISTIC) continue;
        YL_TRY(written ? yl__tensor_written(a->params[k], YL_OK) : yl__tensor_host_to_write(a->params[k], &data));
        if (written) YL_TRY(yl__tape_constant(a->params[k]));
    }
    return YL_OK;
}

static yl_status run_forward(applied *a, yl_tensor *y)
{
    void *scratch;
    bool updates = a->setting.mode == YL_TRAIN;
    YL_TRY(yl__alloc((int64_t)a->needs.scratch, 1, &scratch));
    yl_pass p = pass_of(a, scratch);
    p.update_statistics = updates;
    yl_status status = yl_tensor_data(y, &p.y);
    for (int k = 0; k < a->layer.n_inputs && status == YL_OK; k++) status = data_of(a->x[k], &p.x[k]);
    for (int k = 0; k < a->layer.n_params && status == YL_OK; k++) status = data_of(a->params[k], &p.param[k]);
    if (status == YL_OK && updates) status = write_statistics(a, false);
    if (status == YL_OK && a->packed) status = a->layer.kind->pack(&p);
    if (status == YL_OK) status = a->layer.kind->forward(&p);
    if (status == YL_OK && updates) status = write_statistics(a, true);
    yl__free(scratch);
    return status;
}

/* ---- the gradient -------------------------------------------------------------------------------------------------------- */

/* Makes a gradient for operand `input` where one is wanted. */
static yl_status aim(const yl_node *n, int input, yl_tensor **made, void *to)
{
    if (!yl__tape_wants(n, input)) return YL_OK;
    YL_TRY(yl__tape_new(n, input, made));
    return yl_tensor_data(*made, to);
}

static yl_status run_backward(const yl_node *n, const yl_tensor *dy, void *scratch, yl_tensor **made)
{
    applied *a = n->context;
    int n_x = a->layer.n_inputs, n_params = a->layer.n_params;
    yl_pass p = pass_of(a, scratch);
    void *read = NULL;
    YL_TRY(yl_tensor_data(dy, &read));
    p.dy = read;
    YL_TRY(data_of(yl__tape_saved(n, n_x + n_params), &p.y));
    for (int k = 0; k < n_x; k++) {
        YL_TRY(data_of(yl__tape_saved(n, k), &p.x[k]));
        YL_TRY(aim(n, k, &made[k], &p.dx[k]));
    }
    for (int k = 0; k < n_params; k++) {
        const yl_tensor *kept = a->params[k] ? a->params[k] : yl__tape_saved(n, n_x + k);
        YL_TRY(data_of(kept, &p.param[k]));
        YL_TRY(aim(n, n_x + k, &made[n_x + k], &p.dparam[k]));
    }
    return a->layer.kind->backward(&p);
}

static yl_status pull(const yl_node *n, const yl_tensor *dy)
{
    const applied *a = n->context;
    yl_tensor *made[YL__INPUTS] = {NULL}, *whole = NULL;
    void *scratch = NULL;
    yl_status status = yl__alloc((int64_t)a->needs.scratch, 1, &scratch);
    if (status == YL_OK) status = plain(dy, &whole);
    if (status == YL_OK) status = run_backward(n, whole, scratch, made);
    for (int i = 0; i < n->n_inputs; i++) {
        if (!made[i]) continue;
        if (status == YL_OK)
            status = yl__tape_give_new(n, i, made[i]);
        else
            yl_tensor_release(made[i]);
    }
    yl_tensor_release(whole);
    yl__free(scratch);
    return status;
}

/* The tape takes `a` over. Running statistics are kept as they are: they may change before the walk back, which reads what forward found. */
static yl_status note(applied *a, yl_tensor *y)
{
    const yl_layer *l = &a->layer;
    unsigned reads = l->kind->reads ? l->kind->reads(l) : YL_READS_NOTHING;
    yl_tensor *x[YL_MAX_INPUTS], *params[YL_MAX_PARAMS];
    yl__note said = {.name = l->name, .pull = l->kind->backward ? pull : NULL};
    memcpy(x, a->x, sizeof x), memcpy(params, a->params, sizeof params);
    memset(a->x, 0, sizeof a->x);
    int n_x = l->n_inputs, n_params = l->n_params;
    for (int k = 0; k < n_x; k++) {
        said.inputs[k] = x[k];
        said.saved[k] = reads & YL_READS_X ? x[k] : NULL;
    }
    for (int k = 0; k < n_params; k++) {
        if (a->ranges[k].kind == YL_STATISTIC) {
            params[k] = NULL;
            continue;
        }
        a->params[k] = NULL;
        said.inputs[n_x + k] = said.saved[n_x + k] = params[k];
    }
    if (reads & YL_READS_Y) said.saved[n_x + n_params] = y;
    yl_status status = yl__tape_note_with(y, &said, a, drop);
    release_tensors(x, n_x);
    release_tensors(params, n_params);
    return status;
}

static yl_status start(applied *a, const yl_layer *layer)
{
    a->layer = *layer;
    a->layer.options = NULL;
    YL_TRY(yl__calloc(1, layer->kind->options_size, &a->layer.options));
    memcpy(a->layer.options, layer->options, layer->kind->options_size);
    return YL_OK;
}

yl_status yl_layer_apply(const yl_layer *layer, int index, yl_tensor *const *inputs, int n_given, const yl_given *given,
                         const yl_apply_options *options, yl_tensor **out)
{
    applied *a;
    yl_tensor *y = NULL;
    YL_TRY(yl__calloc(1, sizeof *a, &a));
    a->ctx = yl__ctx(yl_tensor_device(inputs[0]));
    a->index = (uint32_t)index;
    a->now = (yl_now){.seed = options->seed, .step = options->step};
    a->setting = (yl_setting){
        .ctx = &a->ctx, .mode = options->mode, .dtype = YL_F32, .out_dtype = YL_F32, .algorithm = "predicted"};
    yl_status status = start(a, layer);
    if (status == YL_OK) status = take(a, inputs, n_given, given);
    yl_shape s = a->setting.out;
    a->setting.net_h = a->setting.in[0].h, a->setting.net_w = a->setting.in[0].w;
    if (status == YL_OK) status = prepare(a);
    if (status == YL_OK) status = yl_tensor_new(a->ctx.device, YL_F32, 4, (int64_t[]){s.n, s.h, s.w, s.c}, &y);
    if (status == YL_OK) status = run_forward(a, y);
    if (status == YL_OK)
        status = note(a, y);
    else
        drop(a);
    if (status == YL_OK)
        *out = y;
    else
        yl_tensor_release(y);
    return status;
}
