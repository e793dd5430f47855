/* Counter-based randomness: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * A stream is named by what it is for (seed, epoch, index, ...): the same name gives the same numbers on every thread,
 * device and worker count. There is no global state. */
#ifndef YL_CORE_RNG_H
#define YL_CORE_RNG_H

#include "core/both.h"
#include "core/status.h"

typedef struct yl_rng {
    uint32_t key[2], counter[4], block[4];
    int used; /* words of `block` already handed out; 4 = make the next block */
} yl_rng;

/* One of the ten rounds, on words that lie wherever they like. */
YL_BOTH static inline void yl__philox_round(uint32_t *c0, uint32_t *c1, uint32_t *c2, uint32_t *c3, uint32_t k0,
                                            uint32_t k1)
{
    uint64_t p0 = (uint64_t)0xD2511F53u * *c0, p1 = (uint64_t)0xCD9E8D57u * *c2;
    *c0 = (uint32_t)(p1 >> 32) ^ *c1 ^ k0;
    *c2 = (uint32_t)(p0 >> 32) ^ *c3 ^ k1;
    *c1 = (uint32_t)p1;
    *c3 = (uint32_t)p0;
}

/* The key's steps from round to round: Weyl constants of the paper, table 2. */
#define YL__PHILOX_STEP0 0x9E3779B9u
#define YL__PHILOX_STEP1 0xBB67AE85u

/* One Philox4x32-10 block: 4 words from 4 counter words and 2 key words. */
YL_BOTH static inline void yl_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    for (int i = 0; i < 4; i++) out[i] = counter[i];
    for (int round = 0; round < 10; round++, k0 += YL__PHILOX_STEP0, k1 += YL__PHILOX_STEP1)
        yl__philox_round(&out[0], &out[1], &out[2], &out[3], k0, k1);
}

/* The stream of (seed, a, b): a and b are, say, epoch and sample index. */
yl_rng yl_rng_make(uint64_t seed, uint32_t a, uint32_t b);
uint32_t yl_rng_u32(yl_rng *rng);
double yl_rng_uniform(yl_rng *rng); /* [0, 1), 53 bits */
double yl_rng_range(yl_rng *rng, double low, double high);
double yl_rng_normal(yl_rng *rng);                             /* Box-Muller, one of the pair */
int64_t yl_rng_below(yl_rng *rng, int64_t n);                  /* 0..n-1, unbiased; n >= 1 */
void yl_rng_permutation(yl_rng *rng, int64_t n, int64_t *out); /* Fisher-Yates over 0..n-1 */

#endif
