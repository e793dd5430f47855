/* The optimizer step over a network's slabs. */
#ifndef YL_NET_STEP_H
#define YL_NET_STEP_H

#include "core/options.h"
#include "net/net.h"

/* YL_APPLY: the gradient is already the step, value -= lr * gradient (for an optimizer of your own). */
typedef enum yl_rule { YL_SGD, YL_ADAM, YL_ADAMW, YL_APPLY } yl_rule;

typedef struct yl_step_options {
    yl_rule rule;
    bool nesterov;
    double lr, momentum, decay, beta1, beta2, epsilon;
    double clip;    /* upper bound of the gradient's global norm (per image); 0: none */
    int64_t images; /* how many images the gradient is summed over */
    double ema;     /* share of the old average that is kept; 0: no average */
} yl_step_options;

extern const yl_field_table yl_step_fields; /* yl_options_defaults(&yl_step_fields, &options) sets the defaults */

/* Gradients of masked numbers become zero; *norm is then the norm of the gradient over every unfrozen range. Errors: NUMERIC where one
 * is NaN or infinite, naming the parameter. */
yl_status yl_net_gradient_norm(yl_net *net, double *norm);

/* Clips, decays, steps, masks, averages and clears the gradient of every unfrozen range, and bumps its version. *norm is the
 * gradient's norm per image before clipping. Frozen ranges are not touched at all. Every range counts the steps that it took part in
 * (yl_range.steps; not with YL_SGD): Adam's bias correction begins with a range's own first gradient. Errors: INVALID for a rate that
 * is negative or not finite; NUMERIC where a gradient is NaN or infinite, naming the parameter; nothing but the gradient has then
 * changed. */
yl_status yl_net_step(yl_net *net, const yl_step_options *options, double *norm);

#endif
