/* The formulas of softmax.h, for one image. */
#ifndef YL_KERNELS_SOFTMAX_FORMULAS_H
#define YL_KERNELS_SOFTMAX_FORMULAS_H

#include "kernels/softmax.h"
#include "kernels/head.formulas.h"

/* -1 where the image has no object of a known class. */
YL_BOTH static inline int64_t yl__class_of(const yl_truth *truth, int64_t image, int64_t classes)
{
    for (int64_t t = 0; t < truth->counts[image]; t++) {
        const float *row = yl_truth_row(truth, image, t);
        if (row[YL_TRUTH_KIND] != (float)YL_TRUTH_OBJECT) continue;
        float k = row[YL_TRUTH_CLASS];
        return k >= 0 && k < (float)classes ? (int64_t)k : -1;
    }
    return -1;
}

/* The gradient of what one image with probabilities p {c} costs, at input j. */
YL_BOTH static inline float yl__class_slope(const float *p, int64_t j, int64_t class_index)
{
    return class_index >= 0 ? p[j] - (float)(j == class_index) : 0;
}

YL_BOTH static inline double yl__class_loss(const float *p, int64_t c, int64_t class_index)
{
    double loss = yl__not_finite(p, c);
    if (class_index >= 0) loss -= log(p[class_index] < 1e-37f ? 1e-37 : p[class_index]);
    return loss;
}

#endif
