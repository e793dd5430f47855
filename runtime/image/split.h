/* Where the next picture of a stream of concatenated JPEG and PNG files ends. */
#ifndef YL_IMAGE_SPLIT_H
#define YL_IMAGE_SPLIT_H

#include "image/input.h"

/* Larger pictures are refused: this is what a stream may keep in memory. */
enum { YL_SPLIT_LIMIT = 1 << 28 };

typedef enum yl_split_end {
    YL_SPLIT_WHOLE,  /* `size` bytes of the window are a picture, as far as its outline says */
    YL_SPLIT_BROKEN, /* its outline makes no sense from `size` on */
    YL_SPLIT_CUT,    /* the input ended within it */
} yl_split_end;

typedef struct yl_split {
    yl_split_end end;
    int64_t size, body; /* body: behind the blocks that may hold another picture (a preview); within the window */
    bool png;
} yl_split;

/* Looks at the picture that begins the window: a JPEG or PNG signature lies there. Errors: those of yl__input_need. */
yl_status yl__split_picture(yl_input *in, yl_split *out);
/* Does a picture begin at these bytes? `left` of them are there. */
bool yl__split_begins(const uint8_t *b, int64_t left, bool png_only);
/* Takes bytes until a picture begins the window, from `from` of it on, or the input ends (*there is false then, and the window empty).
 * png_only: what could be a JPEG's beginning counts for nothing, since a PNG's data may hold it by chance. */
yl_status yl__split_seek(yl_input *in, int64_t from, bool png_only, bool *there);

#endif
