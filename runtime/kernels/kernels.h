/* The kernel table: plain arithmetic on plain pointers, one struct of function pointers per backend.
 *
 * Conventions. Tensors are NHWC. Activations and their gradients are `void *` whose element type stands in the geometry;
 * parameters, their gradients, statistics and losses are `float *`. Activation gradients take `beta` (0 overwrite, 1 add),
 * parameter gradients always add, as sums over images. A kernel checks nothing: the layer above it has done so. */
#ifndef YL_KERNELS_KERNELS_H
#define YL_KERNELS_KERNELS_H

#include "core/device.h"
#include "core/dtype.h"
#include "kernels/conv2d.h"
#include "core/truth.h"
#include "kernels/geometry.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct yl_kernels {
#define K(name, parameters, cuda) yl_status(*name) parameters;
#include "kernels/kernels.def"
#undef K
    int count; /* keeps the struct non-empty; the number of lines above */
} yl_kernels;

/* CPU kernels are compiled once per instruction set; the macro gives each compilation its own names. */
#define YL__PASTE3(a, b, c) a##b##_##c
#define YL__PASTE(a, b, c) YL__PASTE3(a, b, c)
#ifdef YL_ISA
#define YL_CPU(name) YL__PASTE(yl_cpu_, YL_ISA, name)
#define K(name, parameters, cuda) yl_status YL_CPU(name) parameters;
#include "kernels/kernels.def"
#undef K
extern const yl_kernels YL_CPU(table);
#endif

#ifdef __cplusplus
}
#endif
#endif
