/* Noting operations, and what a walk back over them gives and takes. tape.h says what a history is. */
#include "tensor/tape.h"
#include "backend/device.h"
#include "core/memory.h"

#include <string.h>

static _Thread_local int64_t notes;

/* ---- nodes --------------------------------------------------------------------------------------------------------- */

static void drop(yl_node *node, yl_node **later)
{
    if (!node || --node->references > 0) return;
    node->next = *later;
    *later = node;
}

/* Without recursion: histories are long. */
static void release(yl_node *node)
{
    yl_node *later = NULL;
    drop(node, &later);
    while (later) {
        yl_node *n = later;
        later = n->next;
        drop(n->before, &later);
        for (int i = 0; i < n->n_inputs; i++) drop(n->inputs[i].node, &later);
        for (int i = 0; i < n->n_saved; i++) yl_tensor_release(n->saved[i].t);
        yl_tensor_release(n->gradient);
        if (n->drop) n->drop(n->context);
        yl__free(n);
    }
}

yl__window yl__tensor_window(const yl_tensor *t)
{
    yl__window w = {.n_dims = t->n_dims, .offset = t->offset};
    memcpy(w.dims, t->dims, sizeof w.dims);
    memcpy(w.strides, t->strides, sizeof w.strides);
    return w;
}

/* How many there are up to the last. */
static int count_of(const yl_tensor *const *list, int n)
{
    while (n > 0 && !list[n - 1]) n--;
    return n;
}

static yl_status new_node(const yl_tensor *result, const yl__note *said, yl_node **out)
{
    yl_node *n;
    int inputs = count_of(said->inputs, YL__INPUTS), saved = count_of(said->saved, YL__SAVED);
    size_t behind = (size_t)inputs * sizeof(yl__operand) + (size_t)saved * sizeof(yl__needed);
    YL_TRY(yl__calloc(1, sizeof *n + behind, &n));
    *n = (yl_node){.name = said->name,
                   .pull = said->pull,
                   .n_inputs = inputs,
                   .n_saved = saved,
                   .inputs = (yl__operand *)(n + 1),
                   .saved = (yl__needed *)((yl__operand *)(n + 1) + inputs),
                   .number = {said->number[0], said->number[1]},
                   .references = 1,
                   .order = ++notes,
                   .dtype = result->dtype == YL_F64 ? YL_F64 : YL_F32,
                   .extent = yl__tensor_extent(result),
                   .window = yl__tensor_window(result)};
    *out = n;
    return YL_OK;
}

static bool follows(const yl_tensor *t)
{
    return t && !t->detached && yl__tensor_history(t)->node;
}

bool yl_tensor_tracked(const yl_tensor *t)
{
    return yl__tape_runs() && follows(t);
}

bool yl_tensor_requires_grad(const yl_tensor *t)
{
    return follows(t);
}

bool yl_tensor_leaf(const yl_tensor *t)
{
    return follows(t) && yl__tensor_history(t)->leaf;
}

/* ---- noting -------------------------------------------------------------------------------------------------------- */

static yl_status save(yl_node *n, const yl_tensor *result, const yl_tensor *const *saved)
{
    for (int i = 0; i < n->n_saved; i++) {
        if (!saved[i]) continue;
        YL_TRY(yl_tensor_detach(saved[i], &n->saved[i].t));
        bool overwritten = saved[i] != result && saved[i]->storage == result->storage;
        n->saved[i].version = overwritten ? -1 : yl__tensor_version(saved[i]);
    }
    return YL_OK;
}

static bool overwrites_all(const yl_tensor *t)
{
    return !t->spread && yl_tensor_count(t) == yl__tensor_extent(t);
}

static yl_node *retain(yl_node *n)
{
    n->references++;
    return n;
}

static void link(yl_node *n, const yl_tensor *const *inputs)
{
    for (int i = 0; i < n->n_inputs; i++) {
        if (!follows(inputs[i])) continue;
        n->inputs[i].node = retain(yl__tensor_history(inputs[i])->node);
        n->inputs[i].window = yl__tensor_window(inputs[i]);
    }
}

