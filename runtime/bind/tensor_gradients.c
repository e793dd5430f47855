/* Gradients of tensors for Lua: what asks for them and gives them. lua/yolua/tensor/grad.lua and no_grad.lua build on it. */
#include "bind/tensor_objects.h"
#include "tensor/rows.h"

#include <string.h>

#define PAUSE_CLASS "yolua.pause"

/* Functions that are being differentiated now: a gradient inside of one would have to be differentiated itself. */
static _Thread_local int inside;

/* ---- fields -------------------------------------------------------------------------------------------------------- */

static int get_requires_grad(lua_State *L, const yl_tensor *t)
{
    lua_pushboolean(L, yl_tensor_requires_grad(t));
    return 1;
}

static int get_is_leaf(lua_State *L, const yl_tensor *t)
{
    lua_pushboolean(L, !yl_tensor_requires_grad(t) || yl_tensor_leaf(t));
    return 1;
}

static int get_grad(lua_State *L, const yl_tensor *t)
{
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_grad(t, out));
    if (!*out) lua_pushnil(L);
    return 1;
}

/* A network's tensor lasts only as long as somebody holds it, and so would what was asked of it. */
static void require_grad_of(lua_State *L, yl_tensor *t, bool yes)
{
    char text[128];
    yl_tensor_describe(t, text, sizeof text);
    if (yl__tensor_lent(t))
        yl__error(
            L,
            "requires_grad: the memory of %s belongs to a network: net:requires_grad_() asks for the gradients of "
            "its parameters, and a clone() is a tensor of its own",
            text);
    yl__check(L, yl_tensor_require_grad(t, yes));
}

static void set_requires_grad(lua_State *L, yl_tensor *t)
{
    if (!lua_isboolean(L, 3)) yl__error(L, "requires_grad: expected true or false, got %s", yl__shown(L, 3));
    require_grad_of(L, t, lua_toboolean(L, 3));
}

static void set_grad(lua_State *L, yl_tensor *t)
{
    yl__check(L, yl_tensor_set_grad(t, lua_isnil(L, 3) ? NULL : yl__check_tensor(L, 3)));
}

static const struct {
    const char *name;
    int (*get)(lua_State *L, const yl_tensor *t);
    void (*set)(lua_State *L, yl_tensor *t);
} fields[] = {{"requires_grad", get_requires_grad, set_requires_grad},
              {"grad", get_grad, set_grad},
              {"is_leaf", get_is_leaf, NULL}};

enum { FIELDS = sizeof fields / sizeof *fields };

bool yl__push_tensor_field(lua_State *L, const yl_tensor *t, const char *name)
{
    for (int i = 0; i < FIELDS; i++)
        if (strcmp(fields[i].name, name) == 0) return fields[i].get(L, t);
    return false;
}

bool yl__set_tensor_field(lua_State *L, yl_tensor *t, const char *name)
{
    for (int i = 0; i < FIELDS; i++) {
        if (!fields[i].set || strcmp(fields[i].name, name) != 0) continue;
        fields[i].set(L, t);
        return true;
    }
    return false;
}

/* ---- methods ------------------------------------------------------------------------------------------------------- */

/* t:requires_grad_([yes]) */
static int require_grad(lua_State *L)
{
    yl__check_count(L, 2);
    yl_tensor *t = yl__check_tensor(L, 1);
    if (!lua_isnoneornil(L, 2)) yl__check_type(L, 2, LUA_TBOOLEAN);
    require_grad_of(L, t, lua_isnoneornil(L, 2) || lua_toboolean(L, 2));
    lua_settop(L, 1);
    return 1;
}

/* t:backward([gradient]): adds to the `grad` of the tensors that t was computed from */
static int backward(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1), *gradient = NULL;
    if (lua_istable(L, 2))
        return yl__error(L,
                         "backward: gradients of gradients (create_graph) are not computed, and what it needs is kept "
                         "(retain_graph) for as long as the tensor; expected no options");
    yl__check_count(L, 2);
    if (!lua_isnoneornil(L, 2)) gradient = yl__check_tensor(L, 2);
    if (inside > 0)
        return yl__error(
            L, "backward: inside a function that yl.grad differentiates it would need gradients of gradients, "
               "which are not computed");
    yl__check(L, yl_tensor_backward(t, gradient));
    return 0;
}

/* t:detach(): a view that is a constant */
static int detach(lua_State *L)
{
    yl__check_count(L, 1);
    yl_tensor *t = yl__check_tensor(L, 1);
    yl__check(L, yl_tensor_detach(t, yl__new_tensor(L)));
    return 1;
}

/* ---- what holds for a while: closed by the end of a block -------------------------------------------------------------- */

typedef struct held {
    int tape, grad; /* what it has added */
} held;

static int pause_end(lua_State *L)
{
    held *p = yl__check_object(L, 1, PAUSE_CLASS);
    yl_tape_pause(-p->tape);
    inside -= p->grad;
    *p = (held){0, 0};
    return 0;
}

static int hold(lua_State *L, int tape, int grad)
{
    held *p = lua_newuserdatauv(L, sizeof *p, 0);
    *p = (held){0, 0};
    luaL_setmetatable(L, PAUSE_CLASS);
    *p = (held){tape, grad};
    yl_tape_pause(tape);
    inside += grad;
    return 1;
}

/* tensor.pause(): no operation is noted until it is closed, and inside it other gradients may be asked for */
static int pause_tape(lua_State *L)
{
    return hold(L, 1, -inside);
}

/* tensor.differentiate(): a function is being differentiated until it is closed. Errors: another one is. */
static int differentiate(lua_State *L)
{
    if (inside > 0)
        return yl__error(
            L, "yl.grad: the function is being differentiated already; gradients of gradients are not computed");
    return hold(L, 0, 1);
}

void yl__bind_tensor_gradients(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"requires_grad_", require_grad}, {"backward", backward}, {"detach", detach}, {NULL, NULL}};
    static const luaL_Reg pauses[] = {{"__close", pause_end}, {"__gc", pause_end}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"pause", pause_tape}, {"differentiate", differentiate}, {NULL, NULL}};
    yl__add_methods(L, YL_TENSOR_CLASS, methods);
    yl__class(L, PAUSE_CLASS, pauses);
    lua_getfield(L, -1, "tensor");
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
