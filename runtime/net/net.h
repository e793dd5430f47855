/* A network is structure and slabs. Parameters are named ranges in parallel slabs of equal layout; nothing here depends on a
 * batch size or an image size (see net/plan.h for that).
 *
 * Calls between the files of this folder go to the left: net, slabs, ranges, mask, lend, drop, snapshot, init, freeze, share, step,
 * calibration, apply; then types, fake, memory, recompute, prepare and values (of a plan), run, plan, features, distill. */
#ifndef YL_NET_NET_H
#define YL_NET_NET_H

#include "layers/layer.h"
#include "net/graph.h"
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

/* One arena for activations, gradients and scratch, shared by all plans of a network; grown when a plan is made, with what it holds. At any
 * time the activations in it are those of one plan. */
typedef struct yl_workspace {
    void *arena;
    size_t arena_bytes;
    const struct yl_plan *holder; /* whose activations are in the arena; NULL: nobody's */
} yl_workspace;

typedef struct yl_net {
    yl_device *device;
    int64_t h, w, c; /* input size, from the cfg or the last training; plans may use another h and w */
    int n_layers, n_ranges;
    int64_t layer_capacity, range_capacity;
    yl_layer *layers;
    yl_range *ranges;
    bool finished;
    int64_t n_trainable_slots; /* elements before the statistics */
    int64_t n_values;          /* elements of the value slab */
    yl_slab slabs[YL_SLABS];
    yl_workspace workspace;
    int busy; /* calls that are running on it now; a layer's own function may run inside one */
    int held; /* steps that have begun and are not complete */
    /* By range, in device memory with a copy on the host: what changes between steps (all that a step reads besides slabs and
     * geometry), and the sums of squares of the gradient. */
    yl_step_scalars *scalars, *host_scalars;
    double *squares, *host_squares;
    /* The slabs in parts, for the ranges that are not frozen: where each range's begin, and room for a sum per part. */
    yl_step_part *parts, *host_parts;
    int32_t *first_part, *host_first_part;
    double *part_squares;
    yl_step_geom step_geom;   /* parts and count */
    uint64_t choice_of_parts; /* which ranges and rates they are made for; 0: not made */
    yl_graph squares_graph, step_graph;
    struct yl_share *share;             /* NULL: gradients stay where backward leaves them (net/share.h) */
    struct yl_calibration *calibration; /* what precision int8 needs (net/calibration.h); NULL: none */
    char *header;   /* the cfg's [net] section without width, height and channels; NULL if there is none */
    int references; /* one for the owner, and one for each plan and each tensor over a range */
} yl_net;

/* An empty network for inputs {h, w, c} on `device`. Errors: INVALID for sizes outside 1..65536. */
yl_status yl_net_create(yl_device *device, int64_t h, int64_t w, int64_t c, yl_net **out);
/* Releases the caller's reference. The last release frees the memory; plans and tensors over parameters hold references too. NULL is
 * fine. */
void yl_net_free(yl_net *net);
/* The same, and invalidates the tensors over its parameters: using one afterwards is an error. Errors: INVALID inside a function of
 * one of the network's layers; nothing is changed. */
yl_status yl_net_close(yl_net *net);

/* Appends a layer; `name` NULL: the kind's stem and its 1-based count. `options` NULL: the defaults, else a struct of the
 * kind's options_size, copied. Inputs are indices of earlier layers, -1 the network's input. *index is the new layer's.
 * Errors: INVALID for a wrong number of inputs, a later layer, shapes that do not fit, a name taken. */
yl_status yl_net_add(yl_net *net, const yl_layer_kind *kind, const char *name, const void *options, int n_inputs,
                     const int *inputs, int *index);
/* Lays out the ranges and allocates the value slab (zeroed). After this no layer can be added. */
yl_status yl_net_finish(yl_net *net);
/* Marks the beginning (1) and the end (-1) of a call that works on the network; in between, nothing may run, free or rebuild it. */
void yl__net_busy(const yl_net *net, int by);
/* Marks the beginning (1) and the end (-1) of a step; in between, plans may run, but nothing may free or rebuild the network. */
void yl__net_hold(yl_net *net, int by);
/* Errors: INVALID, naming `what` the caller was about to do, while another call works on the network. */
yl_status yl__net_runnable(const yl_net *net, const char *what);
/* The same check before freeing or rebuilding it, which is also refused during a step. */
yl_status yl__net_idle(const yl_net *net, const char *what);
/* Initializes the values by each range's rule from `seed`, and increments every version. */
yl_status yl_net_init(yl_net *net, uint64_t seed);
yl_status yl_net_init_range(yl_net *net, int range, uint64_t seed);

/* Sets the input size that plans, cfgs and tables use by default; existing plans keep theirs. Errors: INVALID, naming the layer that
 * does not fit; the size is then unchanged. */
yl_status yl_net_resize(yl_net *net, int64_t h, int64_t w);
/* Changes the options of a layer without parameters; `options` (options_size bytes of its kind) is copied. Existing plans may still
 * use the old options, so the caller must create them again. Errors: INVALID, naming the layer, if it has parameters or its output's
 * shape would change; the options are then unchanged. */
yl_status yl_net_set_options(yl_net *net, int layer, const void *options);
/* Shapes of all layers' outputs for an input {n, h, w, net->c}; `out` has n_layers entries. Errors: INVALID, naming the layer. */
yl_status yl_net_shapes(const yl_net *net, int64_t n, int64_t h, int64_t w, yl_shape *out);
/* Selects the shapes of a layer's inputs from them. */
void yl_net_inputs(const yl_net *net, int layer, const yl_shape *shapes, yl_shape input, yl_shape in[YL_MAX_INPUTS]);
/* FLOPs of one layer (2 per multiply-add) for n images of {h, w}. */
yl_status yl_net_flops(const yl_net *net, int64_t n, int64_t h, int64_t w, int64_t *per_layer, int64_t *total);

