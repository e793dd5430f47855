/* A network is structure and slabs. Parameters are named ranges in parallel slabs of equal layout; nothing here depends on a
 * batch size or an image size (see net/plan.h for that).
 *
 * Calls between the files of this folder go to the left: net, slabs, ranges, mask, lend, drop, snapshot, init, freeze, step; then memory
 * and values (of a plan), run, plan, features, distill. */
#ifndef YL_NET_NET_H
#define YL_NET_NET_H

#include "layers/layer.h"
#include "tensor/tensor.h"

/* What a slab is (net/slabs.def has the list). */
typedef enum yl_slab_spans { YL_SLAB_ALL, YL_SLAB_TRAINABLE } yl_slab_spans;
typedef enum yl_slab_starts { YL_SLAB_ZEROS, YL_SLAB_ONES, YL_SLAB_VALUES } yl_slab_starts;
typedef enum yl_slab_kept { YL_SLAB_MODEL, YL_SLAB_TRAINING, YL_SLAB_STEP } yl_slab_kept;

typedef struct yl_slab_kind {
    const char *name;
    yl_dtype dtype;
    yl_slab_spans spans;
    yl_slab_starts starts;
    yl_slab_kept kept;
} yl_slab_kind;

enum {
#define S(name, dtype, spans, starts, kept) YL_SLAB_##name,
#include "net/slabs.def"
#undef S
    YL_SLABS
};
extern const yl_slab_kind yl_slab_kinds[YL_SLABS];

struct yl_plan;
struct yl_loan;

/* A slab holds one number per parameter, in the layout of the ranges. */
typedef struct yl_slab {
    const char *name;
    yl_dtype dtype;
    int64_t count;
    void *data;            /* device memory; NULL: not made yet */
    struct yl_loan **lent; /* by range, tensors over it that somebody holds (net/lend.c); NULL: none yet */
} yl_slab;

/* One arena for activations and one scratch block, shared by all plans of a network; grown when a plan is made, with what the
 * arena holds. At any time the activations in it are those of one plan. */
typedef struct yl_workspace {
    void *arena, *scratch;
    size_t arena_bytes, scratch_bytes;
    const struct yl_plan *holder; /* whose activations are in the arena; NULL: nobody's */
} yl_workspace;

typedef struct yl_net {
    yl_device *device;
    int64_t h, w, c; /* the input's own size: the cfg's, or that of the last training; plans may use another h and w */
    int n_layers, n_ranges;
    int64_t layer_capacity, range_capacity;
    yl_layer *layers;
    yl_range *ranges;
    bool finished;
    int64_t n_trainable_slots; /* elements before the statistics */
    int64_t n_values;          /* elements of the value slab */
    yl_slab slabs[YL_SLABS];
    yl_workspace workspace;
    int busy; /* calls that are at work on it right now: in the middle of them a layer's own function may run */
    int held; /* steps of which a part is done */
    /* By range, in device memory with a copy on the host: what changes between steps (all that a step reads besides slabs and
     * geometry), and the sums of squares of the gradient. */
    yl_step_scalars *scalars, *host_scalars;
    double *squares, *host_squares;
    char *header;   /* the text of the cfg's [net] section without width, height and channels; NULL where none */
    int references; /* the owner's one, and one per plan and per tensor over a range */
} yl_net;

/* An empty network for inputs {h, w, c} on `device`. Errors: INVALID for sizes outside 1..65536. */
yl_status yl_net_create(yl_device *device, int64_t h, int64_t w, int64_t c, yl_net **out);
/* Gives up the caller's reference; memory goes with the last one (plans and tensors over parameters hold theirs). NULL is fine. */
void yl_net_free(yl_net *net);
/* The same, and ends the tensors over its parameters: using one is an error from then on. Errors: INVALID from inside a function of
 * one of the network's layers; nothing has happened then. */
yl_status yl_net_close(yl_net *net);

