/* The paired bootstrap over frames or clusters of frames. */
#include "eval/resample.h"
#include "core/memory.h"
#include "core/rng.h"
#include "core/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_bootstrap_options, member)
static const yl_field fields[] = {
    {"seed", YL_OPTION_INT, "1", "", "seed of the resamples", 0, INFINITY, NULL, NULL, AT(seed)},
    {"replicates", YL_OPTION_INT, "2000", "", "resamples of the frames", 1, 1e6, NULL, "resamples bootstrap",
     AT(replicates)},
};
const yl_field_table yl_bootstrap_fields = YL_FIELD_TABLE("compare", fields);

void yl_resampler_compute(const yl_resampler *r, const int32_t *weights, int64_t *scratch, double *out)
{
    r->compute(r, weights, scratch, out);
}

void yl_resampler_free(yl_resampler *r)
{
    if (r) r->release(r);
}

yl_status yl__resampler_give(yl_status status, yl_resampler *r, yl_resampler **out)
{
    if (status == YL_OK)
        *out = r;
    else
        yl_resampler_free(r);
    return status;
}

/* ---- replicates -------------------------------------------------------------------------------------------------- */

typedef struct job {
    const yl_resampler *a, *b;
    const yl_bootstrap_options *o;
    double *differences; /* [figure][replicate] */
    int32_t *weights;    /* [thread][frame] */
    int32_t *drawn;      /* [thread][group] */
    double *figures;     /* [thread][2][figure] */
    int64_t *scratch;    /* [thread][scratch_count] */
    int64_t scratch_count;
} job;

/* How often each frame counts in replicate `number`. */
static void draw(const job *j, int64_t number, int32_t *drawn, int32_t *weights)
{
    yl_rng rng = yl_rng_make(j->o->seed, (uint32_t)number, 0);
    int64_t units = j->o->group ? j->o->groups : j->a->frames;
    int32_t *counts = j->o->group ? drawn : weights;
    memset(counts, 0, (size_t)units * sizeof *counts);
    for (int64_t i = 0; i < units; i++) counts[yl_rng_below(&rng, units)]++;
    for (int64_t f = 0; j->o->group && f < j->a->frames; f++) weights[f] = drawn[j->o->group[f]];
}

static void replicate(const job *j, int64_t number, int thread)
{
    int64_t n = j->a->figures;
    int32_t *weights = j->weights + thread * j->a->frames;
    double *a = j->figures + 2 * thread * n, *b = a + n;
    draw(j, number, j->drawn + thread * j->o->groups, weights);
    int64_t *scratch = j->scratch + thread * j->scratch_count;
    yl_resampler_compute(j->a, weights, scratch, a);
    yl_resampler_compute(j->b, weights, scratch, b);
    for (int64_t i = 0; i < n; i++) j->differences[i * j->o->replicates + number] = b[i] - a[i];
}

static yl_status run(const job *j)
{
#pragma omp parallel for num_threads(yl_threads()) schedule(dynamic, 16)
    for (int64_t r = 0; r < j->o->replicates; r++)
        if (!yl_interrupted()) replicate(j, r, yl__thread_index());
    if (yl_interrupted()) return yl__fail(YL_INTERRUPTED, "bootstrap: stopped by the user");
    return YL_OK;
}

/* ---- what they say ----------------------------------------------------------------------------------------------- */

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of `n` rising numbers; between two of them on the line that joins them. */
static double percentile(const double *sorted, int64_t n, double share)
{
    double place = share * (double)(n - 1);
    int64_t low = (int64_t)place;
    if (low + 1 >= n) return sorted[n - 1];
    return sorted[low] + (place - (double)low) * (sorted[low + 1] - sorted[low]);
}

/* Brings the differences that exist to the front, and returns how many there are. */
static int64_t existing(double *differences, int64_t count)
{
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(differences[i])) differences[n++] = differences[i];
    return n;
}

