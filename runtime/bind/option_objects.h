/* Option fields and values for Lua: what bindings of other rooms use. */
#ifndef YL_BIND_OPTION_OBJECTS_H
#define YL_BIND_OPTION_OBJECTS_H

#include "bind/bind.h"
#include "core/options.h"

extern const char *const yl__option_types[]; /* NULL-terminated, in the order of yl_option_type */
/* Reads min and max of the field table at `table`. */
void yl__field_range(lua_State *L, int table, yl_field *f);
/* Pushes a value of the field's type: an enum's name, lists as tables of numbers. */
void yl__push_option(lua_State *L, const yl_field *f, const yl_value *v);

#endif
