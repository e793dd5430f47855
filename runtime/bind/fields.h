/* Fields of tables that C reads itself. */
#ifndef YL_BIND_FIELDS_H
#define YL_BIND_FIELDS_H

#include "bind/bind.h"

/* Field `key` of the table at `index` as an integer, a boolean or a string, with a default. */
int64_t yl__field_integer(lua_State *L, int index, const char *key, int64_t fallback);
bool yl__field_boolean(lua_State *L, int index, const char *key, bool fallback);
double yl__field_number(lua_State *L, int index, const char *key, double fallback);
const char *yl__field_string(lua_State *L, int index, const char *key,
                             const char *fallback); /* borrowed from the table */
/* The index of the text among the choices (NULL-terminated); 0 where the field is absent. */
int yl__field_choice(lua_State *L, int index, const char *key, const char *const *choices);

#endif
