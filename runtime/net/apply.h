/* A network on a tensor, layer by layer, as operations on the tape: for gradients of experiments. Plans (net/plan.h) are what trains and
 * detects: they fold layers together, plan their memory, and allocate nothing. */
#ifndef YL_NET_APPLY_H
#define YL_NET_APPLY_H

#include "layers/apply.h"
#include "net/net.h"

/* outs[i]: the output of the layer wanted[i], for the input x, f32 {n, h, w, c} on the host. Parameters are the network's, and their
 * gradients are asked for as of any tensor (yl_net_tensor). Layers that none of `wanted` is computed from do not run. In mode train running
 * statistics take in the batch's. Errors: INVALID for an input of other sizes or type, and inside a layer's function. */
yl_status yl_net_apply(yl_net *net, const yl_tensor *x, const yl_apply_options *options, int count, const int *wanted,
                       yl_tensor **outs);

#endif
