/* EXIF's orientation: how a picture has to be turned to stand upright.
 * Sources: CIPA DC-008 (EXIF 2.32), tag 274; TIFF 6.0; PNG third edition, eXIf. */
#ifndef YL_IMAGE_EXIF_H
#define YL_IMAGE_EXIF_H

#include "image/image.h"

/* 1 to 8, or 0 where the JPEG (APP1) or PNG (eXIf) says none, or nothing that makes sense. Reads nothing but the bytes that are
 * there: the head of a JPEG is enough. */
int yl_exif_orientation(const void *bytes, int64_t size);
/* Turns and mirrors the pixels so that the picture stands upright; 5 to 8 swap width and height, 0 and 1 do nothing. A failure
 * (MEMORY) leaves the picture as it was. */
yl_status yl_image_turn(yl_image *image, int orientation);
static inline bool yl_exif_swaps(int orientation)
{
    return orientation >= 5 && orientation <= 8;
}

#endif
