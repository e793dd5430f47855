/* A parameter with few different values, packed: codebook, relative indices, Huffman codes (Han, Mao and Dally, "Deep Compression: compressing
 * deep neural networks with pruning, trained quantization and Huffman coding", ICLR 2016). Reading gives back every bit of the numbers.
 *
 * A file of packed parameters is a checkpoint (formats/checkpoint.h), whose other tensors and header the file's own checksum covers
 * (formats/safetensors_guard.h). A packed parameter's bytes, little-endian, without gaps:
 *
 *   0   4 bytes  "YLP1"
 *   4   1        index bits b: 0 where every number has a code, else 1..8
 *   5   1        dimensions d, 1..4
 *   6   1        1: zeros are masked, 0: they are not
 *   7   1        0
 *   8   4        values n in the codebook, 1..65536; the first is 0
 *  12   8        entries e (the paper's: one for each number that is not 0, and the filler zeros; all numbers where b is 0)
 *  20   8d       sizes; their product is the number of numbers
 *   .   4n       the codebook: f32
 *   .   n        lengths of the values' codes in bits
 *   .   2^b      lengths of the gaps' codes (nothing where b is 0)
 *   .   8        bytes of the values' codes
 *   .   .        the values' codes (huffman.h), e of them
 *   .   8        bytes of the gaps' codes (not where b is 0)
 *   .   .        the gaps' codes, e of them
 *   .   8        XXH64 of all bytes before, seed 0 */
#ifndef YL_COMPRESS_PACKED_H
#define YL_COMPRESS_PACKED_H

#include "core/text.h"

enum { YL_PACKED_DIMS = 4 };

/* A packed parameter's sizes, as the paper's tables 2 to 5 have them. */
typedef struct yl_packed_sizes {
    int64_t numbers, kept, entries, values; /* kept: not 0; values: of the codebook */
    int index_bits;
    double code_bits, gap_bits;           /* per entry, Huffman-coded */
    int64_t bytes_p, bytes_pq, bytes_pqh; /* f32 and gap; code, gap and codebook; the same in Huffman codes */
    int64_t bytes_zstd;                   /* and by Zstandard instead (zstd.h); -1 where its library is missing */
} yl_packed_sizes;

/* Appends the packed form of numbers {count = product of dims} to *out. `index_bits`: 0..8, or -1 for those that give the fewest bytes.
 * Errors: INVALID where there are more than 65536 different values, or a negative zero, which would come back as a zero; NUMERIC for a
 * number that is not finite; MEMORY. `name` is the parameter's, for errors; `sizes` may be NULL. */
yl_status yl_packed_write(const char *name, int n_dims, const int64_t *dims, const float *numbers, bool masked,
                          int index_bits, yl_text *out, yl_packed_sizes *sizes);

/* What packed bytes say of themselves. */
typedef struct yl_packed {
    int index_bits, n_dims;
    bool masked;
    int64_t dims[YL_PACKED_DIMS], numbers, entries, values;
    const uint8_t *codebook, *code_lengths, *gap_lengths, *codes, *gaps; /* in the bytes */
    int64_t code_bytes, gap_bytes;
} yl_packed;

/* Checks checksum, sizes and bounds, and allocates nothing. Errors: FORMAT; the sentence is without a file's name. */
yl_status yl_packed_open(const void *bytes, int64_t length, yl_packed *out);
/* The numbers {packed->numbers}. Errors: FORMAT for invalid codes; MEMORY. */
yl_status yl_packed_read(const yl_packed *packed, float *numbers);

#endif