/* Appends a layer; `name` NULL: the kind's stem and its 1-based count. `options` NULL: the defaults, else a struct of the
 * kind's options_size, copied. Inputs are indices of earlier layers, -1 the network's input. *index is the new layer's.
 * Errors: INVALID for a wrong number of inputs, a later layer, shapes that do not fit, a name taken. */
yl_status yl_net_add(yl_net *net, const yl_layer_kind *kind, const char *name, const void *options, int n_inputs,
                     const int *inputs, int *index);
/* Lays out the ranges and allocates the value slab (zeroed). After this no layer can be added. */
yl_status yl_net_finish(yl_net *net);
/* Marks where a call begins to work on the network (1) and where it ends (-1): in between, nothing may run, free or remake it. */
void yl__net_busy(const yl_net *net, int by);
/* Marks a step of which a part is done (1), and its end (-1): in between, plans may run, but nothing may free or remake the network. */
void yl__net_hold(yl_net *net, int by);
/* Errors: INVALID, naming `what` was about to run a plan of it, while a call is at work on the network. */
yl_status yl__net_runnable(const yl_net *net, const char *what);
/* The same for freeing and remaking it, which a step that has begun forbids too. */
yl_status yl__net_idle(const yl_net *net, const char *what);
/* Fills the values by each range's rule, from `seed`; bumps every version. */
yl_status yl_net_init(yl_net *net, uint64_t seed);
yl_status yl_net_init_range(yl_net *net, int range, uint64_t seed);

/* Makes {h, w} the input's own size, which plans, cfgs and tables take where nobody names another; plans that are there keep
 * theirs. Errors: INVALID, naming the layer that does not fit; the network keeps its size then. */
yl_status yl_net_resize(yl_net *net, int64_t h, int64_t w);
/* Gives a layer without parameters other options, copied from `options` (of its kind's options_size). Plans that are there may have
 * settled on the old ones: the caller makes them anew. Errors: INVALID, naming the layer, where it has parameters or its output would
 * have another shape; it keeps its options then. */
yl_status yl_net_set_options(yl_net *net, int layer, const void *options);
/* Shapes of all layers' outputs for an input {n, h, w, net->c}; `out` has n_layers entries. Errors: INVALID, naming the layer. */
yl_status yl_net_shapes(const yl_net *net, int64_t n, int64_t h, int64_t w, yl_shape *out);
/* The shapes of a layer's inputs, picked from those. */
void yl_net_inputs(const yl_net *net, int layer, const yl_shape *shapes, yl_shape input, yl_shape in[YL_MAX_INPUTS]);
/* FLOPs of one layer (2 per multiply-add) for n images of {h, w}. */
yl_status yl_net_flops(const yl_net *net, int64_t n, int64_t h, int64_t w, int64_t *per_layer, int64_t *total);

int yl_net_find_layer(const yl_net *net, const char *name); /* -1 where absent */
int yl_net_find_range(const yl_net *net, const char *name);
/* Consumers: how many layers read layer `index`'s output. */
int yl_net_consumers(const yl_net *net, int index);

/* The slab of that name, made on first use. Errors: INVALID for an unknown name, MEMORY. */
yl_status yl_net_slab(yl_net *net, const char *name, yl_slab **out);
yl_slab *yl_net_has_slab(const yl_net *net, const char *name); /* NULL where not made yet */
/* Forgets a slab, and ends the tensors over it. Errors: INVALID for the values, an unknown name, or from inside a layer's function. */
yl_status yl_net_drop_slab(yl_net *net, const char *name);
/* The number of the slab of that name. Errors: INVALID with the names that there are. */
yl_status yl__slab_find(const char *name, int *out);
void yl__net_drop(yl_net *net, int slab); /* whatever it is, and whatever the network does */
/* Forgets whatever belongs to a training or a step; the model itself stays: values and masks. Errors: as above. */
yl_status yl_net_drop_training(yl_net *net);
/* A tensor over a range's part of a slab, in the range's own dims; the caller releases it. It shares the slab's memory, and keeps
 * the network alive: an in-place change of it counts as a change of the range. Closing the network or dropping the slab ends it. A
 * mask's tensor is read-only: yl_net_set_mask changes masks. Errors: INVALID for an unknown slab or one that does not span the range. */
