/* The k-th smallest of many scores, by three histograms over the digits of their bits: 50 million in a fraction of a second.
 *
 * The parts are cut into runs, which threads share; what they count does not depend on the threads. */
#include "prune/select.h"
#include "core/memory.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { DIGITS = 3, BINS = 1 << 11, LANES = 4, BLOCK = 256, RUN = 1 << 16 };
static const int shifts[DIGITS] = {21, 10, 0}, bits[DIGITS] = {11, 11, 10};

typedef struct yl_prune_run {
    const yl_prune_part *part;
    const float *score;
    uint8_t *mask;
    int64_t count, masked, kept; /* kept: candidates whose score is +infinity */
    int64_t ties, quota;         /* candidates at the threshold; how many of them go */
    bool nan;                    /* a candidate's score is NaN */
} yl_prune_run;

/* Bits that sort as the numbers do; -0 is 0. */
static inline uint32_t key_of(float score)
{
    uint32_t u;
    score += 0.0f;
    memcpy(&u, &score, sizeof u);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}

static inline float score_of(uint32_t key)
{
    float score;
    key = key & 0x80000000u ? key ^ 0x80000000u : ~key;
    memcpy(&score, &key, sizeof score);
    return score;
}

/* What a search knows of the key so far: the digits before `digit`. */
typedef struct yl_prune_search {
    uint32_t prefix, known; /* bits, and which of them are known */
    int digit;
} yl_prune_search;

static void look(yl_prune_run *r)
{
    const float *score = r->score;
    const uint8_t *mask = r->mask;
    uint32_t left = 0, kept = 0, bad = 0;
    for (int64_t i = 0; i < r->count; i++) {
        uint32_t candidate = mask[i] != 0;
        left += candidate;
        kept += candidate & (score[i] == INFINITY);
        bad |= candidate & (score[i] != score[i]);
    }
    r->masked = r->count - left, r->kept = kept, r->nan = bad != 0;
}

/* Whether any of these has the digits that are known. */
static bool any_known(const float *score, int count, const yl_prune_search *s)
{
    uint32_t any = 0, known = s->known, prefix = s->prefix;
    for (int i = 0; i < count; i++) any |= (key_of(score[i]) & known) == prefix;
    return any;
}

/* A digit of up to BLOCK numbers. Neighbours are counted in different lanes: equal ones would wait for each other. */
static void count_block(const float *score, const uint8_t *mask, int count, const yl_prune_search *s, uint32_t *bins)
{
    uint32_t place[BLOCK], one[BLOCK];
    uint32_t known = s->known, prefix = s->prefix, most = (1u << bits[s->digit]) - 1;
    int shift = shifts[s->digit];
    for (int i = 0; i < count; i++) {
        uint32_t key = key_of(score[i]);
        place[i] = (uint32_t)(i % LANES) * BINS + (key >> shift & most);
        one[i] = ((key & known) == prefix) & (mask[i] != 0);
    }
    for (int i = 0; i < count; i++) bins[place[i]] += one[i];
}

static void count_run(const yl_prune_run *r, const yl_prune_search *s, uint32_t *bins)
{
    for (int64_t i = 0; i < r->count; i += BLOCK) {
        int count = r->count - i < BLOCK ? (int)(r->count - i) : BLOCK;
        if (s->digit < DIGITS - 1 || any_known(r->score + i, count, s))
            count_block(r->score + i, r->mask + i, count, s, bins);
    }
}

/* A digit of the candidates: `bins` has LANES rows of BINS for each thread. The first time the runs are looked at as well. */
static void count_digit(yl_prune_run *runs, int64_t n, const yl_prune_search *s, int threads, uint32_t *bins)
{
    memset(bins, 0, (size_t)threads * LANES * BINS * sizeof *bins);
#pragma omp parallel for num_threads(threads) schedule(static) if (n > 1)
    for (int t = 0; t < threads; t++) {
        uint32_t *own = bins + (int64_t)t * LANES * BINS;
        for (int64_t k = n * t / threads; k < n * (t + 1) / threads; k++) {
            if (s->digit == 0) look(&runs[k]);
            count_run(&runs[k], s, own);
        }
    }
}

/* The digit of the key whose rank among the candidates is *rank; *rank becomes its rank among those of that digit. */
static uint32_t find_digit(const uint32_t *bins, int threads, int64_t *rank)
{
    for (uint32_t bin = 0; bin < BINS; bin++) {
        int64_t count = 0;
        for (int row = 0; row < threads * LANES; row++) count += bins[(int64_t)row * BINS + bin];
        if (*rank < count) return bin;
        *rank -= count;
    }
    return BINS - 1;
}

static void know(yl_prune_search *s, uint32_t digit)
{
    s->prefix |= digit << shifts[s->digit];
    s->known |= ((1u << bits[s->digit]) - 1) << shifts[s->digit];
    s->digit++;
}

