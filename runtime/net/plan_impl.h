/* The inside of a plan, shared by plan_create.c (which makes it), plan_steps.c (what runs), memory.c (where things lie), recompute.c (what is made
 * twice) and run.c (forward and backward). */
#ifndef YL_NET_PLAN_IMPL_H
#define YL_NET_PLAN_IMPL_H

#include "net/graph.h"
#include "net/plan.h"

/* A place in the arena. Activations and gradients that share memory point at the same one. */
typedef struct yl_place {
    size_t bytes, offset;
    int first, last; /* first and last moment of use, see yl_plan; first > last: never used */
    bool own;        /* each lane of the plan has one, at the same offset in its part of the arena */
} yl_place;

/* What flows between layers: value v is the output of layer v-1, value 0 the network's input. */
typedef struct yl_value_info {
    yl_shape shape;
    yl_dtype type;
    yl_quant quant; /* of type u8 */
    int producer;   /* step that makes it, -1: none in this plan */
    int place;      /* of the activation; -1: not in this plan */
    bool dropped;   /* not kept for backward, which makes it once more, */
    int again;      /* in this place; -1: it does not need it */
    int grad_place; /* -1: no gradient flows */
    int readers;    /* steps that take it as an input */
    int grad_writes;
} yl_value_info;

/* What a plan that computes like bytes does with value v, and with the weights of the layer that makes it. */
typedef struct yl_fake {
    bool value, weights;
    yl_quant quant;
} yl_fake;

/* The calls of a step: forward, forward once more, backward or loss. */
enum { YL__CALL_FORWARD, YL__CALL_AGAIN, YL__CALL_BACKWARD, YL__CALLS };

/* One call: a layer, with the layers fused into it. */
typedef struct yl_plan_step {
    int layer, output; /* `output`: the last fused layer, whose value this step makes */
    bool backward;     /* a gradient is computed for its input or parameters */
    yl_setting setting;
    yl_needs needs;
    void *prepared, *packed;
    uint64_t packed_version, values_version; /* that `packed` was written at, that `prepare` was called for */
    int state_place, dx_dummy;               /* -1: none */
    int scratch_place[YL__CALLS];
    int again_at; /* the step before whose backward its forward runs once more; -1: none */
    float dx_beta[YL_MAX_INPUTS];
    int turned_place[YL_MAX_INPUTS]; /* where an input lies in the type that the layer reads; -1: the value is of it */
    float *fake_weights;             /* in place of the first parameter; NULL: that itself */
    uint64_t fake_version;
    yl_pass forward_pass, backward_pass; /* pointers filled in by bind */
    double seconds[2];
} yl_plan_step;

/* What the arena holds of a plan, as long as the plan is its holder. */
typedef enum yl__stage { YL__NOTHING, YL__FED, YL__FORWARD, YL__LOSS, YL__BACKWARD } yl__stage;

/* A plan runs in slices: so many images pass through all layers before the next ones do. Where a slice is not the batch, values that
 * nobody reads from outside are as large as a slice, and lie where the slice before had them. Lanes run slices at the same time, each by a thread of
 * its own, which so never waits for another at the end of a layer; their parts of the arena lie one behind the other.
 *
 * Moments are in the order of yl__moment_*: each step's forward, the losses, then from the last step to the first what its backward needs
 * once more and that backward. */
struct yl_plan {
    yl_net *net;
    yl_plan_options options;
    yl_dtype type; /* of activations */
    char slab_name[16], algorithm[32];
    yl_ctx ctx;
    int64_t slice;     /* images; divides the batch */
    int64_t lanes;     /* at most as many as slices; with more than one, ctx has a single thread */
    size_t lane_bytes; /* of a lane's part of the arena */
    int n_steps, n_places;
    int64_t place_capacity;
    yl_plan_step *steps;
    yl_value_info *values; /* net->n_layers + 1 */
    bool *needs_grad;      /* per layer: it, or something that it is computed from, is trainable */
    bool *reaches_loss;    /* per layer: its output reaches a loss (or is the last) */
    bool *shown;           /* per layer: options.outputs names it */
    yl_place *places;
    yl_fake *fakes;      /* by value; NULL: options.quantise is off */
    int n_again, *again; /* steps that run forward once more, in that order */
    size_t arena_bytes, packed_bytes;
    void *bound_arena, *bound_values, *bound_grads;
    yl__stage stage;
    yl_step_info info; /* of the last forward */
    int n_given;       /* values that come from outside: the input, or a tail's cut */
    int n_cut;
    int *cut; /* values */
    bool timing;
    double (*parts)[YL_MAX_LOSS_PARTS]; /* of the losses, in device memory; twice as many as there are steps */
    void *truth;                        /* the last truth in device memory, where that is not the host's */
    size_t truth_bytes;
    yl_truth lent;      /* what the losses read of it */
    yl_now *now;        /* what changes between steps, in device memory */
    bool on_host;       /* some layer was registered at run time: its functions run on the host, which no graph holds */
    yl_graph graphs[3]; /* of forward, losses, backward */
};

