/* One network teaches another: what is added to a training plan's losses and gradients so that its outputs become those of a plan of
 * another network (the formulas stand in kernels/distill.c). The teacher's plan runs in inference and is only read. */
#ifndef YL_NET_DISTILL_H
#define YL_NET_DISTILL_H

#include "layers/heads.h"
#include "net/plan.h"

typedef struct yl_distill_options {
    double heads;    /* weight of the heads' outputs; 0: left out */
    double features; /* weight of the outputs of both plans' `outputs`, compared by name; 0: left out */
} yl_distill_options;

extern const yl_field_table yl_distill_fields;

typedef struct yl_distill_loss {
    double heads[YL_HEAD_PARTS]; /* box, object, noobject, class */
    double features;
} yl_distill_loss;

/* Can the network `teacher` teach `student`, for inputs of {h, w}? Their heads are paired in order. Errors: INVALID, naming both
 * layers and what differs: the number of heads, cells, anchors, classes, or how outputs become boxes; or a network that has none. */
yl_status yl_net_check_teacher(const yl_net *student, const yl_net *teacher, int64_t h, int64_t w);
/* Of layers (`name`, of both networks) whose outputs are to be compared. Errors: INVALID, naming what differs. */
yl_status yl_net_check_feature(const yl_net *student, const yl_net *teacher, const char *name, int64_t h, int64_t w);

/* After the student's losses and the teacher's forward, and before the student's backward: adds to the gradients of the heads' inputs
 * and of the compared outputs, and reports the losses, sums over the images. Errors: INVALID where the two do not fit, as above, or a
 * plan has not come that far. */
yl_status yl_plan_distill(yl_plan *student, const yl_plan *teacher, const yl_distill_options *options,
                          yl_distill_loss *loss);

#endif
