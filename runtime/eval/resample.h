/* The figures of a protocol on resamples of a set's frames.
 *
 * Protocols match one frame at a time, so what each frame adds is worked out once; a replicate, in which frame i counts weights[i]
 * times, then costs no matching. Its figures are, to the last bit, those of the protocol on a set that holds each frame that often,
 * in the same order. */
#ifndef YL_EVAL_RESAMPLE_H
#define YL_EVAL_RESAMPLE_H

#include "core/options.h"

typedef struct yl_resampler yl_resampler;
struct yl_resampler {
    int64_t frames, figures; /* figures: one for each class, then their mean */
    int64_t scratch;         /* how many numbers `compute` works in */
    void (*compute)(const yl_resampler *r, const int32_t *weights, int64_t *scratch, double *out);
    void (*release)(yl_resampler *r); /* and frees r */
};

/* scratch[r->scratch]; out[r->figures]: fractions, NaN where a figure does not exist. May be called by several threads at once, each with
 * its own scratch. */
void yl_resampler_compute(const yl_resampler *r, const int32_t *weights, int64_t *scratch, double *out);
void yl_resampler_free(yl_resampler *r); /* NULL is fine */

/* The end of a protocol's maker: *out = r where `status` is OK, else r is freed. Returns `status`. */
yl_status yl__resampler_give(yl_status status, yl_resampler *r, yl_resampler **out);

typedef struct yl_bootstrap_options {
    uint64_t seed;
    int64_t replicates;
    const int32_t *group; /* of each frame: the cluster that is drawn as a whole, 0..groups-1; NULL: frames are drawn */
    int64_t groups;
} yl_bootstrap_options;

extern const yl_field_table yl_bootstrap_fields; /* all but the groups */

typedef struct yl_comparison {
    double a, b, difference; /* b - a */
    double low, high;        /* the 2.5th and 97.5th percentile of the replicates' differences */
    double
        p; /* two-sided: 2 (1 + the smaller of how many are <= 0 and how many are >= 0) / (1 + how many), at most 1 */
    int64_t replicates; /* in which the figure exists on both sides */
} yl_comparison;

/* The paired bootstrap (Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13): out[a->figures]. Replicate r draws
 * as many frames (or groups) as there are, with replacement, from the stream (seed, r, 0) of core/rng.h, and computes both sides on
 * them. NaN where a figure does not exist. Errors: INVALID where the two differ in frames or figures; MEMORY; STOPPED by the user. */
yl_status yl_bootstrap(const yl_resampler *a, const yl_resampler *b, const yl_bootstrap_options *options,
                       yl_comparison *out);

#endif
