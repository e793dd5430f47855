/* Names that people know from other programs, or from what is planned here, and that are no names of yolua's: they are answered for what
 * they are, not with the nearest word. One table for all, by the kind of word: "section", "activation" and the keys of other options with
 * choices; "verb", "key"; by the name of a table of options ("optim", "data"); and for what an object lacks, by the object ("tensor",
 * "model"). */
#ifndef YL_CORE_FOREIGN_H
#define YL_CORE_FOREIGN_H

#include <stdbool.h>

typedef struct yl_foreign {
    const char *kind, *name;
    const char *from; /* whose name it is; NULL: planned, and not in this version */
    const char *ours; /* what it is called here; NULL: there is no such thing */
} yl_foreign;

extern const yl_foreign yl__foreign_names[]; /* up to one whose `name` is NULL */

/* NULL where the table does not have the name: '-' before it and case do not count, '-' equals '_'. */
const yl_foreign *yl__foreign_find(const char *kind, const char *name);

enum { YL_FOREIGN_TEXT = 128 };

/* How a sentence that refuses the name ends: ", did you mean 'predict'?", ": it is not in this version", or ": known from Darknet, and
 * not supported". Empty, and false, where the table does not have it. */
bool yl__foreign(const char *kind, const char *name, char out[YL_FOREIGN_TEXT]);

#endif
