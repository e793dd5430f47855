/* A plan is one way to run a network: mode, batch, size, precision, and which slab the values come from.
 *
 * It owns geometries, algorithms, fusions, packed weights and the places of activations in the shared arena. Layers keep nothing that
 * depends on a shape. A step allocates nothing.
 *
 * The arena holds the activations of one plan at a time, the one that received its input last. If another plan has overwritten its
 * input, outputs or gradients, a plan refuses to use or return them until it receives its input again. Calls of these functions, or of
 * other plans of the network, from inside one of its layers' functions are refused too. */
#ifndef YL_NET_PLAN_H
#define YL_NET_PLAN_H

#include "core/options.h"
#include "net/net.h"

/* Which layers a plan runs. The cut is the set of activations that cross from frozen to trainable layers. */
typedef enum yl_part {
    YL_WHOLE, /* input to losses */
    YL_BODY,  /* input to the cut, as inference: the frozen layers only */
    YL_TAIL,  /* from the cut (given by the caller) to the losses */
} yl_part;

typedef struct yl_plan_options {
    yl_mode mode;
    yl_part part;
    int64_t batch, h, w; /* h, w 0: the network's own size */
    yl_dtype
        precision; /* type of activations and their gradients; bf16, f16: the outputs of losses, parameters and what belongs to them stay
                           f32; where a device can only round factors to it (the CPU to bf16), so do activations; u8: int8, which takes a
                           calibration (net/calibration.h) */
    bool tf32;             /* on a GPU, convolutions of f32 may round their factors to TF32 */
    const char *slab;      /* values: "value" (or NULL) or "ema" */
    const char *algorithm; /* "auto" (or NULL), or a convolution algorithm's name */
    bool keep;             /* every activation keeps its own memory, so that it can be inspected */
    const char *outputs;   /* layers, separated by commas, whose outputs are kept, and whose gradients begin with what a
                              caller adds after the losses (yl_plan_distill); NULL: none */
    const char
        *recompute; /* what backward makes once more: "off", "elementwise", "auto", or as much as these MiB take; NULL:
                              elementwise where a plan trains on the host, else off */
    bool quantise;  /* f32 with the numbers that bytes would stand for: trains, or judges, what precision int8 runs */
    bool estimate;  /* inference, but layers with running statistics use the batch's and move these */
    bool whole_gradient; /* also compute the gradient with respect to the network's input (gradient checks) */
} yl_plan_options;

extern const yl_field_table yl_plan_fields;

typedef struct yl_plan yl_plan;

/* An activation or a gradient: `data` in device memory, {n, h, w, c} elements of `type`; `quant` says what those of type u8 stand for. */
typedef struct yl_view {
    void *data;
    yl_dtype type;
    yl_shape shape;
    yl_quant quant;
} yl_view;

/* Image i (from 0) of it. */
static inline yl_view yl_view_image(yl_view view, int64_t i)
{
    yl_shape one = {1, view.shape.h, view.shape.w, view.shape.c};
    view.data = (char *)view.data + (size_t)(i * yl_shape_count(one)) * yl_dtype_bytes(view.type);
    view.shape = one;
    return view;
}

static inline size_t yl_view_bytes(yl_view view)
{
    return (size_t)yl_shape_count(view.shape) * yl_dtype_bytes(view.type);
}

/* Copies its numbers to and from f32 in host memory: those of type bf16 or f16 are rounded on their way to the device, quantised ones are read as
 * what they stand for. Errors: UNSUPPORTED for another type. */
yl_status yl_view_read(yl_device *device, yl_view view, float *numbers);
yl_status yl_view_write(yl_device *device, yl_view view, const float *numbers);

yl_status yl_plan_create(yl_net *net, const yl_plan_options *options, yl_plan **out);
void yl_plan_free(yl_plan *plan);
/* Errors: INVALID, naming `what` the caller was about to do, while another call works on its network. */
yl_status yl__plan_runnable(const yl_plan *plan, const char *what);

/* Sets the plan's input, {batch, h, w, c} in host memory, which is kept for any number of forward passes. Errors: INVALID for a tail. */
yl_status yl_plan_feed(yl_plan *plan, const float *input);
/* Gives the plan the input that another network's plan has been given. Errors: INVALID for another size, a tail, or a plan without
 * its input. */
