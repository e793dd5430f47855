/* Patterns for the zeros of a parameter. Each sets the scores of the numbers that remain to +infinity. */
#ifndef YL_PRUNE_PATTERN_H
#define YL_PRUNE_PATTERN_H

#include "core/status.h"

/* A parameter's scores and mask as `outer` times `stride` blocks of `length` numbers, which lie `stride` apart: number k of block (o, s)
 * is at (o * length + k) * stride + s. */
typedef struct yl_prune_blocks {
    int64_t outer, length, stride;
    float *score;
    const uint8_t *mask;
} yl_prune_blocks;

/* N:M: of every `m` neighbours in a block the `n` largest remain, and of fewer at the block's end as well. */
void yl_prune_keep_largest(const yl_prune_blocks *blocks, int64_t n, int64_t m);

/* The shapes of `entries` (2 or 3) neighbouring places in a 3x3 kernel, bits 0..8 row by row. Returns how many: 12 or 22. */
enum { YL_PRUNE_SHAPES = 22 };
int yl_prune_shapes(int entries, uint16_t out[YL_PRUNE_SHAPES]);
/* Adds to votes[s] the number of blocks of 9 for which shape s keeps the largest sum of scores. */
void yl_prune_vote(const yl_prune_blocks *blocks, int n_shapes, const uint16_t *shapes, int64_t *votes);
/* In each block of 9 the numbers of the best shape remain. All numbers of a block with fewer remain. */
void yl_prune_keep_shape(const yl_prune_blocks *blocks, int n_shapes, const uint16_t *shapes);

#endif
