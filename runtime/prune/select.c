/* The k-th smallest of many scores, by three histograms over the digits of their bits: 50 million in a fraction of a second. */
#include "prune/select.h"
#include "core/memory.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { DIGITS = 3, BINS = 1 << 11 };
static const int shifts[DIGITS] = {21, 10, 0}, bits[DIGITS] = {11, 11, 10};

/* Bits that sort as the numbers do; -0 is 0. */
static inline uint32_t key_of(float score)
{
    uint32_t u;
    score += 0.0f;
    memcpy(&u, &score, sizeof u);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}

/* What a search knows of the key so far: the digits before `digit`. */
typedef struct yl_prune_search {
    uint32_t prefix, known; /* bits, and which of them are known */
    int digit;
} yl_prune_search;

static void count_run(const yl_prune_part *part, int64_t from, int64_t to, const yl_prune_search *s, int64_t *bins)
{
    int shift = shifts[s->digit];
    uint32_t most = (1u << bits[s->digit]) - 1;
    for (int64_t i = from; i < to; i++) {
        uint32_t key = key_of(part->score[i]);
        bins[key >> shift & most] += part->mask[i] && (key & s->known) == s->prefix;
    }
}

/* Adds a part's candidates to `bins`, which has a row of BINS for each thread. */
static void count_part(const yl_prune_part *part, const yl_prune_search *s, int threads, int64_t *bins)
{
#pragma omp parallel for num_threads(threads) schedule(static) if (part->count > 65536)
    for (int t = 0; t < threads; t++)
        count_run(part, part->count * t / threads, part->count * (t + 1) / threads, s, bins + (int64_t)t * BINS);
}

/* The digit of the key whose rank among the candidates is *rank; *rank becomes its rank among those of that digit. */
static uint32_t find_digit(const int64_t *bins, int threads, int64_t *rank)
{
    for (uint32_t bin = 0; bin < BINS; bin++) {
        int64_t count = 0;
        for (int t = 0; t < threads; t++) count += bins[(int64_t)t * BINS + bin];
        if (*rank < count) return bin;
        *rank -= count;
    }
    return BINS - 1;
}

/* The key of that rank (from 0); *ties: how many candidates with that very key come before it. */
static uint32_t find_key(int n, const yl_prune_part *parts, int64_t rank, int threads, int64_t *bins, int64_t *ties)
{
    yl_prune_search s = {0};
    for (s.digit = 0; s.digit < DIGITS; s.digit++) {
        memset(bins, 0, (size_t)threads * BINS * sizeof *bins);
        for (int p = 0; p < n; p++) count_part(&parts[p], &s, threads, bins);
        s.prefix |= find_digit(bins, threads, &rank) << shifts[s.digit];
        s.known |= ((1u << bits[s.digit]) - 1) << shifts[s.digit];
    }
    *ties = rank;
    return s.prefix;
}

static void mask_part(const yl_prune_part *part, uint32_t key, int64_t *ties)
{
    for (int64_t i = 0; i < part->count; i++) {
        uint32_t own = key_of(part->score[i]);
        if (own > key || !part->mask[i]) continue;
        if (own < key || (*ties)-- > 0) part->mask[i] = 0;
    }
}

static yl_status count_candidates(const yl_prune_part *part, int64_t *masked, int64_t *kept)
{
    for (int64_t i = 0; i < part->count; i++) {
        float score = part->score[i];
        if (!part->mask[i])
            ++*masked;
        else if (isnan(score))
            return yl__fail(YL_NUMERIC, "the score of %s is NaN at place %" PRId64, part->name, i + 1);
        else
            *kept += isinf(score) && score > 0;
    }
    return YL_OK;
}

yl_status yl_prune_select(int n, const yl_prune_part *parts, int64_t zeros, int threads)
{
    int64_t masked = 0, kept = 0, count = 0, ties, *bins;
    for (int p = 0; p < n; p++) {
        count += parts[p].count;
        YL_TRY(count_candidates(&parts[p], &masked, &kept));
    }
    if (zeros < masked)
        return yl__fail(YL_INVALID,
                        "%" PRId64 " of %" PRId64
                        " numbers are masked already: expected at least as many, got %" PRId64,
                        masked, count, zeros);
    if (zeros > count - kept)
        return yl__fail(YL_INVALID, "at most %" PRId64 " of %" PRId64 " numbers can be masked, got %" PRId64,
                        count - kept, count, zeros);
    if (zeros == masked) return YL_OK;
    YL_TRY(yl__alloc((int64_t)threads * BINS, sizeof *bins, &bins));
    uint32_t key = find_key(n, parts, zeros - masked - 1, threads, bins, &ties);
    yl__free(bins);
    ties++; /* the one of that rank goes too */
    for (int p = 0; p < n; p++) mask_part(&parts[p], key, &ties);
    return YL_OK;
}
