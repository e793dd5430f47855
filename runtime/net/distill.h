/* Distillation: additions to the losses and gradients of a training plan that draw its outputs towards those of a plan of another
 * network, the teacher. kernels/distill.h has the formulas. The teacher's plan runs in inference and is only read. */
#ifndef YL_NET_DISTILL_H
#define YL_NET_DISTILL_H

#include "layers/heads.h"
#include "net/plan.h"

typedef struct yl_distill_options {
    double heads;       /* weight of the heads' outputs; 0: off */
    double temperature; /* softens their objectness and classes; 1: off */
    double features;    /* weight of the layers in both plans' `outputs`, paired by name; 0: off */
} yl_distill_options;

extern const yl_field_table yl_distill_fields;

typedef struct yl_distill_loss {
    double heads[YL_PART_ATTRIBUTES]; /* box, object, noobject, class */
    double features;
} yl_distill_loss;

/* Checks that `teacher` can teach `student` for inputs of {h, w}. Heads are paired in order. Errors: INVALID if a network has no heads, or
 * naming both layers and what differs: the number of heads, cells, anchors or classes, or how outputs become boxes. */
yl_status yl_net_check_teacher(const yl_net *student, const yl_net *teacher, int64_t h, int64_t w);
/* Checks that the outputs of the layers called `name` can be compared. Errors: INVALID, naming what differs. */
yl_status yl_net_check_feature(const yl_net *student, const yl_net *teacher, const char *name, int64_t h, int64_t w);

/* Adds to the gradients of the heads' inputs and of the compared outputs, and reports the losses as sums over images. To be called after
 * the student's losses and the teacher's forward, before the student's backward. Errors: INVALID if the networks do not fit, as above,
 * or for calls in another order. */
yl_status yl_plan_distill(yl_plan *student, const yl_plan *teacher, const yl_distill_options *options,
                          yl_distill_loss *loss);

#endif
