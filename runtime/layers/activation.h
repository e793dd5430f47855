/* The options of an activation layer, for the layers that fuse one and for the formats that write one. */
#ifndef YL_LAYERS_ACTIVATION_H
#define YL_LAYERS_ACTIVATION_H

#include "layers/layer.h"

typedef struct yl_activation_options {
    int64_t activation; /* yl_activation */
    double slope;       /* of leaky below zero */
} yl_activation_options;

#endif