/* plan_options.c: can this network and its device do what is asked for? Errors: INVALID, UNSUPPORTED. */
yl_status yl__plan_check_options(yl_net *net, const yl_plan_options *options);
/* plan_steps.c: the plan's steps, its cut and its slice, for layers whose outputs have these shapes. Errors: MEMORY. */
yl_status yl__plan_steps(yl_plan *plan, const yl_shape *shapes);
/* types.c: of which type values and the steps' inputs and outputs are. */
yl_status yl__plan_types(yl_plan *plan);
/* Inputs of a step that have to be of another type than the value is, turned into it: from given[k] to pass->x[k]. */
yl_status yl__plan_turn(const yl_plan *plan, const yl_plan_step *step, const yl_pass *pass, const void *const *given);
static inline int yl__moment_loss(const yl_plan *plan)
{
    return plan->n_steps;
}

static inline int yl__moment_again(const yl_plan *plan, int step)
{
    return plan->n_steps + 1 + 2 * (plan->n_steps - 1 - step);
}

static inline int yl__moment_backward(const yl_plan *plan, int step)
{
    return yl__moment_again(plan, step) + 1;
}

static inline int yl__moment_end(const yl_plan *plan)
{
    return 3 * plan->n_steps + 1;
}

/* fake.c: for plans of options.quantise; nothing in others. */
bool yl__plan_fakes_output(const yl_plan *plan, const yl_plan_step *step);
yl_status yl__plan_fake_prepare(yl_plan *plan);
yl_status yl__plan_fake_weights(yl_plan *plan, yl_plan_step *step); /* where they have changed */
yl_status yl__plan_fake_given(const yl_plan *plan);
yl_status yl__plan_fake_output(const yl_plan *plan, const yl_plan_step *step, void *y);
yl_status yl__plan_fake_backward(const yl_plan *plan, const yl_plan_step *step); /* changes the output's gradient */
/* memory.c: lifetimes, aliases, offsets. */
/* Does a caller read value v after the step that makes it? */
bool yl__plan_kept(const yl_plan *plan, int v);
/* Does value v hold the whole batch, and not one slice? */
bool yl__plan_whole(const yl_plan *plan, int v);
/* Gives everything a place and a lifetime, with those values dropped that are marked so. */
yl_status yl__plan_lifetimes(yl_plan *plan);
/* And every place an offset; what the caller gives lies where it lay. */
yl_status yl__plan_offsets(yl_plan *plan);
/* recompute.c: both, after what options.recompute asks for is dropped. */
yl_status yl__plan_place(yl_plan *plan);
/* prepare.c: prepares a step, for the values as they are. The caller frees what it left in case of an error. */
yl_status yl__plan_prepare(yl_plan *plan, yl_plan_step *step);
void yl__plan_unprepare(yl_plan *plan, yl_plan_step *step);
/* Makes room in the network's arena. */
yl_status yl__plan_grow(const yl_plan *plan);
/* Before forward: prepares those steps anew whose layers would now prepare something else, since values have changed. */
yl_status yl__plan_reconsider(yl_plan *plan);
/* values.c: makes the plan the holder of the arena, whose input is being written. */
yl_status yl__plan_take(yl_plan *plan, const char *what);
/* Errors: INVALID where the plan has not come that far, or another one holds the arena; says what to do. */
yl_status yl__plan_check(const yl_plan *plan, yl__stage least, const char *what);

/* Where the gradient of value v lies; no data where none flows. */
yl_view yl__plan_gradient_view(const yl_plan *plan, int v);

static inline uint64_t yl__versions(const yl_net *net, const yl_layer *layer)
{
    uint64_t sum = 0;
    for (int k = 0; k < layer->n_params; k++) sum += net->ranges[layer->params[k]].version;
    return sum;
}

/* Sum of the versions of all ranges that go into a step's packed weights. */
static inline uint64_t yl__plan_version(const yl_net *net, const yl_plan_step *step)
{
    uint64_t sum = 1 + yl__versions(net, &net->layers[step->layer]);
    for (int i = 0; i < YL_MAX_ABSORBED; i++)
        if (step->setting.absorbed[i]) sum += yl__versions(net, step->setting.absorbed[i]);
    return sum;
}

static inline void *yl__plan_at_lane(const yl_plan *plan, int place, int64_t lane)
{
    if (place < 0) return NULL;
    const yl_place *p = &plan->places[place];
    return (char *)plan->net->workspace.arena + p->offset + (p->own ? (size_t)lane * plan->lane_bytes : 0);
}

static inline void *yl__plan_at(const yl_plan *plan, int place)
{
    return yl__plan_at_lane(plan, place, 0);
}

#endif
