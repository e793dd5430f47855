/* A network on a tensor: apply.h. */
#include "net/apply.h"
#include "core/memory.h"

#include <string.h>

typedef struct walk {
    yl_net *net;
    yl_tensor *x;     /* the input */
    yl_tensor **made; /* by layer; NULL: not made yet, or no longer needed */
    int *readers;     /* by layer: how many that still have to run read it, callers included; 0: it does not run */
} walk;

static yl_tensor *value_of(const walk *w, int layer)
{
    return layer < 0 ? w->x : w->made[layer];
}

static void find_readers(const walk *w, int count, const int *wanted)
{
    const yl_net *net = w->net;
    for (int i = 0; i < count; i++) w->readers[wanted[i]]++;
    for (int i = net->n_layers - 1; i >= 0; i--)
        for (int k = 0; w->readers[i] && k < net->layers[i].n_inputs; k++)
            if (net->layers[i].inputs[k] >= 0) w->readers[net->layers[i].inputs[k]]++;
}

static void let_go(const walk *w, int layer)
{
    if (layer < 0 || --w->readers[layer] > 0) return;
    yl_tensor_release(w->made[layer]);
    w->made[layer] = NULL;
}

static yl_status run_layer(const walk *w, int i, const yl_apply_options *options)
{
    const yl_layer *l = &w->net->layers[i];
    yl_tensor *inputs[YL_MAX_INPUTS];
    yl_given params[YL_MAX_PARAMS] = {{NULL, NULL}};
    yl_status status = YL_OK;
    for (int k = 0; k < l->n_inputs; k++) inputs[k] = value_of(w, l->inputs[k]);
    for (int k = 0; k < l->n_params && status == YL_OK; k++) {
        params[k].name = strrchr(w->net->ranges[l->params[k]].name, '.') + 1;
        status = yl_net_tensor(w->net, l->params[k], "value", &params[k].t);
    }
    if (status == YL_OK) status = yl_layer_apply(l, i, inputs, l->n_params, params, options, &w->made[i]);
    for (int k = 0; k < l->n_params; k++) yl_tensor_release(params[k].t);
    for (int k = 0; k < l->n_inputs; k++) let_go(w, l->inputs[k]);
    return status;
}

static yl_status check_input(const yl_net *net, const yl_tensor *x)
{
    char got[128];
    yl_tensor_describe(x, got, sizeof got);
    if (x->n_dims == 4 && x->dims[3] == net->c) return YL_OK;
    return yl__fail(YL_INVALID, "forward: expected f32 {n, h, w, %lld}, such as {1, %lld, %lld, %lld}, got %s",
                    (long long)net->c, (long long)net->h, (long long)net->w, (long long)net->c, got);
}

static yl_status run(walk *w, const yl_apply_options *options, int count, const int *wanted, yl_tensor **outs)
{
    const yl_net *net = w->net;
    YL_TRY(yl__calloc(net->n_layers, sizeof *w->made, &w->made));
    YL_TRY(yl__calloc(net->n_layers, sizeof *w->readers, &w->readers));
    find_readers(w, count, wanted);
    for (int i = 0; i < net->n_layers; i++)
        if (w->readers[i]) YL_TRY(run_layer(w, i, options));
    for (int i = 0; i < count; i++) outs[i] = yl_tensor_retain(w->made[wanted[i]]);
    return YL_OK;
}

yl_status yl_net_apply(yl_net *net, const yl_tensor *x, const yl_apply_options *options, int count, const int *wanted,
                       yl_tensor **outs)
{
    walk w = {.net = net};
    YL_TRY(check_input(net, x));
    YL_TRY(yl__net_runnable(net, "forward"));
    YL_TRY(yl_tensor_view(x, &w.x));
    yl__net_busy(net, 1); /* a layer's own function may not take the network away meanwhile */
    yl_status status = run(&w, options, count, wanted, outs);
    yl__net_busy(net, -1);
    for (int i = 0; w.made && i < net->n_layers; i++) yl_tensor_release(w.made[i]);
    yl_tensor_release(w.x);
    yl__free(w.made);
    yl__free(w.readers);
    return status;
}