static yl_status note(yl_tensor *result, const yl__note *said)
{
    yl_node *n;
    yl__history *h = yl__tensor_history(result);
    YL_TRY(new_node(result, said, &n));
    link(n, said->inputs);
    yl_status status = save(n, result, said->saved);
    if (status != YL_OK) {
        release(n);
        return status;
    }
    if (h->node && !overwrites_all(result)) n->before = retain(h->node);
    if (h->node) release(h->node);
    h->node = n;
    h->release = release;
    h->leaf = false;
    return YL_OK;
}

static bool any_follows(const yl__note *said)
{
    for (int i = 0; i < YL__INPUTS; i++)
        if (follows(said->inputs[i])) return true;
    return false;
}

/* *noted: a node was made, which is the history's now. */
static yl_status note_if(yl_tensor *result, const yl__note *said, bool *noted)
{
    *noted = false;
    if (!yl__tape_runs() || yl__is_integer(result->dtype)) return YL_OK;
    if (!any_follows(said)) return yl__tape_constant(result);
    if (result->detached)
        return yl__fail(YL_INVALID, "%s: a detached tensor was given a value that has a gradient; clone() it first",
                        said->name);
    YL_TRY(note(result, said));
    *noted = true;
    return YL_OK;
}

yl_status yl__tape_note(yl_tensor *result, const yl__note *said)
{
    bool noted;
    return note_if(result, said, &noted);
}

yl_status yl__tape_note_with(yl_tensor *result, const yl__note *said, void *context, void (*free_it)(void *context))
{
    bool noted;
    yl_status status = note_if(result, said, &noted);
    if (noted) {
        yl_node *n = yl__tensor_history(result)->node;
        n->context = context, n->drop = free_it;
    } else
        free_it(context);
    return status;
}

yl_status yl__tape_constant(yl_tensor *result)
{
    return yl__tape_runs() && follows(result) ? note(result, &(yl__note){.name = "constant"}) : YL_OK;
}

static yl_status pull_copy(const yl_node *node, const yl_tensor *dy)
{
    return yl__tape_give(node, 0, dy);
}

yl_status yl__tape_copy(const char *name, const yl_tensor *from, yl_tensor *result)
{
    return yl__tape_note(result, &(yl__note){.name = name, .pull = pull_copy, .inputs = {from}});
}

/* ---- leaves -------------------------------------------------------------------------------------------------------- */

static yl_status check_leaf(const yl_tensor *t)
{
    char text[128];
    yl_tensor_describe(t, text, sizeof text);
    if (yl__is_integer(t->dtype))
        return yl__fail(YL_INVALID, "requires_grad: expected a tensor of floats, got %s", text);
    if (t->detached)
        return yl__fail(YL_INVALID,
                        "requires_grad: a detached tensor shares the memory of one that has a history; clone() "
                        "it first");
    return YL_OK;
}

yl_status yl_tensor_require_grad(yl_tensor *t, bool yes)
{
    yl__history *h = yl__tensor_history(t);
    if (yes == follows(t)) return YL_OK;
    if (!yes && !h->leaf)
        return yl__fail(YL_INVALID,
                        "requires_grad: this tensor was computed from others; detach() gives its values alone");
    if (!yes) {
        h->node->dropped = true;
        release(h->node);
        h->node = NULL;
        h->leaf = false;
        return YL_OK;
    }
    YL_TRY(check_leaf(t));
    YL_TRY(new_node(t, &(yl__note){.name = "leaf"}, &h->node));
    h->node->leaf = h->leaf = true;
    h->release = release;
    return YL_OK;
}

static yl_status find_leaf(const yl_tensor *t, yl_node **out)
{
    *out = NULL;
    if (!follows(t)) return YL_OK;
    if (!yl__tensor_history(t)->leaf)
        return yl__fail(YL_INVALID, "grad: this tensor was computed from others; the gradients of those are kept whose "
                                    "requires_grad was set");
    *out = yl__tensor_history(t)->node;
    return YL_OK;
}

