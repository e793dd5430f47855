/* A teacher's outputs as a student's targets.
 *
 * Heads, with the student's output s and the teacher's t of one prediction, and KL(t, s) = t log(t/s) + (1-t) log((1-t)/(1-s)), which is
 * 0 where they agree (Hinton et al. 2015, section 2, at temperature 1; the soft part of Chen et al. 2017, section 3.2):
 *
 *   object  weight * KL(to, so)
 *   class   weight * to * sum over classes k of KL(tk, sk)         (softmax: KL of the two distributions)
 *   box     weight * to * (KL(tx, sx) + KL(ty, sy) + (sw - tw)^2/2 + (sh - th)^2/2)
 *
 * Classes and boxes count as much as the teacher believes in an object, its objectness `to` (Mehta and Ozturk 2018, section 3: "objectness
 * scaled distillation"). Objectness is reported as "object" where to >= 1/2, else as "noobject". With new_coords, where the head does not
 * activate its input, (s - t)^2/2 takes the place of KL. d KL(t, s) / d input = s - t.
 *
 * Features: weight/2 * the mean over an image's elements of (s - t)^2 (the hint of Chen et al. 2017, section 3.4, per element). */
#include "kernels/head_walk.h"

typedef struct lesson {
    const yl_head_geom *head;
    double weight;
    const float *student, *teacher; /* outputs of the whole batch */
} lesson;

/* Two nearly equal sums may differ by a rounding below zero; a NaN stays one. */
static double not_below_zero(double x)
{
    return x < 0 ? 0 : x;
}

/* log(a / b); what has been rounded below `least` counts as that, as in yl__cross_entropy. */
static double log_ratio(double a, double b, double least)
{
    return log((a < least ? least : a) / (b < least ? least : b));
}

static double output_term(const lesson *l, float s, float t, double weight, float *dx)
{
    if (l->head->new_coords) return yl__squared(s, t, weight, dx);
    yl__add_gradient(dx, weight * ((double)s - t));
    return weight * not_below_zero(t * log_ratio(t, s, 1e-37) + (1.0 - t) * log_ratio(1.0 - t, 1.0 - s, 0x1p-25));
}

static double softmax_term(const float *s, const float *t, int32_t classes, double weight, float *dx)
{
    double sum = 0;
    for (int32_t k = 0; k < classes; k++) {
        sum += t[k] * log_ratio(t[k], s[k], 1e-37);
        yl__add_gradient(dx ? dx + k : NULL, weight * ((double)s[k] - t[k]));
    }
    return weight * not_below_zero(sum);
}

static double class_term(const lesson *l, const float *s, const float *t, double weight, float *dx)
{
    int32_t classes = l->head->classes;
    double sum = 0;
    if (l->head->softmax) return softmax_term(s, t, classes, weight, dx);
    for (int32_t k = 0; k < classes; k++) sum += output_term(l, s[k], t[k], weight, dx ? dx + k : NULL);
    return sum;
}

static double box_term(const lesson *l, const float *s, const float *t, double weight, float *dx)
{
    return output_term(l, s[0], t[0], weight, dx) + output_term(l, s[1], t[1], weight, dx ? dx + 1 : NULL) +
           yl__squared(s[2], t[2], weight, dx ? dx + 2 : NULL) + yl__squared(s[3], t[3], weight, dx ? dx + 3 : NULL);
}

static void term(const void *geometry, const yl_truth *truth, const yl__prediction *p, double parts[YL_PARTS])
{
    const lesson *l = geometry;
    const float *t = l->teacher + (p->y - l->student);
    double believed = l->weight * t[4];
    (void)truth;
    parts[YL_PART_NOOBJECT] += yl__not_finite(t, YL_HEAD_BOX + l->head->classes);
    parts[t[4] >= 0.5f ? YL_PART_OBJECT : YL_PART_NOOBJECT] +=
        output_term(l, p->y[4], t[4], l->weight, p->dx ? p->dx + 4 : NULL);
    parts[YL_PART_CLASS] +=
        class_term(l, p->y + YL_HEAD_BOX, t + YL_HEAD_BOX, believed, p->dx ? p->dx + YL_HEAD_BOX : NULL);
    parts[YL_PART_BOX] += box_term(l, p->y, t, believed, p->dx);
}

yl_status YL_CPU(distill_head)(const yl_ctx *ctx, const yl_head_geom *g, float weight, const void *teacher,
                               const void *y, double *partial, void *dx, double *parts)
{
    lesson l = {g, weight, y, teacher};
    return yl__head_loss(ctx, g, &l, term, y, NULL, partial, dx, 1, parts);
}

enum { BLOCK = 8192, MOST_BLOCKS = 4096 };

static double feature_block(const float *s, const float *t, int64_t count, double scale, float *dx)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double off = (double)s[i] - t[i];
        sum += off * off;
        if (dx) dx[i] += (float)(scale * off);
    }
    return 0.5 * scale * sum;
}

/* Blocks of equal size whose number does not depend on the threads, and whose sums are added in order. */
yl_status YL_CPU(distill_features)(const yl_ctx *ctx, const yl_flat_geom *g, double scale, const void *teacher,
                                   const void *y, void *dx, double *sum)
{
    const float *s = y, *t = teacher;
    double partial[MOST_BLOCKS];
    int64_t size = (g->count + MOST_BLOCKS - 1) / MOST_BLOCKS, blocks;
    size = size < BLOCK ? BLOCK : size;
    blocks = (g->count + size - 1) / size;
#pragma omp parallel for schedule(static) num_threads(ctx->threads) if (blocks > 4)
    for (int64_t b = 0; b < blocks; b++) {
        int64_t at = b * size, count = g->count - at < size ? g->count - at : size;
        partial[b] = feature_block(s + at, t + at, count, scale, dx ? (float *)dx + at : NULL);
    }
    *sum = 0;
    for (int64_t b = 0; b < blocks; b++) *sum += partial[b];
    return YL_OK;
}
