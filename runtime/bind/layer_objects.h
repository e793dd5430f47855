/* Layers written in Lua: what their registering (bind/layer.c), their running (bind/layer_work.c) and every call of their
 * functions (bind/layer_call.c) share.
 *
 * The functions run under pcall on a Lua thread of their own, so that it does not matter from where, or from which coroutine,
 * a plan was run. */
#ifndef YL_BIND_LAYER_OBJECTS_H
#define YL_BIND_LAYER_OBJECTS_H

#include "bind/bind.h"
#include "layers/layer.h"
#include "tensor/tensor.h"

/* The kind's `context`. It lives until the Lua state closes: a network may use it for as long. */
typedef struct yl__made_kind {
    yl_layer_kind kind;
    yl_field_table table;
    lua_State *L; /* the thread */
    unsigned reads;
    bool tape;         /* no function gives the gradients: forward is noted */
    const char *width; /* the option that counts the output's channels; NULL: none */
    const char *parts[YL_MAX_LOSS_PARTS + 1];
    yl_field fields[];
} yl__made_kind;

enum { YL__MOST_LENT = 2 * YL_MAX_INPUTS + 2 * YL_MAX_PARAMS + 4 };

/* A gradient that the call made for itself, and where it is added afterwards. */
typedef struct yl__sum {
    yl_tensor *made;
    void *target;
} yl__sum;

/* A kind's `prepared`: what a layer keeps from forward to backward where forward is noted. Zeros: nothing. */
typedef struct yl__layer_tape {
    bool written;                                                 /* something was written into the output */
    yl_tensor *inputs[YL_MAX_INPUTS], *params[YL_MAX_PARAMS], *y; /* of `lent` */
    int n_lent;
    yl_tensor *lent[YL__MOST_LENT]; /* owned */
} yl__layer_tape;

/* One call of a function of the descriptor, from whichever room. */
typedef struct yl__layer_call {
    const yl_layer *layer;
    const yl_shape *in; /* questions: shape, parameters, flops, channels */
    yl_shape *out;
    yl_param *params;
    yl_channels *channels;
    int64_t number; /* how many parameters, or FLOPs; which channel is asked for */
    yl_pass *pass;  /* work: forward, backward, loss */
    const yl_truth *truth;
    double *parts;
    int n_lent, n_sums;
    yl_tensor *lent[YL__MOST_LENT];
    yl__sum sums[YL_MAX_INPUTS + YL_MAX_PARAMS];
} yl__layer_call;

static inline const yl__made_kind *yl__made_of(const yl_layer *layer)
{
    return layer->kind->context;
}

/* Runs body(call as light userdata) under pcall on the layers' thread. A failure becomes one sentence that ends with the places
 * in the user's files that the call came from. */
yl_status yl__layer_protect(lua_CFunction body, yl__layer_call *c);
/* Pushes the descriptor's function of that name. */
void yl__layer_function(lua_State *L, const yl__layer_call *c, const char *name);
/* Pushes the layer's options as a table of values. */
void yl__layer_options(lua_State *L, const yl_layer *layer);

/* Layers without a backward (bind/layer_tape.c). Whether this forward is to be noted. */
bool yl__layer_notes(const yl_pass *p);
/* Makes the inputs and parameters that forward is lent leaves. */
yl_status yl__layer_note_leaves(const yl_pass *p);
/* Keeps what the call was lent until the gradients are known, */
void yl__layer_keep(yl__layer_call *c);
/* and ends that. */
void yl__layer_drop(yl__layer_tape *tape);
/* Sends the gradients of the leaves to where the pass wants them. */
yl_status yl__layer_aim(const yl_pass *p);
yl_status yl__layer_walk_back(yl_pass *p);

/* The functions of a kind that do the work. */
yl_status yl__layer_forward(yl_pass *p);
yl_status yl__layer_backward(yl_pass *p);
yl_status yl__layer_loss(yl_pass *p, const yl_truth *truth, double parts[YL_MAX_LOSS_PARTS]);
void yl__layer_forget(const yl_layer *layer, void *prepared);

#endif
