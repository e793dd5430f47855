/* Evaluation sets in Lua: what the object (bind/eval.c) and its protocols (bind/kitti.c, ...) share. */
#ifndef YL_BIND_EVAL_H
#define YL_BIND_EVAL_H

#include "bind/fields.h"
#include "eval/classes.h"
#include "eval/resample.h"

extern const char *const yl__eval_set_class;

/* What a protocol's method is called with: the set, and options at 2, read into the struct but for `classes`. */
const yl_eval_set *yl__eval_arguments(lua_State *L, const yl_field_table *table, void *options);
/* The list under `classes` of the options at `index`: names, or tables {name = , member, ..., crowd = {name, ...}}, or
 * "kitti" or "coco" for a list that is built in; `fallback` where there is none. Memory it needs stays on the stack. */
yl_eval_classes yl__eval_classes_option(lua_State *L, int index, const yl_eval_classes *fallback);

/* Pushes a resampler, into which its maker puts what it makes (bind/resample.c). */
yl_resampler **yl__new_resampler(lua_State *L);

#endif
