/* Philox4x32-10 and the distributions drawn from it. */
#include "core/rng.h"

#include <math.h>

static void philox_round(uint32_t c[4], const uint32_t k[2])
{
    uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t hi0 = (uint32_t)(p0 >> 32), hi1 = (uint32_t)(p1 >> 32), c1 = c[1], c3 = c[3];
    c[0] = hi1 ^ c1 ^ k[0];
    c[1] = (uint32_t)p1;
    c[2] = hi0 ^ c3 ^ k[1];
    c[3] = (uint32_t)p0;
}

void yl_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t k[2] = {key[0], key[1]};
    for (int i = 0; i < 4; i++) out[i] = counter[i];
    for (int round = 0; round < 10; round++) {
        philox_round(out, k);
        k[0] += 0x9E3779B9u; /* Weyl constants of the paper, table 2 */
        k[1] += 0xBB67AE85u;
    }
}

yl_rng yl_rng_make(uint64_t seed, uint32_t a, uint32_t b)
{
    return (yl_rng){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .counter = {0, 0, a, b}, .used = 4};
}

uint32_t yl_rng_u32(yl_rng *rng)
{
    if (rng->used == 4) {
        yl_philox(rng->counter, rng->key, rng->block);
        if (++rng->counter[0] == 0) rng->counter[1]++;
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

double yl_rng_uniform(yl_rng *rng)
{
    uint64_t high = yl_rng_u32(rng) >> 5, low = yl_rng_u32(rng) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

double yl_rng_range(yl_rng *rng, double low, double high)
{
    return low + (high - low) * yl_rng_uniform(rng);
}

double yl_rng_normal(yl_rng *rng)
{
    double u = 1.0 - yl_rng_uniform(rng), v = yl_rng_uniform(rng); /* u in (0, 1] */
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

int64_t yl_rng_below(yl_rng *rng, int64_t n)
{
    uint64_t range = (uint64_t)n, limit = UINT64_MAX - UINT64_MAX % range, word;
    do {
        word = (uint64_t)yl_rng_u32(rng) << 32;
        word |= yl_rng_u32(rng);
    } while (word >= limit);
    return (int64_t)(word % range);
}

void yl_rng_permutation(yl_rng *rng, int64_t n, int64_t *out)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t j = yl_rng_below(rng, i + 1);
        out[i] = out[j];
        out[j] = i;
    }
}
