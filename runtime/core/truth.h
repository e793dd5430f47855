/* What a batch says is true of its images: rows of boxes, ignore regions among them. */
#ifndef YL_CORE_TRUTH_H
#define YL_CORE_TRUTH_H

#include "core/status.h"

/* Columns of a truth row. Box centre and size are fractions of the network's input (after augmentation). */
enum { YL_TRUTH_CX, YL_TRUTH_CY, YL_TRUTH_W, YL_TRUTH_H, YL_TRUTH_CLASS, YL_TRUTH_KIND, YL_TRUTH_FIELDS };

/* Kinds of rows. A prediction that lies in an ignore region, or that overlaps a neighbour, costs no objectness. */
enum {
    YL_TRUTH_OBJECT,    /* a labelled object of class CLASS */
    YL_TRUTH_IGNORE,    /* a region (DontCare, Misc): tested by intersection over the prediction's area */
    YL_TRUTH_NEIGHBOUR, /* a whole object of a class that the map leaves out next to one it keeps: tested by IoU */
};

typedef struct yl_truth {
    int64_t n, cap;        /* images; rows kept per image */
    const float *rows;     /* n, cap, YL_TRUTH_FIELDS */
    const int32_t *counts; /* n: rows in use */
} yl_truth;

#endif
