/* Matrix products of tensors, by OpenBLAS. */
#include "kernels/kernels.h"

#include <cblas.h>

yl_status YL_CPU(matmul)(const yl_ctx *ctx, const yl_matmul_geom *g, const float *a, const float *b, float *c)
{
    (void)ctx;
    cblas_sgemm(CblasRowMajor, g->at ? CblasTrans : CblasNoTrans, g->bt ? CblasTrans : CblasNoTrans, (blasint)g->m,
                (blasint)g->n, (blasint)g->k, 1, a, (blasint)g->lda, b, (blasint)g->ldb, g->beta, c, (blasint)g->ldc);
    return YL_OK;
}