static void summarize(double *differences, int64_t count, yl_comparison *out)
{
    int64_t n = existing(differences, count), below = 0, above = 0;
    out->difference = out->b - out->a;
    out->low = out->high = out->p = NAN;
    out->replicates = n;
    if (!n || !isfinite(out->difference)) return;
    qsort(differences, (size_t)n, sizeof *differences, rising);
    for (int64_t i = 0; i < n; i++) {
        below += differences[i] <= 0;
        above += differences[i] >= 0;
    }
    out->low = percentile(differences, n, 0.025);
    out->high = percentile(differences, n, 0.975);
    out->p = fmin(1, 2 * (double)(1 + (below < above ? below : above)) / (double)(1 + n));
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static yl_status make_job(job *j)
{
    int64_t threads = yl_threads(), frames = j->a->frames, figures = j->a->figures;
    YL_TRY(yl__alloc(YL_PRODUCT(figures, j->o->replicates), sizeof *j->differences, &j->differences));
    YL_TRY(yl__alloc(YL_PRODUCT(threads, frames), sizeof *j->weights, &j->weights));
    YL_TRY(yl__alloc(YL_PRODUCT(threads, j->o->groups), sizeof *j->drawn, &j->drawn));
    j->scratch_count = j->a->scratch > j->b->scratch ? j->a->scratch : j->b->scratch;
    YL_TRY(yl__alloc(YL_PRODUCT(threads, j->scratch_count), sizeof *j->scratch, &j->scratch));
    return yl__alloc(YL_PRODUCT(2, threads, figures), sizeof *j->figures, &j->figures);
}

/* Both sides on the frames as they are, each once. */
static void measure(const job *j, yl_comparison *out)
{
    int64_t n = j->a->figures;
    for (int64_t f = 0; f < j->a->frames; f++) j->weights[f] = 1;
    yl_resampler_compute(j->a, j->weights, j->scratch, j->figures);
    yl_resampler_compute(j->b, j->weights, j->scratch, j->figures + n);
    for (int64_t i = 0; i < n; i++) out[i] = (yl_comparison){.a = j->figures[i], .b = j->figures[n + i]};
}

static yl_status check(const yl_resampler *a, const yl_resampler *b, const yl_bootstrap_options *o)
{
    if (a->frames != b->frames || a->figures != b->figures)
        return yl__fail(YL_INVALID,
                        "bootstrap: expected the same frames and figures on both sides, got %lld and %lld frames, %lld "
                        "and %lld figures",
                        (long long)a->frames, (long long)b->frames, (long long)a->figures, (long long)b->figures);
    if (!a->frames || o->replicates < 1 || o->replicates > INT32_MAX)
        return yl__fail(YL_INVALID, "bootstrap: expected frames and at least one replicate, got %lld and %lld",
                        (long long)a->frames, (long long)o->replicates);
    for (int64_t f = 0; o->group && f < a->frames; f++)
        if (o->group[f] < 0 || o->group[f] >= o->groups)
            return yl__fail(YL_INVALID, "bootstrap: frame %lld: expected a group from 0 to %lld, got %d",
                            (long long)f + 1, (long long)o->groups - 1, (int)o->group[f]);
    return YL_OK;
}

yl_status yl_bootstrap(const yl_resampler *a, const yl_resampler *b, const yl_bootstrap_options *options,
                       yl_comparison *out)
{
    job j = {.a = a, .b = b, .o = options};
    YL_TRY(check(a, b, options));
    yl_status status = make_job(&j);
    if (status == YL_OK) {
        measure(&j, out);
        status = run(&j);
    }
    for (int64_t i = 0; i < a->figures && status == YL_OK; i++)
        summarize(j.differences + i * options->replicates, options->replicates, &out[i]);
    yl__free(j.differences);
    yl__free(j.weights);
    yl__free(j.drawn);
    yl__free(j.figures);
    yl__free(j.scratch);
    return status;
}