int yl_net_find_layer(const yl_net *net, const char *name); /* -1 if absent */
int yl_net_find_range(const yl_net *net, const char *name);
/* Consumers: how many layers read layer `index`'s output. */
int yl_net_consumers(const yl_net *net, int index);

/* The slab of that name, made on first use. Errors: INVALID for an unknown name, MEMORY. */
yl_status yl_net_slab(yl_net *net, const char *name, yl_slab **out);
yl_slab *yl_net_has_slab(const yl_net *net, const char *name); /* NULL if it does not exist yet */
/* Frees a slab and invalidates the tensors over it. Errors: INVALID for the values, for an unknown name, or inside a layer's function. */
yl_status yl_net_drop_slab(yl_net *net, const char *name);
/* The index of the slab with that name. Errors: INVALID, with a list of the names. */
yl_status yl__slab_find(const char *name, int *out);
void yl__net_drop(yl_net *net, int slab); /* any slab, at any time */
/* Frees everything that belongs to a training or a step, and keeps the model (values and masks). Errors: as above. */
yl_status yl_net_drop_training(yl_net *net);
/* A tensor over a range's part of a slab, with the range's dims; the caller releases it. It shares the slab's memory and keeps the
 * network alive, and changing it in place counts as a change of the range. Closing the network or dropping the slab invalidates it. A
 * mask's tensor is read-only: yl_net_set_mask changes masks. Errors: INVALID for an unknown slab or one that does not span the range. */
yl_status yl_net_tensor(yl_net *net, int range, const char *slab, yl_tensor **out);
/* Resets a slab to its initial state; does nothing if it does not exist. */
yl_status yl__slab_reset(yl_net *net, int slab);
/* Invalidates the tensors over a slab. */
void yl__net_end_lent(yl_net *net, yl_slab *slab);

/* Copies `numbers` (in host memory, with the range's dims) into a range's part of a slab; sets a mask as yl_net_set_mask does. Errors:
 * INVALID for other dims, an unknown slab or one that does not span the range. */
yl_status yl_net_set(yl_net *net, int range, const char *slab, const yl_tensor *numbers);
/* Errors: INVALID where a tensor has other dims than the range; `what`: "f32 numbers", say. */
yl_status yl__range_check_dims(const yl_range *range, const yl_tensor *t, const char *what);

/* Masks a range. `mask` has the range's dims and any type: 0 where a number must become and stay zero, 1 elsewhere. Every copy of a
 * masked number (value, gradient, moments, average) becomes zero now and stays zero after every later change. A number whose mask
 * becomes 1 again is free, and starts at zero. Errors: INVALID for statistics, other dims, or values other than 0 and 1. */
yl_status yl_net_set_mask(yl_net *net, int range, const yl_tensor *mask);
/* Checks that a mask's bytes are all 0 or 1. Errors: INVALID, naming the range and the place. */
yl_status yl__mask_check(const yl_range *range, const uint8_t *mask);
/* Writes a range's numbers, in host memory and of the slab's type; a mask as yl_net_set_mask. */
yl_status yl__net_write(yl_net *net, int range, yl_slab *slab, const void *numbers);
/* Call this after writing to a range's part of a slab: it counts the change and sets masked numbers back to zero. */
yl_status yl__net_changed(yl_net *net, const yl_slab *slab, yl_range *range);
/* Errors: INVALID, naming the first copy of a masked number, in any slab, that is not zero. */
yl_status yl_net_check_masks(const yl_net *net);
/* Parameters that are not exactly zero; those of one range. */
yl_status yl_net_count_nonzero(const yl_net *net, int64_t *out);
yl_status yl_net_range_nonzero(const yl_net *net, int range, int64_t *out);
/* Start of a range in a slab; NULL if the slab does not span it. */
void *yl_net_at(const yl_slab *slab, const yl_range *range);

/* All slabs but those of a step (values, masks, optimizer state, average) and the ranges' step counts, saved in memory and restored;
 * restoring counts as a change of every range. Slabs created since then are reset. Errors: MEMORY; INVALID for a snapshot of a network
 * with another layout. */
typedef struct yl_snapshot yl_snapshot;
yl_status yl_net_snapshot(const yl_net *net, yl_snapshot **out);
yl_status yl_net_rollback(yl_net *net, const yl_snapshot *snapshot);
void yl_snapshot_free(yl_snapshot *snapshot); /* NULL is fine */

/* Freezes (or thaws) the ranges whose names, or whose layers' names, match one of the comma-separated globs; a layer's name also
 * matches its fused companions (conv3 covers conv3.bn). "body": every range but those of the last convolution before each head;
 * "none": thaws all; "all". Ranges that no pattern matches are thawed. *matched: number of frozen ranges. Errors: INVALID if a glob
 * matches nothing, with the nearest layer name. */
yl_status yl_net_freeze(yl_net *net, const char *patterns, int *matched);
/* A layer is frozen when it has parameters and all are frozen. */
bool yl_net_layer_frozen(const yl_net *net, int layer);
/* A layer whose statistics are all frozen uses them even while its other parameters train. */
bool yl_net_statistics_frozen(const yl_net *net, int layer);
/* Fixed-order checksum (xxHash64) of a range's values. */
yl_status yl_net_checksum(const yl_net *net, int range, uint64_t *out);

#endif