yl_status yl_tensor_grad(const yl_tensor *t, yl_tensor **out)
{
    yl_node *leaf;
    *out = NULL;
    YL_TRY(find_leaf(t, &leaf));
    if (!leaf || !leaf->gradient) return YL_OK;
    yl__window w = yl__tensor_window(t);
    return yl__node_view(leaf, &w, out);
}

yl_status yl_tensor_set_grad(yl_tensor *t, const yl_tensor *gradient)
{
    yl_node *leaf;
    yl_tensor *place, *wide = NULL;
    YL_TRY(find_leaf(t, &leaf));
    if (!leaf) return yl__fail(YL_INVALID, "grad: expected a tensor whose requires_grad is set");
    yl_tensor_release(leaf->gradient);
    leaf->gradient = NULL;
    if (!gradient) return YL_OK;
    yl__window w = yl__tensor_window(t);
    YL_TRY(yl__node_room(leaf));
    YL_TRY(yl__node_view(leaf, &w, &place));
    yl_status status = yl_tensor_expand(gradient, t->n_dims, t->dims, &wide);
    if (status == YL_OK) {
        status = yl__node_give(leaf, &w, wide);
    }
    yl_tensor_release(wide);
    yl_tensor_release(place);
    return status;
}

yl_status yl_tensor_grad_into(yl_tensor *t, yl_tensor *memory)
{
    yl_node *leaf;
    char text[128];
    YL_TRY(find_leaf(t, &leaf));
    yl_tensor_describe(memory, text, sizeof text);
    if (!leaf || !overwrites_all(t) || memory->dtype != leaf->dtype || !yl_tensor_contiguous(memory) ||
        yl_tensor_count(memory) != leaf->extent)
        return yl__fail(YL_INVALID, "grad: %s is no memory for the gradient of this leaf", text);
    yl_tensor_release(leaf->gradient);
    leaf->gradient = NULL;
    YL_TRY(yl_tensor_view(memory, &leaf->gradient));
    yl__tensor_set_dims(leaf->gradient, 1, &leaf->extent);
    return YL_OK;
}

/* ---- the walk back ------------------------------------------------------------------------------------------------- */

yl_status yl__node_view(const yl_node *node, const yl__window *window, yl_tensor **out)
{
    YL_TRY(yl_tensor_view(node->gradient, out));
    yl_tensor *v = *out;
    v->n_dims = window->n_dims;
    v->offset = window->offset;
    memcpy(v->dims, window->dims, sizeof v->dims);
    memcpy(v->strides, window->strides, sizeof v->strides);
    for (int d = 0; d < v->n_dims; d++) v->spread |= v->strides[d] == 0 && v->dims[d] > 1;
    return YL_OK;
}

static yl_status new_on_host(yl_dtype dtype, int n_dims, const int64_t *dims, yl_tensor **out)
{
    yl_device *cpu;
    YL_TRY(yl_device_get("cpu", &cpu));
    return yl_tensor_new(cpu, dtype, n_dims, dims, out);
}

yl_status yl__node_room(yl_node *node)
{
    return node->gradient ? YL_OK : new_on_host(node->dtype, 1, &node->extent, &node->gradient);
}

yl_status yl__tape_new(const yl_node *node, int input, yl_tensor **out)
{
    const yl__window *w = &node->inputs[input].window;
    return new_on_host(node->inputs[input].node->dtype, w->n_dims, w->dims, out);
}

