/* A document as a tree of values: what JSON and YAML decode to and encode from, without Lua.
 *
 * Every node and every string of a document lives in its blocks and is released with it. Maps keep their keys in the
 * order of insertion; encoders sort them, so that equal documents give equal bytes. */
#ifndef YL_FORMATS_TREE_H
#define YL_FORMATS_TREE_H

#include "core/status.h"
#include "core/text.h"

enum { YL_TREE_DEPTH = 64 }; /* deeper nesting is refused, in both directions */

typedef enum yl_tree_kind {
    YL_TREE_NULL,
    YL_TREE_BOOL,
    YL_TREE_INTEGER,
    YL_TREE_NUMBER,
    YL_TREE_STRING,
    YL_TREE_LIST,
    YL_TREE_MAP,
} yl_tree_kind;

typedef struct yl_tree yl_tree;

struct yl_tree {
    yl_tree_kind kind;
    bool boolean;
    int64_t integer;
    double number;
    const char *text; /* NUL-terminated; may hold further NULs */
    int64_t length;
    const char *key; /* name within the parent map, else NULL */
    int64_t key_length;
    int64_t line;  /* 1-based, of the key or else of the value; 0: unknown */
    int64_t count; /* children of a list or map */
    yl_tree *first, *last, *next;
};

typedef struct yl_document { /* zero-initialise; release with yl__document_free */
    yl_tree *root;
    struct yl_tree_block *blocks;
} yl_document;

void yl__document_free(yl_document *document);
yl_status yl__tree_new(yl_document *document, yl_tree_kind kind, yl_tree **out);
/* A NUL-terminated copy that lives as long as the document. */
yl_status yl__tree_copy(yl_document *document, const char *bytes, int64_t length, const char **out);
void yl__tree_add(yl_tree *parent, yl_tree *child);

/* The member of that name, or NULL; NULL as well where `map` is no map. */
const yl_tree *yl__tree_find(const yl_tree *map, const char *key);
const char *yl__tree_kind_name(yl_tree_kind kind); /* "a number" */

/* A map's members sorted by the bytes of their keys; release with yl__free. */
yl_status yl__tree_sorted(const yl_tree *map, const yl_tree ***out);
/* A member whose key stands earlier in the map as well, or NULL in *out. */
yl_status yl__tree_duplicate(const yl_tree *map, const yl_tree **out);

/* Appends the bytes as a double-quoted string that JSON and YAML both read. Bytes that are not UTF-8 become U+FFFD. */
yl_status yl__tree_quote(yl_text *text, const char *bytes, int64_t length);

#endif
