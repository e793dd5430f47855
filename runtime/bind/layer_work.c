/* Forward, backward and loss of a layer written in Lua.
 *
 * The tensors are valid only during the call; using one later is an error. Outputs and gradients arrive
 * as zeros, to be written or added to; what has to be added to something that is there already (a second reader's input
 * gradient, a slab's parameter gradient) goes through a tensor of the call's own. */
#include "bind/layer_objects.h"
#include "bind/tensor_objects.h"

#include <string.h>

static yl__layer_tape *tape_of(const yl__layer_call *c)
{
    return c->pass->prepared;
}

/* Pushes a tensor over memory that is the call's until it returns. */
static void lend(lua_State *L, yl__layer_call *c, yl_dtype type, int n_dims, const int64_t *dims, const void *data)
{
    yl_tensor **box = yl__new_tensor(L);
    yl__check(L, yl_tensor_wrap(c->pass->ctx->device, type, n_dims, dims, (void *)data, NULL, box));
    c->lent[c->n_lent++] = yl_tensor_retain(*box);
}

static void lend_activation(lua_State *L, yl__layer_call *c, yl_shape s, const void *data)
{
    lend(L, c, c->pass->setting->dtype, 4, (int64_t[]){s.n, s.h, s.w, s.c}, data);
}

/* Pushes zeros for a gradient, which end up at `target`: added to what is there, or instead of it. */
static void lend_gradient(lua_State *L, yl__layer_call *c, yl_dtype type, int n_dims, const int64_t *dims, void *target,
                          bool add)
{
    yl_device *device = c->pass->ctx->device;
    if (!add) {
        lend(L, c, type, n_dims, dims, target);
        yl__check(L, device->zero(device, target, yl_tensor_bytes(c->lent[c->n_lent - 1])));
        return;
    }
    yl_tensor **box = yl__new_tensor(L);
    yl__check(L, yl_tensor_new(device, type, n_dims, dims, box));
    c->sums[c->n_sums++] = (yl__sum){*box, target};
    c->lent[c->n_lent++] = yl_tensor_retain(*box);
}

/* "weight" of "conv3.weight" */
static const char *last_name(const yl_range *range)
{
    return strrchr(range->name, '.') + 1;
}

/* l.parameters, and with `gradients` l.gradients: by name; a frozen one has no gradient. */
static void lend_parameters(lua_State *L, yl__layer_call *c, bool gradients)
{
    const yl_pass *p = c->pass;
    lua_newtable(L);
    for (int k = 0; k < c->layer->n_params; k++) {
        const yl_range *r = p->range[k];
        if (gradients && !p->dparam[k]) continue;
        if (gradients)
            lend_gradient(L, c, YL_F32, r->n_dims, r->dims, p->dparam[k], true);
        else
            lend(L, c, YL_F32, r->n_dims, r->dims, p->param[k]);
        if (!gradients) tape_of(c)->params[k] = c->lent[c->n_lent - 1];
        lua_setfield(L, -2, last_name(r));
    }
    lua_setfield(L, -2, gradients ? "gradients" : "parameters");
}

static void lend_inputs(lua_State *L, yl__layer_call *c)
{
    lua_createtable(L, c->layer->n_inputs, 0);
    for (int k = 0; k < c->layer->n_inputs; k++) {
        lend_activation(L, c, c->pass->setting->in[k], c->pass->x[k]);
        tape_of(c)->inputs[k] = c->lent[c->n_lent - 1];
        lua_rawseti(L, -2, k + 1);
    }
    lua_setfield(L, -2, "inputs");
}

static void lend_input_gradients(lua_State *L, yl__layer_call *c)
{
    const yl_pass *p = c->pass;
    lua_newtable(L);
    for (int k = 0; k < c->layer->n_inputs; k++) {
        yl_shape s = p->setting->in[k];
        if (!p->dx[k]) continue;
        lend_gradient(L, c, p->setting->dtype, 4, (int64_t[]){s.n, s.h, s.w, s.c}, p->dx[k], p->dx_beta[k] != 0);
        lua_rawseti(L, -2, k + 1);
    }
    lua_setfield(L, -2, "input_gradients");
}

/* l.state: a table that this plan keeps for this layer, from a forward call to its backward. */
static void push_state(lua_State *L, const void *prepared)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, prepared) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, prepared);
    }
    lua_setfield(L, -2, "state");
}