/* to += dx, of equal dims; where elements of `to` share memory, all of theirs are added. */
static yl_status add(yl_tensor *to, const yl_tensor *dx)
{
    yl__walk w;
    char *base[2];
    double sum[YL__PIECE], x[YL__PIECE];
    YL_TRY(yl__tensor_host(to, &base[0]));
    YL_TRY(yl__tensor_host(dx, &base[1]));
    for (yl__walk_start(&w, 2, (const yl_tensor *const[]){to, dx}, base); !w.done; yl__walk_next(&w)) {
        yl__get_numbers(&w, 1, x);
        if (w.stride[0] != 0) {
            yl__get_numbers(&w, 0, sum);
            for (int64_t j = 0; j < w.count; j++) sum[j] += x[j];
            yl__put_numbers(&w, 0, sum);
            continue;
        }
        yl__load_numbers(to->dtype, w.at[0], 1, 1, sum);
        for (int64_t j = 0; j < w.count; j++) sum[0] += x[j];
        yl__store_numbers(to->dtype, sum, 1, w.at[0], 1);
    }
    return YL_OK;
}

/* The view without the axes along which its elements repeat. */
static void drop_repeats(yl_tensor *view)
{
    int n = 0;
    for (int d = 0; d < view->n_dims; d++) {
        if (view->strides[d] == 0 && view->dims[d] > 1) continue;
        view->dims[n] = view->dims[d];
        view->strides[n++] = view->strides[d];
    }
    view->n_dims = n;
    view->spread = false;
}

/* Sums over repeats are kept in double precision. */
static yl_status add_repeats(yl_tensor *to, const yl_tensor *dx)
{
    yl_tensor *sums, *wide, *once;
    YL_TRY(yl_tensor_view(to, &once));
    drop_repeats(once);
    yl_status status = new_on_host(YL_F64, once->n_dims, once->dims, &sums);
    if (status == YL_OK) {
        status = yl_tensor_view(sums, &wide);
        if (status == YL_OK) {
            wide->n_dims = to->n_dims;
            for (int d = to->n_dims - 1, k = once->n_dims - 1; d >= 0; d--) {
                bool repeats = to->strides[d] == 0 && to->dims[d] > 1;
                wide->dims[d] = to->dims[d];
                wide->strides[d] = repeats ? 0 : sums->strides[k--];
            }
            status = add(wide, dx);
            if (status == YL_OK) status = add(once, sums);
            yl_tensor_release(wide);
        }
        yl_tensor_release(sums);
    }
    yl_tensor_release(once);
    return status;
}

yl_status yl__node_give(yl_node *to, const yl__window *window, const yl_tensor *dx)
{
    yl_tensor *place = NULL, *wide = NULL;
    YL_TRY(yl__node_room(to));
    yl_status status = yl__node_view(to, window, &place);
    if (status == YL_OK) status = yl_tensor_expand(dx, window->n_dims, window->dims, &wide);
    if (status == YL_OK) status = place->spread ? add_repeats(place, wide) : add(place, wide);
    yl_tensor_release(place);
    yl_tensor_release(wide);
    return status;
}

yl_status yl__tape_give(const yl_node *node, int input, const yl_tensor *dx)
{
    if (!yl__tape_wants(node, input)) return YL_OK;
    return yl__node_give(node->inputs[input].node, &node->inputs[input].window, dx);
}

/* Whether the tensor can become the gradient of the memory that the window shows. */
static bool fits(const yl_node *to, const yl__window *w, const yl_tensor *dx)
{
    int64_t stride = 1;
    if (to->gradient || w->offset != 0 || w->n_dims != dx->n_dims || dx->dtype != to->dtype || dx->offset != 0)
        return false;
    for (int d = w->n_dims - 1; d >= 0; stride *= w->dims[d--])
        if (w->dims[d] != dx->dims[d] || (w->dims[d] > 1 && w->strides[d] != stride)) return false;
    return stride == to->extent && yl__tensor_extent(dx) == to->extent && dx->references == 1 &&
           yl_tensor_contiguous(dx);
}

yl_status yl__tape_give_new(const yl_node *node, int input, yl_tensor *dx)
{
    yl_node *to = yl__tape_wants(node, input) ? node->inputs[input].node : NULL;
    if (to && fits(to, &node->inputs[input].window, dx)) {
        yl__tensor_set_dims(dx, 1, &to->extent);
        to->gradient = dx;
        return YL_OK;
    }
    yl_status status = yl__tape_give(node, input, dx);
    yl_tensor_release(dx);
    return status;
}
