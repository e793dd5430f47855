/* Weight sharing: the non-zero weights of a layer by one-dimensional k-means (Han, Mao and Dally, "Deep Compression", ICLR 2016,
 * section 3, equation 2). Zero is a value of its own, always the codebook's first, and no other weight becomes zero: what was pruned
 * stays pruned, exactly, and nothing else does. */
#ifndef YL_COMPRESS_CODEBOOK_H
#define YL_COMPRESS_CODEBOOK_H

#include "core/options.h"

enum { YL_CODEBOOK_BITS = 16, YL_CODEBOOK_MOST = 1 << YL_CODEBOOK_BITS };

/* Where the centroids begin (section 3.2): spread evenly over the values' range, over their distribution, or on random weights. */
#define YL_CODEBOOK_STARTS(X) X(LINEAR, "linear") X(DENSITY, "density") X(RANDOM, "random")

typedef enum yl_codebook_start {
#define X(name, text) YL_CODEBOOK_##name,
    YL_CODEBOOK_STARTS(X)
#undef X
} yl_codebook_start;

typedef struct yl_codebook_options {
    int64_t bits; /* of a code: the codebook has 2^bits values, zero among them; 1..16 */
    yl_codebook_start start;
    int64_t iterations; /* at most; Lloyd's algorithm stops where no weight changes its centroid */
    uint64_t seed;      /* of a random start */
} yl_codebook_options;

extern const yl_field_table yl_codebook_fields;

/* Shares the weights: `values` {2^options->bits} gets zero and the centroids in ascending order, and *used how many of them any weight
 * has; weights {count} become their centroids. Weights that have at most 2^bits - 1 different values other than zero stay as they are,
 * but for negative zeros, which become zeros. `name` is theirs, for errors. *error: the root of the mean squared change.
 * Errors: NUMERIC for a weight that is not finite; MEMORY. */
yl_status yl_codebook_share(const yl_codebook_options *options, const char *name, int64_t count, float *weights,
                            float *values, int64_t *used, double *error);

/* The codebook that weights have already: their different values, zero first and the others ascending, in `values` {most}, and
 * each weight's place in it in `codes` {count}. *used is 0 where there are more than `most`. Errors: NUMERIC, MEMORY. */
yl_status yl_codebook_read(const char *name, int64_t count, const float *weights, int64_t most, float *values,
                           uint16_t *codes, int64_t *used);

/* Training shared weights (section 3.3): each weight's gradient becomes the sum over all weights of its code, so that these change alike. A
 * weight that is zero, which pruning may have made it since the codes were read, has no part in the sum, and its gradient becomes 0.
 * `sums` {used} is room to work in. False, and nothing is changed, where a weight of code 0 is not zero: the codes have to be read anew. */
bool yl_codebook_sum(int64_t count, const int32_t *codes, int64_t used, const float *weights, float *gradient,
                     double *sums);
/* Each number becomes that of the first one with its code, which removes what rounding has put between them; zeros stay zeros, and are
 * no first ones. `firsts` {one for each code} is room to work in. */
void yl_codebook_level(int64_t count, const int32_t *codes, float *numbers, float *firsts);

#endif
