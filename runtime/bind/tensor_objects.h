/* Tensors as Lua objects: what bindings of other rooms use to take and give them. */
#ifndef YL_BIND_TENSOR_OBJECTS_H
#define YL_BIND_TENSOR_OBJECTS_H

#include "bind/bind.h"
#include "tensor/tensor.h"

#define YL_TENSOR_CLASS "yolua.tensor"

/* The tensor at `index`, or an error that says what was expected and what was given. Borrowed. */
yl_tensor *yl__check_tensor(lua_State *L, int index);
/* The same, or NULL where there is no tensor. */
yl_tensor *yl__test_tensor(lua_State *L, int index);
/* Pushes an object that takes over the caller's reference, and tells the collector what the tensor weighs. */
void yl__push_tensor(lua_State *L, yl_tensor *t);
/* Pushes an empty object first, so that nothing leaks where Lua runs out of memory; the callee's *out goes there:
 * yl__check(L, yl_tensor_clone(t, yl__new_tensor(L))). */
yl_tensor **yl__new_tensor(lua_State *L);
/* Memory outside Lua's heap: the collector runs as if it were inside. */
void yl__gc_debt(lua_State *L, size_t bytes);

/* 0-based axis, index or dims from 1-based arguments; negative indices count from the end. */
int yl__check_axis(lua_State *L, int index, const yl_tensor *t);
/* Sizes from a table or from the arguments first..top; returns how many. */
int yl__check_dims(lua_State *L, int first, int64_t dims[YL_TENSOR_DIMS]);

/* Pushes a field of a tensor (requires_grad, grad, is_leaf), or sets it to the value at 3; false if it has none of that name. */
bool yl__push_tensor_field(lua_State *L, const yl_tensor *t, const char *name);
bool yl__set_tensor_field(lua_State *L, yl_tensor *t, const char *name);

extern const char *const yl__dtype_names[]; /* NULL-terminated, in the order of yl_dtype */
/* Pushes one element (0-based index) as an integer or a float. */
void yl__push_element(lua_State *L, const yl_tensor *t, const int64_t *index);
/* Pushes a new tensor of the nested table (or number) at `index`. */
yl_tensor *yl__tensor_from_values(lua_State *L, int index, yl_dtype dtype);

#endif
