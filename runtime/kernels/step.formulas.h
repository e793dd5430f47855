/* The formulas of step.h, for one number. */
#ifndef YL_KERNELS_STEP_FORMULAS_H
#define YL_KERNELS_STEP_FORMULAS_H

#include "core/both.h"
#include "kernels/step.h"

#include <math.h>

/* ema = share * ema + (1 - share) * value */
YL_BOTH static inline float yl__average(const yl_step_scalars *s, float ema, float value)
{
    return s->ema * ema + (1.0f - s->ema) * value;
}

/* v = momentum * v + g;  w = w - lr * (decay * w + v), or with Nesterov w - lr * (decay * w + g + momentum * v).
 * Sutskever et al. 2013 in the form that leaves the learning rate out of v; the decay is decoupled from v
 * (Loshchilov and Hutter 2019, algorithm 1). */
YL_BOTH static inline void yl__sgd(const yl_step_geom *g, const yl_step_part *part, const yl_step_scalars *s,
                                   float gradient, float *v, float *w)
{
    float lr = s->lr * part->lr_mult, decay = part->decays ? s->decay : 0.0f;
    gradient *= s->scale;
    *v = s->momentum * *v + gradient;
    float update = g->nesterov ? gradient + s->momentum * *v : *v;
    *w = *w - lr * (decay * *w + update);
}

/* m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w = w - lr * m / c1 / (sqrt(v / c2) + eps), c = 1 - b^t
 * (Kingma and Ba 2015, algorithm 1; decoupled decay: Loshchilov and Hutter 2019, algorithm 2). */
YL_BOTH static inline void yl__adam(const yl_step_geom *g, const yl_step_part *part, const yl_step_scalars *s,
                                    float gradient, float *m, float *v, float *w)
{
    float lr = s->lr * part->lr_mult, decay = part->decays ? s->decay : 0.0f;
    float outside = g->decoupled ? decay : 0.0f, inside = g->decoupled ? 0.0f : decay;
    gradient = gradient * s->scale + inside * *w;
    *m = s->beta1 * *m + (1.0f - s->beta1) * gradient;
    *v = s->beta2 * *v + (1.0f - s->beta2) * gradient * gradient;
    float update = *m / s->correction1 / (sqrtf(*v / s->correction2) + s->epsilon);
    *w = *w - lr * (outside * *w + update);
}

#endif
