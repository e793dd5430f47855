/* The walk back from a result to the leaves it was computed from: each node's gradient is complete when those after it are done. */
#include "core/memory.h"
#include "tensor/tape.h"

#include <stdlib.h>

static _Thread_local int64_t walks;

typedef struct walk {
    yl_node **nodes;
    int64_t count, capacity;
} walk;

static yl_status visit(walk *w, yl_node *n)
{
    if (!n || n->visited == walks) return YL_OK;
    YL_TRY(yl__reserve(w->count + 1, &w->capacity, sizeof(yl_node *), &w->nodes));
    n->visited = walks;
    w->nodes[w->count++] = n;
    return YL_OK;
}

static int latest_first(const void *a, const void *b)
{
    int64_t x = (*(yl_node *const *)a)->order, y = (*(yl_node *const *)b)->order;
    return (x < y) - (x > y);
}

/* All nodes that the root was computed from, the latest first. */
static yl_status collect(walk *w, yl_node *root)
{
    walks++;
    YL_TRY(visit(w, root));
    for (int64_t i = 0; i < w->count; i++) {
        yl_node *n = w->nodes[i];
        YL_TRY(visit(w, n->before));
        for (int k = 0; k < n->n_inputs; k++) YL_TRY(visit(w, n->inputs[k].node));
    }
    if (w->count > 0) qsort(w->nodes, (size_t)w->count, sizeof *w->nodes, latest_first);
    return YL_OK;
}

static bool any_wanted(const yl_node *n)
{
    for (int i = 0; i < n->n_inputs; i++)
        if (yl__tape_wants(n, i)) return true;
    return n->before && n->before->wanted;
}

/* Which nodes lead to a leaf whose gradient is asked for: the earliest first. */
static void find_wanted(const walk *w)
{
    for (int64_t i = w->count - 1; i >= 0; i--) {
        yl_node *n = w->nodes[i];
        n->wanted = n->leaf ? !n->dropped : any_wanted(n);
    }
}

/* ---- what would make it fail, before anything has changed ---------------------------------------------------------- */

static yl_status check_saved(const yl_node *n)
{
    for (int i = 0; i < n->n_saved; i++) {
        void *data;
        if (!n->saved[i].t) continue;
        YL_TRY(yl_tensor_data(n->saved[i].t, &data));
        if (n->saved[i].version == yl__tensor_version(n->saved[i].t)) continue;
        return yl__fail(YL_INVALID,
                        "backward: the gradient of '%s' needs a value that was changed in place %s; change a "
                        "clone() of it",
                        n->name, n->saved[i].version < 0 ? "by it" : "afterwards");
    }
    return YL_OK;
}

static bool has_inputs(const yl_node *n)
{
    for (int i = 0; i < n->n_inputs; i++)
        if (yl__tape_wants(n, i)) return true;
    return false;
}

static yl_status check_all(const walk *w)
{
    for (int64_t i = 0; i < w->count; i++) {
        const yl_node *n = w->nodes[i];
        if (n->leaf || !n->wanted) continue;
        if (!n->pull && has_inputs(n))
            return yl__fail(YL_INVALID,
                            "backward: '%s' has no gradient; detach() what it is given where none is needed", n->name);
        YL_TRY(check_saved(n));
    }
    return YL_OK;
}

static yl_status check_root(const yl_tensor *t, const yl_tensor *gradient)
{
    char text[128], got[128];
    yl_tensor_describe(t, text, sizeof text);
    if (t->detached || !yl__tensor_history(t)->node)
        return yl__fail(YL_INVALID, "backward: this %s was computed from no tensor that requires a gradient", text);
    if (!gradient && yl_tensor_count(t) != 1)
        return yl__fail(YL_INVALID,
                        "backward: expected a tensor of one element, such as a sum, got %s; backward(gradient) "
                        "takes the gradient of what is computed from it",
                        text);
    if (!gradient) return YL_OK;
    bool same = gradient->n_dims == t->n_dims;
    for (int d = 0; same && d < t->n_dims; d++) same = gradient->dims[d] == t->dims[d];
    yl_tensor_describe(gradient, got, sizeof got);
    return same ? YL_OK : yl__fail(YL_INVALID, "backward: expected a gradient of the sizes of %s, got %s", text, got);
}

/* ---- the walk ------------------------------------------------------------------------------------------------------ */

static yl_status start(const yl_tensor *t, const yl_tensor *gradient)
{
    yl_tensor *one = NULL;
    yl_node *node = yl__tensor_history(t)->node;
    yl__window window = yl__tensor_window(t);
    if (!node->wanted) return YL_OK;
    if (gradient) return yl__node_give(node, &window, gradient);
    YL_TRY(yl__tensor_for(t, YL_F64, 0, NULL, &one));
    yl_status status = yl_tensor_fill(one, 1);
    if (status == YL_OK) status = yl__node_give(node, &window, one);
    yl_tensor_release(one);
    return status;
}

/* What remains of the gradient for the memory as it was before this write: nothing of what was overwritten. */
static yl_status pass_on(yl_node *n, yl_tensor *written)
{
    yl_tensor *rest = n->gradient;
    YL_TRY(yl_tensor_fill(written, 0));
    n->gradient = NULL;
    if (!n->before->gradient) {
        n->before->gradient = rest;
        return YL_OK;
    }
    yl_status status = yl_tensor_binary_into(YL_BINARY_ADD, n->before->gradient, rest);
    yl_tensor_release(rest);
    return status;
}

static yl_status step(yl_node *n)
{
    yl_tensor *written, *dy = NULL;
    YL_TRY(yl__node_view(n, &n->window, &written));
    yl_status status = YL_OK;
    if (n->before) {
        status = n->pull ? yl_tensor_clone(written, &dy) : YL_OK;
        if (status == YL_OK) status = pass_on(n, written);
    }
    if (status == YL_OK && n->pull) status = n->pull(n, dy ? dy : written);
    yl_tensor_release(dy);
    yl_tensor_release(written);
    return status;
}

/* With an earlier failure only what has been gathered goes. */
static yl_status run(const walk *w, yl_status status)
{
    for (int64_t i = 0; i < w->count; i++) {
        yl_node *n = w->nodes[i];
        if (n->leaf || !n->gradient) continue; /* none: nothing wanted, or reached, lies before it */
        if (status == YL_OK) status = step(n);
        yl_tensor_release(n->gradient);
        n->gradient = NULL;
    }
    return status;
}

yl_status yl_tensor_backward(const yl_tensor *t, const yl_tensor *gradient)
{
    walk w = {0};
    YL_TRY(check_root(t, gradient));
    yl_status status = collect(&w, yl__tensor_history(t)->node);
    if (status == YL_OK) find_wanted(&w);
    if (status == YL_OK) status = check_all(&w);
    yl_tape_pause(1);
    if (status == YL_OK) status = start(t, gradient);
    status = run(&w, status);
    yl_tape_pause(-1);
    yl__free(w.nodes);
    return status;
}
