/* YAML 1.2 (core schema) as far as configuration files need it: mappings, sequences and scalars, read through libyaml.
 */
#ifndef YL_FORMATS_YAML_H
#define YL_FORMATS_YAML_H

#include "formats/tree.h"

/* Parses one document into *out (zeroed before; empty on failure). Plain scalars are null, booleans, integers or
 * numbers where the core schema says so (section 10.3.2), quoted ones are text; keys are text; each node keeps its
 * line. An empty document is an empty map. Errors: FORMAT, "path:line:column: ...": syntax, a duplicate key, an anchor,
 * alias, tag or second document (none of which a configuration needs), nesting over YL_TREE_DEPTH. */
yl_status yl__yaml_decode(const char *bytes, int64_t size, const char *path, yl_document *out);

/* Appends the value in block style, keys sorted; decoding gives the same tree back (NaN and infinities included).
 * Errors: INVALID for a key of more than 1000 characters, which YAML cannot hold on one line, or nesting too deep. */
yl_status yl__yaml_encode(const yl_tree *value, yl_text *out);

/* Sets the kind (and boolean, integer or number) of a plain scalar by the core schema; text stays STRING. */
void yl__yaml_resolve(yl_tree *scalar);

#endif