static void set_integer(lua_State *L, const char *key, int64_t value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

/* The table that every function is called with: the layer, its options, where the run stands. */
static void push_call(lua_State *L, yl__layer_call *c)
{
    const yl_pass *p = c->pass;
    lua_createtable(L, 0, 16);
    lua_pushstring(L, c->layer->name), lua_setfield(L, -2, "name");
    lua_pushstring(L, p->setting->mode == YL_TRAIN ? "train" : "infer"), lua_setfield(L, -2, "mode");
    lua_pushboolean(L, p->update_statistics), lua_setfield(L, -2, "update_statistics");
    set_integer(L, "seed", (int64_t)p->seed);
    set_integer(L, "step", p->step);
    set_integer(L, "index", p->layer_index + 1);
    yl__layer_options(L, c->layer), lua_setfield(L, -2, "options");
    push_state(L, p->prepared);
    lend_parameters(L, c, false);
}

static yl_status mark_written(void *context)
{
    ((yl__layer_tape *)context)->written = true;
    return YL_OK;
}

/* The output, which is zeros until the call writes into it. */
static void lend_output(lua_State *L, yl__layer_call *c)
{
    yl_device *device = c->pass->ctx->device;
    yl_shape s = c->pass->setting->out;
    yl_owner owner = {.context = tape_of(c), .written = mark_written};
    yl_tensor **box = yl__new_tensor(L);
    yl__check(L, yl_tensor_wrap(device, c->pass->setting->dtype, 4, (int64_t[]){s.n, s.h, s.w, s.c}, c->pass->y, &owner,
                                box));
    c->lent[c->n_lent++] = tape_of(c)->y = yl_tensor_retain(*box);
    tape_of(c)->written = false;
    yl__check(L, device->zero(device, c->pass->y, yl_tensor_bytes(*box)));
}

static int do_forward(lua_State *L)
{
    yl__layer_call *c = lua_touserdata(L, 1);
    yl__layer_function(L, c, "forward");
    push_call(L, c);
    lend_inputs(L, c);
    lend_output(L, c);
    lua_setfield(L, -2, "y");
    if (yl__layer_notes(c->pass)) yl__check(L, yl__layer_note_leaves(c->pass));
    lua_call(L, 1, 0);
    if (tape_of(c)->written) return 0;
    yl__layer_function(L, c, "unwritten");
    lua_call(L, 0, 0);
    return 0;
}

static int do_backward(lua_State *L)
{
    yl__layer_call *c = lua_touserdata(L, 1);
    const yl__made_kind *k = yl__made_of(c->layer);
    yl__layer_function(L, c, "backward");
    push_call(L, c);
    lend_parameters(L, c, true);
    if (k->reads & YL_READS_X) lend_inputs(L, c);
    if (k->reads & YL_READS_Y) {
        lend_activation(L, c, c->pass->setting->out, c->pass->y);
        lua_setfield(L, -2, "y");
    }
    lend_activation(L, c, c->pass->setting->out, c->pass->dy);
    lua_setfield(L, -2, "dy");
    lend_input_gradients(L, c);
    lua_call(L, 1, 0);
    return 0;
}

/* l.truth: rows {n, cap, 6} (cx, cy, w, h, class from 0, kind; with attributes one more number each) and how many of them each image has */
static void push_truth(lua_State *L, yl__layer_call *c)
{
    const yl_truth *t = c->truth;
    lua_createtable(L, 0, 2);
    lend(L, c, YL_F32, 3, (int64_t[]){t->n, t->cap, yl_truth_fields(t)}, t->rows);
    lua_setfield(L, -2, "rows");
    lua_createtable(L, (int)t->n, 0);
    for (int64_t i = 0; i < t->n; i++) {
        lua_pushinteger(L, t->counts[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "counts");
    lua_setfield(L, -2, "truth");
}

static int do_loss(lua_State *L)
{
    yl__layer_call *c = lua_touserdata(L, 1);
    const yl__made_kind *k = yl__made_of(c->layer);
    yl__layer_function(L, c, "loss");
    push_call(L, c);
    if (yl__layer_notes(c->pass)) {
        yl__check(L, yl__layer_aim(c->pass));
        yl__check(L, yl_tensor_view(tape_of(c)->y, yl__new_tensor(L)));
    } else
        lend_activation(L, c, c->pass->setting->out, c->pass->y);
    lua_setfield(L, -2, "y");
    push_truth(L, c);
    if (!k->tape) lend_input_gradients(L, c);
    lua_call(L, 1, 1);
    for (int i = 0; k->parts[i]; i++) {
        if (lua_getfield(L, -1, k->parts[i]) != LUA_TNUMBER)
            return yl__error(L, "expected the loss to return {%s = number}, got a %s", k->parts[i],
                             luaL_typename(L, -1));
        c->parts[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return 0;
}

static yl_status add_sums(const yl__layer_call *c)
{
    for (int i = 0; i < c->n_sums; i++) {
        yl_tensor *to;
        const yl_tensor *made = c->sums[i].made;
        YL_TRY(
            yl_tensor_wrap(c->pass->ctx->device, made->dtype, made->n_dims, made->dims, c->sums[i].target, NULL, &to));
        yl_status status = yl_tensor_binary_into(YL_BINARY_ADD, to, made);
        yl_tensor_release(to);
        YL_TRY(status);
    }
    return YL_OK;
}

static yl_status work(lua_CFunction body, yl__layer_call *c)
{
    yl_status status = yl__layer_protect(body, c);
    if (status == YL_OK) status = add_sums(c);
    if (status == YL_OK && body == do_forward && yl__layer_notes(c->pass)) yl__layer_keep(c);
    for (int i = 0; i < c->n_lent; i++) {
        yl_tensor_kill(c->lent[i]);
        yl_tensor_release(c->lent[i]);
    }
    return status;
}

yl_status yl__layer_forward(yl_pass *p)
{
    yl__layer_call c = {.layer = p->layer, .pass = p};
    yl__layer_drop(p->prepared);
    return work(do_forward, &c);
}

yl_status yl__layer_backward(yl_pass *p)
{
    yl__layer_call c = {.layer = p->layer, .pass = p};
    return work(do_backward, &c);
}

yl_status yl__layer_loss(yl_pass *p, const yl_truth *truth, double parts[YL_MAX_LOSS_PARTS])
{
    yl__layer_call c = {.layer = p->layer, .pass = p, .truth = truth, .parts = parts};
    yl_status status = work(do_loss, &c);
    yl__layer_drop(p->prepared);
    return status;
}

void yl__layer_forget(const yl_layer *layer, void *prepared)
{
    lua_State *L = yl__made_of(layer)->L;
    yl__layer_drop(prepared);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, prepared);
}
