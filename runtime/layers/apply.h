/* A layer on tensors, without a network or a plan: an operation like any other, whose gradient is the layer's backward. */
#ifndef YL_LAYERS_APPLY_H
#define YL_LAYERS_APPLY_H

#include "layers/layer.h"
#include "tensor/tensor.h"

typedef struct yl_apply_options {
    yl_mode mode;  /* train: batch statistics, dropout */
    uint64_t seed; /* of what is random, */
    uint32_t step; /* and which step this is */
} yl_apply_options;

extern const yl_field_table yl_apply_fields;

/* A parameter by its name, such as "weight". */
typedef struct yl_given {
    const char *name;
    yl_tensor *t;
} yl_given;

/* out {n, h, w, c}: the layer's output for its `n_inputs` inputs, f32 {n, h, w, c} on the host. A parameter that is not given is
 * what it begins as, where that is zeros or ones. `index`: the layer's place in its network, or 0. In mode train running statistics take in
 * the batch's. Nothing of `layer` is needed afterwards. Errors: INVALID for other types and sizes, and for a missing or unknown parameter. */
yl_status yl_layer_apply(const yl_layer *layer, int index, yl_tensor *const *inputs, int n_given, const yl_given *given,
                         const yl_apply_options *options, yl_tensor **out);

#endif
