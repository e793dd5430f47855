/* k-means on a line: the weights are sorted once, so that a cluster is a run of them and its sum a difference of two. */
#include "compress/codebook.h"
#include "core/memory.h"
#include "core/rng.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_codebook_options, member)
static const yl_field fields[] = {
    {"bits", YL_OPTION_INT, "5", "bits", "of a code: a layer has 2^bits different weights, zero among them", 1,
     YL_CODEBOOK_BITS, NULL, NULL, AT(bits)},
    {"start", YL_OPTION_ENUM, "linear", "",
     "where k-means begins: evenly over the range, over the distribution, or at random", 0, 0, "linear|density|random",
     "init", AT(start)},
    {"iterations", YL_OPTION_INT, "300", "", "most rounds of k-means", 1, 1e6, NULL, NULL, AT(iterations)},
    {"seed", YL_OPTION_INT, "1", "", "seed of a random start", 0, INFINITY, NULL, NULL, AT(seed)},
};
const yl_field_table yl_codebook_fields = YL_FIELD_TABLE("codebook", fields);

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The weights other than zero, sorted. */
static yl_status sorted(const char *name, int64_t count, const float *weights, float **out, int64_t *n)
{
    float *w;
    YL_TRY(yl__alloc(count, sizeof *w, &w));
    *n = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(weights[i])) {
            yl__free(w);
            return yl__fail(YL_NUMERIC, "%s: weight %" PRId64 " is not finite", name, i + 1);
        }
        if (weights[i] != 0) w[(*n)++] = weights[i];
    }
    qsort(w, (size_t)*n, sizeof *w, ascending);
    *out = w;
    return YL_OK;
}

/* Different values of a sorted list, up to one more than `most`, in `values` (of at least `most`). */
static int64_t distinct(int64_t n, const float *w, int64_t most, float *values)
{
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && w[i] == w[i - 1]) continue;
        if (found++ == most) break;
        values[found - 1] = w[i];
    }
    return found;
}

static void begin(const yl_codebook_options *o, int64_t n, const float *w, int64_t k, double *c)
{
    yl_rng rng = yl_rng_make(o->seed, 0, 0);
    for (int64_t j = 0; j < k; j++) {
        double share = k > 1 ? (double)j / (double)(k - 1) : 0.5;
        if (o->start == YL_CODEBOOK_LINEAR)
            c[j] = (double)w[0] + share * ((double)w[n - 1] - (double)w[0]);
        else if (o->start == YL_CODEBOOK_DENSITY)
            c[j] = w[(int64_t)(share * (double)(n - 1) + 0.5)];
        else
            c[j] = w[yl_rng_below(&rng, n)];
    }
    for (int64_t j = 1; j < k; j++) /* at random: put in order */
        for (int64_t i = j; i > 0 && c[i] < c[i - 1]; i--) {
            double x = c[i];
            c[i] = c[i - 1];
            c[i - 1] = x;
        }
}

