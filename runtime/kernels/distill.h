/* A teacher's outputs as a student's targets.
 *
 * Heads, with the student's output s and the teacher's t of one prediction, and KL(t, s) = t log(t/s) + (1-t) log((1-t)/(1-s)), which is
 * 0 where they agree (Hinton et al. 2015, section 2; the soft part of Chen et al. 2017, section 3.2):
 *
 *   object  weight * KL(to, so)
 *   class   weight * to * sum over classes k of KL(tk, sk)         (softmax: KL of the two distributions)
 *   box     weight * to * (KL(tx, sx) + KL(ty, sy) + (sw - tw)^2/2 + (sh - th)^2/2)
 *
 * Classes and boxes count as much as the teacher believes in an object, its objectness `to` (Mehta and Ozturk 2018, section 3: "objectness
 * scaled distillation"). Objectness is reported as "object" where to >= 1/2, else as "noobject". With new_coords, where the head does not
 * activate its input, (s - t)^2/2 takes the place of KL. d KL(t, s) / d input = s - t.
 *
 * Attributes are learned from labels alone: they have no term here.
 *
 * A temperature T softens objectness and classes: both sides' inputs are divided by T before the logistic function (or softmax), and the
 * term is multiplied by T^2, so that its gradient, T (sT - tT), keeps its size (Hinton et al. 2015, section 2.1). From an output p that
 * is p^(1/T) / (p^(1/T) + (1-p)^(1/T)).
 *
 * Features: weight/2 * the mean over an image's elements of (s - t)^2 (the hint of Chen et al. 2017, section 3.4, per element). */
#ifndef YL_KERNELS_DISTILL_H
#define YL_KERNELS_DISTILL_H

#include "core/now.h"
#include "kernels/flat.h"
#include "kernels/head.h"

/* The outputs of heads are f32. parts {box, object, noobject, class} in device memory, `partial` as the losses of the heads have it. distill_features:
 * sum = scale/2 * sum of (y - teacher)^2. Both add to dx, which may be NULL. */
#define YL_DISTILL_KERNELS(K)                                                                                          \
    K(distill_head,                                                                                                    \
      (const yl_ctx *ctx, const yl_head_geom *g, const yl_now *now, float weight, float temperature,                   \
       const float *teacher, const float *y, double *partial, void *dx, double *parts),                                \
      YES)                                                                                                             \
    K(distill_features,                                                                                                \
      (const yl_ctx *ctx, const yl_flat_geom *g, const yl_now *now, double scale, const void *teacher, const void *y,  \
       void *dx, double *sum),                                                                                         \
      YES)

#endif
