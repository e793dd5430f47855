/* c {m, n} = a {m, k} b {k, n} + beta c, row-major with leading dimensions; `at` and `bt`: the matrix lies transposed in memory. */
#ifndef YL_KERNELS_MATMUL_H
#define YL_KERNELS_MATMUL_H

#include "core/dtype.h"
#include "core/status.h"

typedef struct yl_matmul_geom {
    int64_t m, n, k, lda, ldb, ldc;
    bool at, bt;
    float beta; /* of what is in c: 0 overwrite, 1 add */
} yl_matmul_geom;

/* Of tensors, whose arithmetic is done on the host. */
#define YL_MATMUL_KERNELS(K)                                                                                           \
    K(matmul, (const yl_ctx *ctx, const yl_matmul_geom *g, const float *a, const float *b, float *c), NO)

#endif
