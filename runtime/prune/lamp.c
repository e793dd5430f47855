/* LAMP scores: sums of squares from the largest weight down, over a radix sort of the magnitudes. */
#include "prune/lamp.h"
#include "core/memory.h"

#include <string.h>

enum { RADIX = 1 << 11, PASSES = 3 };

typedef struct item {
    uint32_t key, index; /* the bits of a magnitude sort as it does */
} item;

static uint32_t magnitude(float w)
{
    uint32_t u;
    memcpy(&u, &w, sizeof u);
    return u & 0x7fffffffu;
}

/* One stable pass over the digit that starts at `shift`. */
static void sort_pass(int64_t count, const item *from, item *to, int shift)
{
    int64_t place[RADIX + 1] = {0};
    for (int64_t i = 0; i < count; i++) place[(from[i].key >> shift & (RADIX - 1)) + 1]++;
    for (int d = 0; d < RADIX; d++) place[d + 1] += place[d];
    for (int64_t i = 0; i < count; i++) to[place[from[i].key >> shift & (RADIX - 1)]++] = from[i];
}

yl_status yl_prune_lamp(int64_t count, const float *w, const uint8_t *mask, float *score)
{
    item *items;
    int64_t n = 0;
    double sum = 0;
    YL_TRY(yl__alloc(2 * count, sizeof *items, &items));
    for (int64_t i = 0; i < count; i++) {
        score[i] = 0;
        if (mask[i]) items[n++] = (item){magnitude(w[i]), (uint32_t)i};
    }
    item *from = items, *to = items + count;
    for (int p = 0; p < PASSES; p++) {
        sort_pass(n, from, to, 11 * p);
        item *swap = from;
        from = to, to = swap;
    }
    for (int64_t k = n - 1; k >= 0; k--) {
        double square = (double)w[from[k].index] * (double)w[from[k].index];
        sum += square;
        score[from[k].index] = sum > 0 ? (float)(square / sum) : 0;
    }
    yl__free(items);
    return YL_OK;
}