yl_status yl_plan_feed_from(yl_plan *plan, const yl_plan *other);
/* The device memory of the input, for callers that write to it; the arena belongs to this plan from now on. Errors: as above. */
yl_status yl_plan_input(yl_plan *plan, yl_view *input);
bool yl_plan_has_input(const yl_plan *plan);
/* The cut: `count` activations with their layers. */
int yl_plan_cut_count(const yl_plan *plan);
void yl_plan_cut(const yl_plan *plan, int i, int *layer, yl_shape *shape);
/* The device memory of the i-th of them. A tail reads it (the arena belongs to this plan from now on, and the caller must write all of
 * them); a body writes it. Errors: INVALID for a body before forward, or after another plan has overwritten it. */
yl_status yl_plan_cut_data(yl_plan *plan, int i, yl_view *cut);
/* The shape of a layer's output; layer -1: the input's. */
yl_shape yl_plan_shape(const yl_plan *plan, int layer);
/* A layer's output after forward; its data is NULL if the plan does not keep it. layer -1: the input, also before forward. Valid until
 * the plan or another of the network is given an input. Errors: INVALID before forward, or after another plan has overwritten it. */
yl_status yl_plan_output(const yl_plan *plan, int layer, yl_view *output);
/* The same for the gradient of a layer's output, after backward; its data is NULL without `keep`. layer -1: the input's. */
yl_status yl_plan_gradient(const yl_plan *plan, int layer, yl_view *gradient);

typedef struct yl_step_info {
    uint64_t seed;
    uint32_t step;
    bool hold_statistics;    /* forward in training does not update the running statistics */
    double statistics_share; /* of this batch in them; 0: each layer's own momentum */
    int64_t first_image;     /* place of the plan's first image in the step's batch */
    double loss_scale; /* by which the losses' gradients are multiplied; other than 1 only in plans of precision f16 */
} yl_step_info;

extern const yl_field_table yl_step_info_fields;

/* Errors: INVALID if the plan has not received its input, or another plan has overwritten it. */
yl_status yl_plan_forward(yl_plan *plan, const yl_step_info *info);
/* Computes all losses against the truth: parts[k] for the k-th loss layer in order; writes their input gradients. Errors: INVALID
 * before forward, or after another plan has overwritten its results. */
yl_status yl_plan_loss(yl_plan *plan, const yl_truth *truth, double (*parts)[YL_MAX_LOSS_PARTS]);
/* Adds to the grad slab. If `dy_last` is not NULL, it is the gradient of the last layer's output, and replaces the losses. Consumes
 * the results of forward. Errors: INVALID before forward and the losses, or after another plan has overwritten their results. */
yl_status yl_plan_backward(yl_plan *plan, const float *dy_last);

/* What a plan uses: bytes of the arena, of it the largest scratch of a layer, and of packed weights. */
typedef struct yl_plan_memory {
    size_t arena, scratch, packed;
} yl_plan_memory;
yl_plan_memory yl_plan_bytes(const yl_plan *plan);
/* In a plan of precision int8: is a layer's output (-1: the input) bytes, and does a layer compute with bytes? `quant` says what they stand for,
 * of the second those of its first input. */
bool yl_plan_is_bytes(const yl_plan *plan, int layer, yl_quant *quant);
bool yl_plan_computes_bytes(const yl_plan *plan, int layer, yl_quant *quant);
/* The algorithm of a convolution's direction (0 forward, 1 data, 2 weights), or NULL. */
const char *yl_plan_algorithm(const yl_plan *plan, int layer, int direction);
/* How many of forward, losses and backward are launched as one (net/graph.h). */
int yl_plan_captured(const yl_plan *plan);
/* Seconds spent per layer in the last forward and backward, when timing is on. */
void yl_plan_timing(yl_plan *plan, bool on);
double yl_plan_seconds(const yl_plan *plan, int layer, bool backward);
const yl_plan_options *yl_plan_get_options(const yl_plan *plan);
/* The type of activations, but for those that options.precision lets differ. */
yl_dtype yl_plan_type(const yl_plan *plan);

#endif
