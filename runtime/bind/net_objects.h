/* Networks and plans as Lua objects: what their bindings share. */
#ifndef YL_BIND_NET_OBJECTS_H
#define YL_BIND_NET_OBJECTS_H

#include "bind/fields.h"
#include "loader/batch.h"
#include "net/plan.h"
#include "tensor/tensor.h"

#define YL_NET_CLASS "yolua.net"
#define YL_PLAN_CLASS "yolua.plan"

static inline yl_net *yl__check_net(lua_State *L, int index)
{
    return yl__object(L, index, YL_NET_CLASS);
}

static inline yl_plan *yl__check_plan(lua_State *L, int index)
{
    return yl__object(L, index, YL_PLAN_CLASS);
}

/* The plan at `index`, which the call named `what` is about to run or to change: refused while a call is at work on its network. */
yl_plan *yl__runnable_plan(lua_State *L, int index, const char *what);
/* Pushes a network object that owns `net`. */
void yl__push_net(lua_State *L, yl_net *net);
/* Pushes what keeps the network from being freed or remade until it is closed or collected, when `lent` (a tensor over its
 * memory, or NULL) ends as well. Defined in bind/hold.c. */
void yl__hold_net(lua_State *L, yl_net *net, yl_tensor *lent);
/* Runs the plan's losses against the truth and pushes {layer = {part = sum}}; returns 1. `owner`: the stack index of the object that
 * the truth lies in, or 0. */
int yl__push_loss(lua_State *L, yl_plan *plan, const yl_net *net, const yl_truth *truth, int owner);
/* The loader's batch at `index` (bind/loader.c), still valid, or an error. */
const yl_batch *yl__check_batch(lua_State *L, int index);
/* 0-based index of the layer named (string) or numbered (1-based integer, 0 gives -1) at `index`. */
int yl__check_layer(lua_State *L, const yl_net *net, int index);
/* A Lua list of numbers from / to a float array. */
void yl__push_floats(lua_State *L, const float *values, int64_t count);
void yl__check_floats(lua_State *L, int index, float *out, int64_t count, const char *what);
void yl__push_shape(lua_State *L, yl_shape shape);
/* Scratch memory that the garbage collector frees whatever happens. */
void *yl__scratch(lua_State *L, size_t bytes);

#endif
