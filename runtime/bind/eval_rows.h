/* The evaluation protocols' rows as Lua tables, with the keys that results.json has. */
#ifndef YL_BIND_EVAL_ROWS_H
#define YL_BIND_EVAL_ROWS_H

#include "bind/eval.h"
#include "bind/fields.h"

/* Pushes a row: {protocol = }. */
void yl__row_new(lua_State *L, const char *protocol);
/* Set a field of the table on top of the stack; a number that is not finite becomes Lua's null. */
void yl__row_number(lua_State *L, const char *key, double value);
void yl__row_count(lua_State *L, const char *key, int64_t value);
void yl__row_numbers(lua_State *L, const char *key, const double *values, int64_t count);
void yl__row_counts(lua_State *L, const char *key, const int64_t *values, int64_t count);

/* Sets `classes` in the row on top of the stack: {name = what `push` makes of that class's row, one of `rows`, `size` bytes each}. */
void yl__row_classes(lua_State *L, const yl_eval_classes *classes, const void *rows, size_t size,
                     void (*push)(lua_State *L, const void *row));
/* Pushes the list of the classes' names. */
void yl__row_class_names(lua_State *L, const yl_eval_classes *classes);
/* Memory for `count` values, collected after the call. */
void *yl__row_scratch(lua_State *L, int64_t count, size_t size);

#endif
