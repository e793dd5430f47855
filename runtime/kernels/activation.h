/* The activation functions.
 *
 *   leaky      x > 0 ? x : slope * x
 *   relu       max(x, 0)
 *   logistic   s(x) = 1 / (1 + exp(-x))
 *   swish      x * s(x)                                Ramachandran et al. 2017
 *   mish       x * tanh(log(1 + exp(x)))               Misra 2019
 *   relu6      min(max(x, 0), 6)                       Howard et al. 2017
 *   hardswish  x * min(max(x + 3, 0), 6) / 6           Howard et al. 2019
 *   hard_mish  x > 0 ? x : x > -2 ? x^2/2 + x : 0
 *   tanh       2 s(2x) - 1
 *   elu        x > 0 ? x : exp(x) - 1                  Clevert et al. 2016
 *   selu       1.0507 (x > 0 ? x : 1.6732 (exp(x) - 1))   Klambauer et al. 2017
 *   gelu       x * s(2 sqrt(2/pi) (x + 0.044715 x^3))  Hendrycks and Gimpel 2016, the approximation with tanh
 *   hardtan    min(max(x, -1), 1)
 *   ramp       max(x, 0) + x / 10
 *   loggy      2 s(x) - 1
 *   relie      x > 0 ? x : x / 100 */
#ifndef YL_KERNELS_ACTIVATION_H
#define YL_KERNELS_ACTIVATION_H

#include "core/dtype.h"
#include "core/status.h"

#define YL_ACTIVATIONS(X)                                                                                              \
    X(linear)                                                                                                          \
    X(leaky)                                                                                                           \
    X(relu)                                                                                                            \
    X(logistic)                                                                                                        \
    X(swish)                                                                                                           \
    X(mish)                                                                                                            \
    X(relu6)                                                                                                           \
    X(hardswish)                                                                                                       \
    X(hard_mish)                                                                                                       \
    X(tanh)                                                                                                            \
    X(elu)                                                                                                             \
    X(selu)                                                                                                            \
    X(gelu)                                                                                                            \
    X(hardtan)                                                                                                         \
    X(ramp)                                                                                                            \
    X(loggy)                                                                                                           \
    X(relie)

typedef enum yl_activation {
#define X(name) YL_ACT_##name,
    YL_ACTIVATIONS(X)
#undef X
} yl_activation;

/* Of `count` elements. */
typedef struct yl_activation_geom {
    int64_t count;
    yl_activation act;
    float leaky_slope;
    yl_dtype dtype;
} yl_activation_geom;

/* y = act(x), dx = beta dx + dy act'(x) */
#define YL_ACTIVATION_KERNELS(K)                                                                                       \
    K(activation_forward, (const yl_ctx *ctx, const yl_activation_geom *g, const void *x, void *y), YES)               \
    K(activation_backward,                                                                                             \
      (const yl_ctx *ctx, const yl_activation_geom *g, const void *x, const void *y, const void *dy, float beta,       \
       void *dx),                                                                                                      \
      YES)

#endif