yl_status yl_net_tensor(yl_net *net, int range, const char *slab, yl_tensor **out);
/* Makes a slab as it is when it is new; nothing where there is none. */
yl_status yl__slab_reset(yl_net *net, int slab);
/* Ends the tensors over a slab. */
void yl__net_end_lent(yl_net *net, yl_slab *slab);

/* Puts `numbers`, on the host and of the range's dims, into a range's part of a slab; a mask by yl_net_set_mask. Errors: INVALID for
 * other dims, an unknown slab or one that does not span the range. */
yl_status yl_net_set(yl_net *net, int range, const char *slab, const yl_tensor *numbers);
/* Errors: INVALID where a tensor has other dims than the range; `what`: "f32 numbers", say. */
yl_status yl__range_check_dims(const yl_range *range, const yl_tensor *t, const char *what);

/* Masks a range: `mask`, of the range's dims and any type, is 0 where a number is to be zero and stay so, and 1 elsewhere. Every copy
 * of a masked number (value, gradient, moments, average) becomes zero now and is zero after every later change. A masked number whose
 * mask becomes 1 again is free, and zero at first. Errors: INVALID for statistics, other dims, or another number than 0 and 1. */
yl_status yl_net_set_mask(yl_net *net, int range, const yl_tensor *mask);
/* The check that a mask's bytes are 0 and 1. Errors: INVALID, naming the range and the place. */
yl_status yl__mask_check(const yl_range *range, const uint8_t *mask);
/* Writes a range's numbers, in host memory and of the slab's type; a mask as yl_net_set_mask. */
yl_status yl__net_write(yl_net *net, int range, yl_slab *slab, const void *numbers);
/* Whoever writes to a range's part of a slab calls this afterwards: it counts the change, and brings what is masked back to zero. */
yl_status yl__net_changed(yl_net *net, const yl_slab *slab, yl_range *range);
/* Errors: INVALID, naming the first copy of a masked number, in any slab, that is not zero. */
yl_status yl_net_check_masks(const yl_net *net);
/* Parameters that are not exactly zero; those of one range. */
yl_status yl_net_count_nonzero(const yl_net *net, int64_t *out);
yl_status yl_net_range_nonzero(const yl_net *net, int range, int64_t *out);
/* Start of a range in a slab; NULL where the slab does not span it. */
void *yl_net_at(const yl_slab *slab, const yl_range *range);

/* All slabs but those of a step (values, masks, optimizer state, average) and the ranges' counts of steps, put aside in memory; and back,
 * which counts as a change of every range. Slabs that were made since then are as new. Errors: MEMORY; INVALID for a snapshot of a
 * network with another layout. */
typedef struct yl_snapshot yl_snapshot;
yl_status yl_net_snapshot(const yl_net *net, yl_snapshot **out);
yl_status yl_net_rollback(yl_net *net, const yl_snapshot *snapshot);
void yl_snapshot_free(yl_snapshot *snapshot); /* NULL is fine */

/* Freezes (or thaws) the ranges whose names, or whose layers' names, match one of the comma-separated globs; a layer's name
 * also matches its fused companions (conv3 covers conv3.bn). "body": every range but those of the last convolution before each
 * head; "none": thaws all; "all". The pattern is the whole truth: what it does not match is thawed.
 * *matched: number of frozen ranges. Errors: INVALID where a part matches nothing, with the nearest layer name. */
yl_status yl_net_freeze(yl_net *net, const char *patterns, int *matched);
/* A layer is frozen when it has parameters and all are frozen. */
bool yl_net_layer_frozen(const yl_net *net, int layer);
/* A layer whose statistics are all frozen runs on these, also where its other parameters train. */
bool yl_net_statistics_frozen(const yl_net *net, int layer);
/* Fixed-order checksum (xxHash64) of a range's values. */
yl_status yl_net_checksum(const yl_net *net, int range, uint64_t *out);

#endif
