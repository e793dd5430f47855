/* Softmax over the channels of each image, and the cross-entropy with its class.
 *
 *   y[n,k] = exp(x[n,k]) / sum over j of exp(x[n,j])
 *   loss = sum over images of -log y[n, class(n)],   d loss / d x[n,k] = y[n,k] - [k = class(n)]
 *
 * class(n) is that of the image's first object; an image without one costs nothing. */
#include "kernels/head.h"

yl_status YL_CPU(softmax_forward)(const yl_ctx *ctx, const yl_softmax_geom *g, const void *x, void *y)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->n; i++) yl__softmax((const float *)x + i * g->c, g->c, (float *)y + i * g->c);
    return YL_OK;
}

/* -1 where the image has no object of a known class. */
static int64_t class_of(const yl_truth *truth, int64_t image, int64_t classes)
{
    for (int64_t t = 0; t < truth->counts[image]; t++) {
        const float *row = truth->rows + (image * truth->cap + t) * YL_TRUTH_FIELDS;
        if (row[YL_TRUTH_KIND] != YL_TRUTH_OBJECT) continue;
        float k = row[YL_TRUTH_CLASS];
        return k >= 0 && k < (float)classes ? (int64_t)k : -1;
    }
    return -1;
}

yl_status YL_CPU(softmax_loss)(const yl_ctx *ctx, const yl_softmax_geom *g, const void *y, const yl_truth *truth,
                               void *dx, float beta, double *parts)
{
    (void)ctx;
    int64_t c = g->c;
    parts[0] = 0;
    for (int64_t i = 0; i < g->n; i++) {
        const float *p = (const float *)y + i * c;
        float *d = dx ? (float *)dx + i * c : NULL;
        int64_t k = class_of(truth, i, c);
        for (int64_t j = 0; d && j < c; j++) d[j] = (beta == 0 ? 0 : d[j]) + (k >= 0 ? p[j] - (float)(j == k) : 0);
        parts[0] += yl__not_finite(p, c);
        if (k >= 0) parts[0] -= log(p[k] < 1e-37f ? 1e-37 : p[k]);
    }
    return YL_OK;
}
