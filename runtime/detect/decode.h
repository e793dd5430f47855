/* Boxes out of a head's output. */
#ifndef YL_DETECT_DECODE_H
#define YL_DETECT_DECODE_H

#include "core/box.h"
#include "layers/layer.h"

/* Appends to *list (grown; *count, *capacity) one detection for every box and class of image `image` (from 0) whose
 * score, objectness * class probability, is at least `conf`. `head` is a layer whose kind has a `head`, y {n, h, w, c} its
 * output in host memory, net_w x net_h the network's input in pixels. Boxes are fractions of that input, not clipped;
 * `anchor` counts the head's own (its mask's), `head` is 0.
 * Order: rows, columns, anchors, classes. The caller frees *list with yl__free. Errors: INVALID where the layer is not
 * a head or the shape is not its, MEMORY. */
yl_status yl_decode_head(const yl_layer *head, const float *y, yl_shape shape, int64_t net_w, int64_t net_h,
                         int64_t image, double conf, yl_detection **list, int64_t *count, int64_t *capacity);

#endif
