/* The idx format of MNIST's files: a block of bytes with its sizes, plain or gzipped (the first bytes tell).
 *
 * Big-endian: two zero bytes, the element type (8: unsigned byte, the only one read here), the number of sizes, each size in four bytes,
 * then the elements, the last index fastest. Source: yann.lecun.com/exdb/mnist, "File formats". */
#ifndef YL_FORMATS_IDX_H
#define YL_FORMATS_IDX_H

#include "core/status.h"

enum { YL_IDX_DIMS = 4 };

typedef struct yl_idx {
    int n_dims;
    int64_t dims[YL_IDX_DIMS];
    uint8_t *data; /* yl__free */
} yl_idx;

/* Errors: IO; FORMAT, naming the file and what is wrong: no idx file, another element type, more or fewer bytes than its sizes say,
 * damaged compression; MEMORY. */
yl_status yl_idx_read(const char *path, yl_idx *out);
/* The same for a file's bytes; `name` is what the sentences call them. */
yl_status yl_idx_parse(const void *bytes, int64_t size, const char *name, yl_idx *out);

#endif
