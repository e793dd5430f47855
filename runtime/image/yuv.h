/* Planes of luma and colour difference as RGB pixels, rounded to the nearest (of two that are equally near, to within 1e-8, either).
 * Sources: ITU-R BT.601-7, BT.709-6 (matrices, limited range); JFIF 1.02 (full range). */
#ifndef YL_IMAGE_YUV_H
#define YL_IMAGE_YUV_H

#include "image/image.h"

typedef enum yl_yuv_matrix { YL_YUV_AUTO, YL_YUV_BT601, YL_YUV_BT709 } yl_yuv_matrix;

typedef struct yl_yuv {
    int64_t w, h;
    int step_x, step_y;      /* luma samples to a chroma sample: 1, 2 or 4; 0: there is no chroma */
    int first_x, cb_y, cr_y; /* where the first chroma sample lies, in half luma samples */
    bool full;               /* luma and chroma use 0..255; else 16..235 and 16..240 */
    yl_yuv_matrix matrix;    /* AUTO: by the size, as players do */
} yl_yuv;

/* Bytes of a frame: luma, Cb, Cr, each plane rounded up to whole samples. */
int64_t yl_yuv_bytes(const yl_yuv *yuv);
/* BT.709 from 1280 wide or more than 576 high, else BT.601. */
yl_yuv_matrix yl_yuv_matrix_of(const yl_yuv *yuv);
/* out: a picture of w x h. Chroma between its samples is linear, beyond the outermost it is theirs. Errors: MEMORY. */
yl_status yl_yuv_to_rgb(const yl_yuv *yuv, const uint8_t *planes, yl_image *out);

#endif
