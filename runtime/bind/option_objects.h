/* Option fields and values for Lua: what bindings of other rooms use. */
#ifndef YL_BIND_OPTION_OBJECTS_H
#define YL_BIND_OPTION_OBJECTS_H

#include "bind/bind.h"
#include "core/options.h"

extern const char *const yl__option_types[]; /* NULL-terminated, in the order of yl_option_type */
/* Reads min and max of the field table at `table`. */
void yl__read_range(lua_State *L, int table, yl_field *f);
/* Pushes a value of the field's type: an enum's name, lists as tables of numbers, flags as a table of names. */
void yl__push_option(lua_State *L, const yl_field *f, const yl_value *v);

/* The Lua value at `index` as an option's: true or false, a number, a text (borrowed), or a table of numbers or of texts (their text stays on the stack). Errors: anything
 * else, too many numbers: "where: option 'key': ...". In `place`, `where` says where the value was written (NULL: nowhere); else it is what
 * has the option, and the caller's position goes before it. */
yl_value yl__option_value(lua_State *L, int index, const char *where, bool place, const char *key);

#endif
