/* Which Darknet section is which layer: shared by the cfg's import and export. */
#ifndef YL_FORMATS_DARKNET_SECTIONS_H
#define YL_FORMATS_DARKNET_SECTIONS_H

#include "net/net.h"

enum { YL__MAX_SIDE = 65536 };

/* What a section becomes: one layer; one with weights, its batch-norm and activation; a layer that reads the sections in
 * `layers`; one that reads the section before and the one in `from`, or two in `layers`, with an activation: a sum or product, whose order does not
 * matter, or a product with factors, where it does; nothing at all (the section before continues). */
typedef enum yl__section_form {
    YL__PLAIN,
    YL__WEIGHTED,
    YL__ROUTE,
    YL__SHORTCUT,
    YL__SCALED,
    YL__NOTHING
} yl__section_form;

typedef struct yl__section_kind {
    const char *name;  /* "convolutional" */
    const char *layer; /* kind of its (first) layer: "conv2d" */
    yl__section_form form;
    /* Blank-separated keys: those that are not the layer's own options; those written even where they have their
     * default, since other readers' defaults differ or people expect to see them. */
    const char *elsewhere, *always;
} yl__section_kind;

const yl__section_kind *yl__section_find(const char *name);     /* by section, other spellings included; or NULL */
const yl__section_kind *yl__section_of_layer(const char *kind); /* by layer: the section to write; or NULL */
/* Whether a kind of layer has a section of its own name, which Darknet does not know: all of its parameters stand in a weights file. */
bool yl__section_is_own(const char *layer);
/* The sentence for a section that is not in the table: one of Darknet's that is not supported, or an unknown one. */
yl_status yl__section_unknown(const char *path, int64_t line, const char *name);
bool yl__listed(const char *list, const char *word); /* whether the blank-separated list holds the word */

/* The layers that make up one section: a convolution takes the batch-norm and activation that alone read it. */
typedef struct yl__section {
    const yl__section_kind *kind;
    int head, bn, act, last; /* layers; bn and act -1 where absent; last is the one that others read */
} yl__section;

typedef struct yl__sections { /* release with yl__sections_free */
    int count;
    yl__section *at;
    int *of_layer; /* the section of each layer */
} yl__sections;

/* Refuses what other readers of Darknet's files could not read: a layer of a registered kind, by name. */
yl_status yl__sections_all_darknet(const yl_net *net);
/* Groups a network's layers into sections. Errors: UNSUPPORTED, naming a layer that no section can hold. */
yl_status yl__sections_of(const yl_net *net, yl__sections *out);
void yl__sections_free(yl__sections *sections);

#endif
