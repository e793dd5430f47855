/* N:M groups and kernel shapes (Sun et al. 2023, "R-TOSS", section IV: 3x3 kernels keep 2 or 3 neighbouring entries of one of a few
 * shapes). */
#include "prune/pattern.h"

#include <math.h>

static inline int64_t place(const yl_prune_blocks *b, int64_t o, int64_t k, int64_t s)
{
    return (o * b->length + k) * b->stride + s;
}

/* What a number is worth to a group: one that is masked already stays so only where nothing else is left. */
static inline float worth(const yl_prune_blocks *b, int64_t at)
{
    return b->mask[at] ? b->score[at] : -INFINITY;
}

/* The n largest of `count` numbers from k on; earlier ones win ties. What stays has +infinity. */
static void keep_group(const yl_prune_blocks *b, int64_t o, int64_t k, int64_t s, int64_t count, int64_t n)
{
    for (int64_t kept = 0; kept < n && kept < count; kept++) {
        int64_t best = -1;
        for (int64_t i = 0; i < count; i++) {
            int64_t at = place(b, o, k + i, s);
            if (!(b->mask[at] && b->score[at] == INFINITY) && (best < 0 || worth(b, at) > worth(b, best))) best = at;
        }
        if (best < 0 || !b->mask[best]) return;
        b->score[best] = INFINITY;
    }
}

void yl_prune_keep_largest(const yl_prune_blocks *b, int64_t n, int64_t m)
{
    for (int64_t o = 0; o < b->outer; o++)
        for (int64_t s = 0; s < b->stride; s++)
            for (int64_t k = 0; k < b->length; k += m)
                keep_group(b, o, k, s, k + m <= b->length ? m : b->length - k, n);
}

static int entries_of(uint16_t shape)
{
    int count = 0;
    for (int i = 0; i < 9; i++) count += shape >> i & 1;
    return count;
}

/* Whether its places hang together, side by side. */
static bool connected(uint16_t shape)
{
    uint16_t reached = (uint16_t)(shape & -shape);
    for (int round = 0; round < 9; round++)
        for (int i = 0; i < 9; i++) {
            if (!(reached >> i & 1)) continue;
            if (i % 3 < 2) reached |= (uint16_t)(1 << (i + 1));
            if (i % 3 > 0) reached |= (uint16_t)(1 << (i - 1));
            if (i < 6) reached |= (uint16_t)(1 << (i + 3));
            if (i > 2) reached |= (uint16_t)(1 << (i - 3));
            reached &= shape;
        }
    return reached == shape;
}

int yl_prune_shapes(int entries, uint16_t out[YL_PRUNE_SHAPES])
{
    int count = 0;
    for (uint16_t shape = 1; shape < 1 << 9 && count < YL_PRUNE_SHAPES; shape++)
        if (entries_of(shape) == entries && connected(shape)) out[count++] = shape;
    return count;
}

static int best_shape(const yl_prune_blocks *b, int64_t o, int64_t k, int64_t s, int n_shapes, const uint16_t *shapes)
{
    int best = 0;
    double most = -INFINITY;
    for (int i = 0; i < n_shapes; i++) {
        double sum = 0;
        for (int e = 0; e < 9; e++) {
            int64_t at = place(b, o, k + e, s);
            if (shapes[i] >> e & 1 && b->mask[at]) sum += (double)b->score[at];
        }
        if (sum > most) best = i, most = sum;
    }
    return best;
}

void yl_prune_vote(const yl_prune_blocks *b, int n_shapes, const uint16_t *shapes, int64_t *votes)
{
    for (int64_t o = 0; o < b->outer; o++)
        for (int64_t s = 0; s < b->stride; s++)
            for (int64_t k = 0; k + 9 <= b->length; k += 9) votes[best_shape(b, o, k, s, n_shapes, shapes)]++;
}

void yl_prune_keep_shape(const yl_prune_blocks *b, int n_shapes, const uint16_t *shapes)
{
    for (int64_t o = 0; o < b->outer; o++)
        for (int64_t s = 0; s < b->stride; s++)
            for (int64_t k = 0; k < b->length; k += 9) {
                bool whole = k + 9 <= b->length;
                uint16_t shape = whole ? shapes[best_shape(b, o, k, s, n_shapes, shapes)] : 0x1ff;
                for (int e = 0; e < 9 && k + e < b->length; e++)
                    if (shape >> e & 1) b->score[place(b, o, k + e, s)] = INFINITY;
            }
}
