/* The kernel table: plain arithmetic on plain pointers, one struct of function pointers per backend.
 *
 * Conventions. Tensors are NHWC. Activations and their gradients are `void *` whose element type stands in the geometry;
 * parameters, their gradients, statistics and losses are `float *`. Activation gradients take `beta` (0 overwrite, 1 add),
 * parameter gradients always add, as sums over images. A kernel checks nothing: the layer above it has done so.
 *
 * Each stem has a header, kernels/x.h: its formulas; its geometries, plain structs that tell a kernel all it has to know about shapes and
 * types (sizes are int64_t and count elements, `dtype` is the type of the activations); and YL_X_KERNELS(K), the typed list of its kernels.
 * In K(name, (parameters), cuda), `cuda` is YES where kernels/x.cu has the twin, NO where it is not written yet. CMake finds the stems by
 * their files and puts the lists together in kernels/stems.h, as YL_KERNELS(K). The struct of function pointers, the prototypes and each
 * backend's table are expanded from it. */
#ifndef YL_KERNELS_KERNELS_H
#define YL_KERNELS_KERNELS_H

#include "core/device.h"
#include "core/truth.h"
#include "kernels/stems.h"

#ifdef __cplusplus
extern "C" {
#endif

#define YL__SLOT(name, parameters, cuda) yl_status(*name) parameters;
typedef struct yl_kernels {
    YL_KERNELS(YL__SLOT)
    int count; /* of the kernels above */
} yl_kernels;

/* CPU kernels are compiled once per instruction set; the macro gives each compilation its own names. */
#define YL__PASTE3(a, b, c) a##b##_##c
#define YL__PASTE(a, b, c) YL__PASTE3(a, b, c)
#ifdef YL_ISA
#define YL_CPU(name) YL__PASTE(yl_cpu_, YL_ISA, name)
#define YL__CPU_PROTOTYPE(name, parameters, cuda) yl_status YL_CPU(name) parameters;
YL_KERNELS(YL__CPU_PROTOTYPE)
extern const yl_kernels YL_CPU(table);
#endif

#ifdef __cplusplus
}
#endif
#endif
