/* Options of C's structs from Lua's tables: the only way in. Keys, types, ranges, defaults and help stand in the field table beside
 * each struct, and Lua reads them there (core.fields). */
#ifndef YL_BIND_FIELDS_H
#define YL_BIND_FIELDS_H

#include "bind/option_objects.h"

/* A struct that a table of options fills. */
typedef struct yl__filled {
    const yl_field_table *table; /* NULL: it takes no options */
    void *options;
} yl__filled;

#define YL__FILL(...)                                                                                                  \
    (const yl__filled[]){__VA_ARGS__}, (int)(sizeof((const yl__filled[]){__VA_ARGS__}) / sizeof(yl__filled))

/* Fills the structs from the Lua table at `index`: defaults first, then each of its keys; nil is an empty table. Members without a
 * field stay as they are; texts that a struct borrows live as long as the table. `others` (NULL, or NULL-terminated): keys that the
 * caller reads itself. The table is read raw: a metamethod could close what the call works on.
 * Errors, which speak of the last struct: no table; an unknown key, with the nearest known one; a value that is not the field's; a required option that is missing. */
void yl__read_options(lua_State *L, int index, const yl__filled *structs, int count, const char *const *others);
/* The same for structs that are filled already: no defaults, and none is required. */
void yl__change_options(lua_State *L, int index, const yl__filled *structs, int count, const char *const *others);
/* Sets `key` in the table on top of the stack to the option's value in the struct. */
void yl__set_option(lua_State *L, const yl_field_table *table, const char *key, const void *options);
/* Lets Lua read the table, by its owner: core.fields(owner). */
void yl__offer_fields(lua_State *L, const yl_field_table *table);
/* Pushes the fields as a list of {key, type, default, unit, help, min=, max=, choices=, aliases=}. */
void yl__push_fields(lua_State *L, const yl_field_table *table);

#endif
