/* The optimizer step over a network's slabs. */
#ifndef YL_NET_STEP_H
#define YL_NET_STEP_H

#include "core/options.h"
#include "net/net.h"

/* YL_APPLY: value -= lr * gradient, for an optimizer of your own that puts its step into the gradient. */
typedef enum yl_rule { YL_SGD, YL_ADAM, YL_ADAMW, YL_APPLY } yl_rule;

typedef struct yl_step_options {
    yl_rule rule;
    bool nesterov;
    double lr, momentum, decay, beta1, beta2, epsilon;
    double clip;    /* largest global norm of the gradient, per image; 0: no limit */
    int64_t images; /* over which the gradient was summed */
    double ema;     /* the old average's share in the new one; 0: no average */
} yl_step_options;

extern const yl_field_table yl_step_fields; /* defaults: yl_options_defaults(&yl_step_fields, &options) */

/* Zeroes the gradients of masked numbers; *norm is then the norm over all unfrozen ranges. Errors: NUMERIC for a NaN or infinite
 * gradient, naming the parameter. */
yl_status yl_net_gradient_norm(yl_net *net, double *norm);

/* Divides the gradient by `scale`, the loss scale it was made with; *finite: whether every number of it is (statistics and frozen ranges
 * aside). Errors: INVALID for a scale that is not above 0. */
yl_status yl_net_unscale(yl_net *net, double scale, bool *finite);

/* Clips, decays, steps, masks and averages every unfrozen range, clears its gradient and increments its version. *norm is the norm of
 * the gradient per image before clipping. Frozen ranges are not touched. Each range counts its own steps (yl_range.steps; not with
 * YL_SGD), so that Adam's bias correction starts with its first gradient. Errors: INVALID for a learning rate that is negative or not
 * finite; NUMERIC for a NaN or infinite gradient, naming the parameter. After an error only the gradient may have changed. */
yl_status yl_net_step(yl_net *net, const yl_step_options *options, double *norm);

#endif