/* Where the run of the weights up to `border` ends. */
static int64_t end_of_run(int64_t from, int64_t n, const float *w, double border)
{
    int64_t low = from, high = n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if ((double)w[middle] <= border)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Lloyd's algorithm on sorted weights; ends[j]: where the run of centroid j ends. A centroid without weights stays where it is. */
static void refine(const yl_codebook_options *o, int64_t n, const float *w, const double *sums, int64_t k, double *c,
                   int64_t *ends)
{
    for (int64_t round = 0; round < o->iterations; round++) {
        bool moved = false;
        for (int64_t j = 0, from = 0; j < k; from = ends[j++]) {
            int64_t end = j + 1 < k ? end_of_run(from, n, w, 0.5 * (c[j] + c[j + 1])) : n;
            moved |= round == 0 || end != ends[j];
            ends[j] = end;
        }
        if (!moved) return;
        for (int64_t j = 0, from = 0; j < k; from = ends[j++])
            if (ends[j] > from) c[j] = (sums[ends[j]] - sums[from]) / (double)(ends[j] - from);
    }
}

/* A centroid as a weight: never zero, which is another value. */
static float rounded(double c, float nearest)
{
    float x = (float)c;
    return x != 0 ? x : nearest;
}

/* Clusters sorted weights: the values that some weight has, in ascending order, in `values`; returns how many. */
static yl_status cluster(const yl_codebook_options *o, int64_t n, const float *w, int64_t k, float *values,
                         int64_t *found)
{
    double *sums = NULL, *c = NULL;
    int64_t *ends = NULL;
    yl_status status = yl__alloc(n + 1, sizeof *sums, &sums);
    if (status == YL_OK) status = yl__alloc(k, sizeof *c, &c);
    if (status == YL_OK) status = yl__calloc(k, sizeof *ends, &ends);
    *found = 0;
    if (status == YL_OK) {
        sums[0] = 0;
        for (int64_t i = 0; i < n; i++) sums[i + 1] = sums[i] + (double)w[i];
        begin(o, n, w, k, c);
        refine(o, n, w, sums, k, c, ends);
        for (int64_t j = 0, from = 0; j < k; from = ends[j++])
            if (ends[j] > from) values[(*found)++] = rounded(c[j], w[from]);
    }
    yl__free(sums);
    yl__free(c);
    yl__free(ends);
    return status;
}

/* The value nearest to w among `n` ascending ones; the lower one where two are as near. */
static int64_t nearest(int64_t n, const float *values, float w)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if ((double)w <= 0.5 * ((double)values[middle] + (double)values[middle + 1]))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

yl_status yl_codebook_share(const yl_codebook_options *options, const char *name, int64_t count, float *weights,
                            float *values, int64_t *used, double *error)
{
    int64_t n, found, k = (INT64_C(1) << options->bits) - 1;
    float *w;
    YL_TRY(sorted(name, count, weights, &w, &n));
    found = distinct(n, w, k, values + 1);
    yl_status status = found > k ? cluster(options, n, w, k, values + 1, &found) : YL_OK;
    yl__free(w);
    if (status != YL_OK) return status;
    double squares = 0;
    for (int64_t i = 0; i < count; i++) {
        if (weights[i] == 0) {
            weights[i] = 0; /* it may have been a negative one */
            continue;
        }
        float shared = values[1 + nearest(found, values + 1, weights[i])];
        squares += ((double)shared - (double)weights[i]) * ((double)shared - (double)weights[i]);
        weights[i] = shared;
    }
    values[0] = 0;
    *used = found + 1;
    *error = sqrt(squares / (double)(count > 0 ? count : 1));
    return YL_OK;
}

yl_status yl_codebook_read(const char *name, int64_t count, const float *weights, int64_t most, float *values,
                           uint16_t *codes, int64_t *used)
{
    int64_t n, found;
    float *w;
    YL_TRY(sorted(name, count, weights, &w, &n));
    found = distinct(n, w, most - 1, values + 1);
    yl__free(w);
    values[0] = 0;
    *used = found > most - 1 ? 0 : found + 1;
    for (int64_t i = 0; *used && i < count; i++)
        codes[i] = (uint16_t)(weights[i] == 0 ? 0 : 1 + nearest(found, values + 1, weights[i]));
    return YL_OK;
}

bool yl_codebook_sum(int64_t count, const int32_t *codes, int64_t used, const float *weights, float *gradient,
                     double *sums)
{
    memset(sums, 0, (size_t)used * sizeof *sums);
    for (int64_t i = 0; i < count; i++) {
        if (weights[i] == 0) continue;
        if (codes[i] == 0) return false;
        sums[codes[i]] += (double)gradient[i];
    }
    for (int64_t i = 0; i < count; i++) gradient[i] = weights[i] == 0 ? 0 : (float)sums[codes[i]];
    return true;
}

void yl_codebook_level(int64_t count, const int32_t *codes, float *numbers, float *firsts)
{
    for (int64_t i = count - 1; i >= 0; i--)
        if (numbers[i] != 0) firsts[codes[i]] = numbers[i];
    for (int64_t i = 0; i < count; i++)
        if (numbers[i] != 0) numbers[i] = firsts[codes[i]];
}
