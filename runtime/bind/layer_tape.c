/* Layers written in Lua without a backward of their own: forward's operations are noted (tensor/tape.h), and backward walks them back. What
 * forward was lent stays valid until then. */
#include "bind/layer_objects.h"

void yl__layer_drop(yl__layer_tape *tape)
{
    for (int i = 0; i < tape->n_lent; i++) {
        yl_tensor_kill(tape->lent[i]);
        yl_tensor_release(tape->lent[i]);
    }
    *tape = (yl__layer_tape){.written = tape->written};
}

bool yl__layer_notes(const yl_pass *p)
{
    return yl__made_of(p->layer)->tape && (p->setting->wants_dx || p->setting->wants_dparams);
}

/* Statistics are no leaves: forward may change them. */
yl_status yl__layer_note_leaves(const yl_pass *p)
{
    yl__layer_tape *tape = p->prepared;
    for (int k = 0; k < p->layer->n_inputs; k++) YL_TRY(yl_tensor_require_grad(tape->inputs[k], true));
    for (int k = 0; k < p->layer->n_params; k++)
        if (p->range[k]->kind != YL_STATISTIC) YL_TRY(yl_tensor_require_grad(tape->params[k], true));
    return YL_OK;
}

void yl__layer_keep(yl__layer_call *c)
{
    yl__layer_tape *tape = c->pass->prepared;
    for (int i = 0; i < c->n_lent; i++) tape->lent[i] = c->lent[i];
    tape->n_lent = c->n_lent;
    c->n_lent = 0;
}

/* The leaf's gradient is added to what lies at `target`, or NULL: nobody wants it. */
static yl_status aim(yl_device *device, yl_tensor *leaf, void *target, bool add)
{
    yl_tensor *place;
    if (!target) return yl_tensor_require_grad(leaf, false);
    if (!add) YL_TRY(device->zero(device, target, yl_tensor_bytes(leaf)));
    YL_TRY(yl_tensor_wrap(device, leaf->dtype, leaf->n_dims, leaf->dims, target, NULL, &place));
    yl_status status = yl_tensor_grad_into(leaf, place);
    yl_tensor_release(place);
    return status;
}

yl_status yl__layer_aim(const yl_pass *p)
{
    yl__layer_tape *tape = p->prepared;
    yl_device *device = p->ctx->device;
    if (!tape->y) return yl__fail(YL_INVALID, "%s: backward was asked for without a forward before it", p->layer->name);
    for (int k = 0; k < p->layer->n_inputs; k++) YL_TRY(aim(device, tape->inputs[k], p->dx[k], p->dx_beta[k] != 0));
    for (int k = 0; k < p->layer->n_params; k++)
        if (p->range[k]->kind != YL_STATISTIC) YL_TRY(aim(device, tape->params[k], p->dparam[k], true));
    return YL_OK;
}

static yl_status walk_back(const yl_pass *p)
{
    yl__layer_tape *tape = p->prepared;
    yl_tensor *dy;
    YL_TRY(yl__layer_aim(p));
    YL_TRY(yl_tensor_wrap(p->ctx->device, tape->y->dtype, tape->y->n_dims, tape->y->dims, (void *)p->dy, NULL, &dy));
    yl_status status = yl_tensor_backward(tape->y, dy);
    yl_tensor_release(dy);
    return status;
}

yl_status yl__layer_walk_back(yl_pass *p)
{
    yl_status status = walk_back(p);
    yl__layer_drop(p->prepared);
    return status == YL_OK ? status : yl__fail_in(status, "%s", p->layer->name);
}
