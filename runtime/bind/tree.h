/* Lua values to document trees and back. */
#ifndef YL_BIND_TREE_H
#define YL_BIND_TREE_H

#include "bind/bind.h"
#include "formats/tree.h"

/* A document owned by a userdata that this pushes: it survives errors thrown while it is in use. */
yl_document *yl__push_document(lua_State *L);
/* The same for text under construction. */
yl_text *yl__push_text(lua_State *L);

/* Reads the value at `index` into the document's root. A table is a list when its keys are 1..n, a map when they are
 * strings (whole-number keys become text); an empty one is a list; a metatable's __jsontype ("object" or "array")
 * decides first. light userdata NULL (core.null) is null; nil too. Throws for functions, cycles and keys of both kinds.
 */
void yl__read_tree(lua_State *L, int index, const char *what, yl_document *document);

/* Pushes the value: maps and lists as tables, an empty map marked with __jsontype = "object", null as core.null. */
void yl__push_tree(lua_State *L, const yl_tree *tree);

#endif
