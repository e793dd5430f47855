/* Philox4x32-10 and the distributions drawn from it. */
#include "core/rng.h"

#include <math.h>

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
