/* What a batch says is true of its images: rows of boxes, ignore regions among them. */
#ifndef YL_CORE_TRUTH_H
#define YL_CORE_TRUTH_H

#include "core/attributes.h"
#include "core/status.h"

/* Columns of a truth row. Box centre and size are fractions of the network's input (after augmentation). Where a truth has attributes, a column for each
 * line of core/attributes.h follows. */
enum { YL_TRUTH_CX, YL_TRUTH_CY, YL_TRUTH_W, YL_TRUTH_H, YL_TRUTH_CLASS, YL_TRUTH_KIND, YL_TRUTH_FIELDS };

/* Kinds of rows. A prediction that lies in an ignore region, or that overlaps a neighbour, costs no objectness. */
enum {
    YL_TRUTH_OBJECT,    /* a labelled object of class CLASS */
    YL_TRUTH_IGNORE,    /* a region (DontCare, Misc): tested by intersection over the prediction's area */
    YL_TRUTH_NEIGHBOUR, /* a whole object of a class that the map leaves out next to one it keeps: tested by IoU */
};

typedef struct yl_truth {
    int64_t n, cap;        /* images; rows kept per image */
    const float *rows;     /* n, cap, yl_truth_fields */
    const int32_t *counts; /* n: rows in use */
    int32_t attributes;    /* 0, or YL_ATTRIBUTES: columns for them */
} yl_truth;

/* Columns of its rows. */
YL_BOTH static inline int64_t yl_truth_fields(const yl_truth *truth)
{
    return YL_TRUTH_FIELDS + truth->attributes;
}

/* Row t of an image. */
YL_BOTH static inline const float *yl_truth_row(const yl_truth *truth, int64_t image, int64_t t)
{
    return truth->rows + (image * truth->cap + t) * yl_truth_fields(truth);
}

#endif
