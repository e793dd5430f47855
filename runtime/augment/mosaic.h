/* Mosaics: a sample put together from four pictures, one in each quarter around a random point (Bochkovskiy et al., "YOLOv4",
 * arXiv 2004.10934, section 3.3). Each piece shows its own quarter of its own augmented picture, at the scale that it has without the
 * mosaic: roads stay below and objects keep their size. */
#ifndef YL_AUGMENT_MOSAIC_H
#define YL_AUGMENT_MOSAIC_H

#include "augment/record.h"

enum { YL_MOSAIC_PIECES = 4 };

typedef struct yl_mosaic {
    int pieces;                      /* 1: no mosaic, the sample itself */
    int64_t index[YL_MOSAIC_PIECES]; /* whose picture; the first is the sample's own */
    double x, y;                     /* where the quarters meet, in fractions of the output: .25 to .75 */
} yl_mosaic;

/* What sample `index` of `count` is made of in this epoch: a mosaic with probability options->mosaic. */
yl_mosaic yl_mosaic_draw(const yl_augment_options *options, uint64_t seed, int64_t epoch, int64_t index, int64_t count);
/* The randomness of a piece's own augmentation: piece 0 draws what the sample draws without a mosaic. */
yl_rng yl_mosaic_rng(uint64_t seed, int64_t epoch, int64_t index, int piece);
/* Confines the piece's record to its quarter (0 and 1: above, 0 and 2: left); nothing is changed where there is one piece.
 * False where nothing of the picture is left, which happens between the borders of a letterbox. */
bool yl_mosaic_place(const yl_mosaic *m, int piece, yl_record *record);

#endif
