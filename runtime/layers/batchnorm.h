/* The options of a batch-norm layer, for the convolution that folds one and for the formats that write one. */
#ifndef YL_LAYERS_BATCHNORM_H
#define YL_LAYERS_BATCHNORM_H

#include "layers/layer.h"

typedef struct yl_batchnorm_options {
    double eps;      /* added to the variance */
    double momentum; /* share of the batch in the running statistics */
} yl_batchnorm_options;

/* The order of the layer's parameters. */
enum { YL_BN_SCALE, YL_BN_BIAS, YL_BN_MEAN, YL_BN_VAR };

/* Of the layer itself, or of one that is folded into a convolution with that setting. */
yl_batchnorm_geom yl__batchnorm_geometry(const yl_layer *layer, const yl_setting *setting);

#endif
