/* JSON (RFC 8259), read strictly and written deterministically. */
#ifndef YL_FORMATS_JSON_H
#define YL_FORMATS_JSON_H

#include "formats/tree.h"

/* Parses `size` bytes into *out (zeroed before; empty on failure). Whole numbers that fit are INTEGER, others NUMBER.
 * Errors: FORMAT, "where: line L, byte B: ...": a syntax error, a duplicate key, nesting over YL_TREE_DEPTH, bytes that
 * are not UTF-8, a number beyond a double's range. */
yl_status yl__json_decode(const char *bytes, int64_t size, const char *where, yl_document *out);

/* Appends the value: members sorted by key, numbers in the shortest form that reads back as the same double, NaN and
 * infinities as null; `pretty` puts members on lines of their own, indented by 2. */
yl_status yl__json_encode(const yl_tree *value, bool pretty, yl_text *out);

#endif
