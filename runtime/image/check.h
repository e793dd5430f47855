/* Many picture files looked at, by several threads: can each be decoded, what is it, is it the same as another? */
#ifndef YL_IMAGE_CHECK_H
#define YL_IMAGE_CHECK_H

#include "image/decode.h"

typedef struct yl_image_fact {
    yl_status status; /* of reading and decoding */
    char *sentence;   /* where status is not OK; yl__free */
    int64_t w, h;
    uint64_t hash; /* of the file's bytes: XXH3, 64 bits */
    const char
        *kind; /* by its first bytes: "JPEG", "WebP", ...; NULL: unknown. Told of what cannot be decoded as well */
    yl_image_note note;
} yl_image_fact;

/* Reads and decodes every file, `workers` at a time (at least one); facts: count. Pixels are not kept. A stop by the user
 * ends it early. Errors: MEMORY, INTERRUPTED. Whatever is returned, the sentences are the caller's. */
yl_status yl_images_check(const char *const *paths, int64_t count, int workers, yl_image_fact *facts);

#endif
