/* Keys of Darknet's sections that no layer's field table describes: which of them would change what a network computes, and
 * which have no effect here. */
#ifndef YL_FORMATS_DARKNET_KEYS_H
#define YL_FORMATS_DARKNET_KEYS_H

#include "formats/darknet_cfg.h"

typedef enum yl__key_class {
    YL__KEY_OTHER,     /* not in the table: a layer's own option, or unknown */
    YL__KEY_NEUTRAL,   /* has the value that asks for nothing */
    YL__KEY_NO_EFFECT, /* training details that are said otherwise here or not at all, logging, scheduling */
} yl__key_class;

/* What that option of a section of kind `section` means. Errors: UNSUPPORTED, "path:line: ...", for one that changes the
 * forward pass or how weights are read. */
yl_status yl__key_check(const char *path, const char *section, const yl_cfg_option *option, yl__key_class *out);

#endif
