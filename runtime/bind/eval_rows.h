/* The evaluation protocols' rows as Lua tables, with the keys that results.json has. */
#ifndef YL_BIND_EVAL_ROWS_H
#define YL_BIND_EVAL_ROWS_H

#include "bind/eval.h"

/* Pushes a row: {protocol = }. */
void yl__row_new(lua_State *L, const char *protocol);
/* Set a field of the table on top of the stack; a number that is not finite becomes Lua's null. */
void yl__row_number(lua_State *L, const char *key, double value);
void yl__row_count(lua_State *L, const char *key, int64_t value);
void yl__row_text(lua_State *L, const char *key, const char *value);
void yl__row_flag(lua_State *L, const char *key, bool value);
void yl__row_numbers(lua_State *L, const char *key, const double *values, int64_t count);
void yl__row_counts(lua_State *L, const char *key, const int64_t *values, int64_t count);

/* Puts a table of options at stack index 2, refusing keys that are not in the NULL-terminated list. */
void yl__row_options(lua_State *L, const char *const *known);
/* The option under `key` of that table. Errors: a value of another type, or outside low..high. */
double yl__row_option_number(lua_State *L, const char *key, double fallback, double low, double high);
bool yl__row_option_flag(lua_State *L, const char *key, bool fallback);
/* The number of the word in the NULL-terminated list; 0 where the key is absent. */
int yl__row_option_word(lua_State *L, const char *key, const char *const *words);
/* Pushes the list of the classes' names. */
void yl__row_class_names(lua_State *L, const yl_eval_classes *classes);
/* Memory for `count` values, collected after the call. */
void *yl__row_scratch(lua_State *L, int64_t count, size_t size);

#endif
