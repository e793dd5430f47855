/* Patterns that a parameter's zeros have to follow: each writes +infinity over the scores of the numbers that stay. */
#ifndef YL_PRUNE_PATTERN_H
#define YL_PRUNE_PATTERN_H

#include "core/status.h"

/* A parameter's scores with its mask, seen as `outer` blocks of `length` numbers that lie `stride` apart, `stride` blocks beside each
 * other: number k of block (o, s) stands at (o * length + k) * stride + s. */
typedef struct yl_prune_blocks {
    int64_t outer, length, stride;
    float *score;
    const uint8_t *mask;
} yl_prune_blocks;

/* N:M: of each `m` neighbours in a block the `n` largest stay; a shorter rest at a block's end keeps n as well. */
void yl_prune_keep_largest(const yl_prune_blocks *blocks, int64_t n, int64_t m);

/* The shapes of `entries` (2 or 3) neighbours in a 3x3 kernel, as bits 0..8 of its places in rows; returns how many (12 or 22). */
enum { YL_PRUNE_SHAPES = 22 };
int yl_prune_shapes(int entries, uint16_t out[YL_PRUNE_SHAPES]);
/* Adds to votes[s] the blocks of 9 for which shape s keeps the largest sum of scores. */
void yl_prune_vote(const yl_prune_blocks *blocks, int n_shapes, const uint16_t *shapes, int64_t *votes);
/* Of each block of 9 the numbers of its best shape stay. A rest of fewer than 9 in a row stays as a whole. */
void yl_prune_keep_shape(const yl_prune_blocks *blocks, int n_shapes, const uint16_t *shapes);

#endif