/* Masks what is below the threshold, and counts what is equal to it. */
static void mask_below(yl_prune_run *r, float threshold)
{
    const float *score = r->score;
    uint8_t *mask = r->mask;
    for (int64_t i = 0; i < r->count; i += BLOCK) {
        int count = r->count - i < BLOCK ? (int)(r->count - i) : BLOCK;
        uint32_t ties = 0;
        for (int k = 0; k < count; k++) ties += (score[i + k] == threshold) & (mask[i + k] != 0);
        for (int k = 0; k < count; k++) mask[i + k] = score[i + k] < threshold ? 0 : mask[i + k];
        r->ties += ties;
    }
}

/* Masks the first `quota` candidates at the threshold. */
static void mask_ties(const yl_prune_run *r, float threshold)
{
    int64_t left = r->quota;
    for (int64_t i = 0; left > 0 && i < r->count; i++) {
        if (!r->mask[i] || r->score[i] != threshold) continue;
        r->mask[i] = 0;
        left--;
    }
}

/* Masks the candidates below the threshold, and the first `ties` of those at it. */
static void apply(yl_prune_run *runs, int64_t n, float threshold, int64_t ties, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static) if (n > 1)
    for (int64_t k = 0; k < n; k++) mask_below(&runs[k], threshold);
    for (int64_t k = 0; k < n; k++) {
        runs[k].quota = ties < runs[k].ties ? ties : runs[k].ties;
        ties -= runs[k].quota;
    }
#pragma omp parallel for num_threads(threads) schedule(static) if (n > 1)
    for (int64_t k = 0; k < n; k++) mask_ties(&runs[k], threshold);
}

static int64_t cut_into_runs(int n, const yl_prune_part *parts, yl_prune_run *runs)
{
    int64_t made = 0;
    for (int p = 0; p < n; p++) {
        for (int64_t at = 0; at < parts[p].count; at += RUN, made++) {
            int64_t left = parts[p].count - at;
            if (runs)
                runs[made] = (yl_prune_run){.part = &parts[p],
                                            .score = parts[p].score + at,
                                            .mask = parts[p].mask + at,
                                            .count = left < RUN ? left : RUN};
        }
    }
    return made;
}

static yl_status fail_of_nan(const yl_prune_run *r)
{
    int64_t at = r->score - r->part->score;
    for (int64_t i = 0; i < r->count; i++) {
        if (r->mask[i] && isnan(r->score[i]))
            return yl__fail(YL_NUMERIC, "the score of %s is NaN at place %" PRId64, r->part->name, at + i + 1);
    }
    return YL_OK;
}

/* Whether so many may be masked; *masked: how many are. */
static yl_status check(const yl_prune_run *runs, int64_t n, int64_t zeros, int64_t *masked)
{
    int64_t kept = 0, count = 0;
    *masked = 0;
    for (int64_t k = 0; k < n; k++) {
        if (runs[k].nan) YL_TRY(fail_of_nan(&runs[k]));
        count += runs[k].count, *masked += runs[k].masked, kept += runs[k].kept;
    }
    if (count > UINT32_MAX) return yl__fail(YL_INVALID, "%" PRId64 " numbers are too many for one threshold", count);
    if (zeros < *masked)
        return yl__fail(YL_INVALID,
                        "%" PRId64 " of %" PRId64
                        " numbers are masked already: expected at least as many, got %" PRId64,
                        *masked, count, zeros);
    if (zeros > count - kept)
        return yl__fail(YL_INVALID, "at most %" PRId64 " of %" PRId64 " numbers can be masked, got %" PRId64,
                        count - kept, count, zeros);
    return YL_OK;
}

static yl_status select_runs(yl_prune_run *runs, int64_t n, int64_t zeros, int threads, uint32_t *bins)
{
    yl_prune_search s = {0};
    int64_t masked;
    count_digit(runs, n, &s, threads, bins);
    YL_TRY(check(runs, n, zeros, &masked));
    if (zeros == masked) return YL_OK;
    int64_t rank = zeros - masked - 1;
    know(&s, find_digit(bins, threads, &rank));
    while (s.digit < DIGITS) {
        count_digit(runs, n, &s, threads, bins);
        know(&s, find_digit(bins, threads, &rank));
    }
    apply(runs, n, score_of(s.prefix), rank + 1, threads); /* the one of that rank goes too */
    return YL_OK;
}

yl_status yl_prune_select(int n, const yl_prune_part *parts, int64_t zeros, int threads)
{
    int64_t made = cut_into_runs(n, parts, NULL);
    uint32_t *bins = NULL;
    yl_prune_run *runs = NULL;
    yl_status status = yl__alloc(made > 0 ? made : 1, sizeof *runs, &runs);
    if (status == YL_OK) status = yl__alloc((int64_t)threads * LANES * BINS, sizeof *bins, &bins);
    if (status == YL_OK) {
        cut_into_runs(n, parts, runs);
        status = select_runs(runs, made, zeros, threads, bins);
    }
    yl__free(bins);
    yl__free(runs);
    return status;
}
