/* A batch of the loader, and how to map boxes from the network's input back to the images. */
#ifndef YL_LOADER_BATCH_H
#define YL_LOADER_BATCH_H

#include "core/box.h"
#include "core/truth.h"
#include "net/plan.h"

typedef struct yl_batch {
    int64_t n, count;         /* slots, and how many of them hold samples: inference pads its last batch */
    int64_t w, h;             /* of the network's input */
    float *images;            /* n, h, w, 3; NULL: they are made on a device, */
    struct yl_upload *upload; /* from this (loader/upload.h) */
    yl_truth truth;
    int64_t *indices;         /* n: the samples, counted from 0 */
    double (*to_image)[4];    /* n: {a, b, c, d}: pixels x = a u + b, y = c v + d of fractions u, v of the input */
    int64_t (*image_size)[2]; /* n: width and height of the image */
    char **failures;          /* n: why the slot's picture could not be read, or NULL */
} yl_batch;

/* The batch's first images become the input of a plan, whose batch is at most as large, of a network on that device. Errors: INVALID for
 * a plan that the images do not fit, and for images that another device makes. */
yl_status yl_batch_load(const yl_batch *batch, yl_plan *plan, yl_device *device);
/* The numbers {h, w, 3} of one image. Errors: those of the device. */
yl_status yl_batch_pixels(const yl_batch *batch, int64_t i, float *out);

/* Maps a box from fractions of the input to pixels of the image in slot i. */
static inline yl_box yl_batch_unmap(const yl_batch *batch, int64_t i, yl_box box)
{
    const double *m = batch->to_image[i];
    yl_box out = {m[0] * box.x1 + m[1], m[2] * box.y1 + m[3], m[0] * box.x2 + m[1], m[2] * box.y2 + m[3]};
    if (out.x1 > out.x2) { /* flipped */
        double x = out.x1;
        out.x1 = out.x2;
        out.x2 = x;
    }
    return out;
}

#endif
