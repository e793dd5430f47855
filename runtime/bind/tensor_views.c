/* Indexing (1-based; negative counts from the end), views and copies of tensors for Lua. */
#include "bind/tensor_objects.h"

/* 0-based place of a 1-based index of that axis, which is called `shown`; -1 is the last. */
static int64_t check_place(lua_State *L, int index, const yl_tensor *t, int axis, int shown)
{
    int whole = 0;
    lua_Integer i = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &whole) : 0;
    int64_t size = t->dims[axis];
    if (!whole) yl__error(L, "tensor: expected a whole number as index of axis %d, got %s", shown, yl__shown(L, index));
    if (i == 0 || i > size || i < -size)
        yl__error(L, "tensor: index %I is outside axis %d of size %I", i, shown, (LUAI_UACINT)size);
    return i > 0 ? i - 1 : size + i;
}

static int64_t check_index(lua_State *L, int index, const yl_tensor *t, int axis)
{
    return check_place(L, index, t, axis, axis + 1);
}

/* A range of an axis is on top of the stack: {first, last}, or {} for all of it. `shown`: what the axis is called. */
static void take_range(lua_State *L, const yl_tensor *t, int axis, int shown, yl_tensor **out)
{
    lua_Integer n = yl__check_list(L, -1, "tensor: range");
    if (n != 0 && n != 2)
        yl__error(L,
                  "tensor: expected {first, last}, or {} for all of axis %d, got a list of %I numbers; "
                  "index_select(%d, {...}) picks single places, slice(%d, first, last, step) every step-th",
                  shown, n, shown, shown);
    int64_t first = 0, last = t->dims[axis] - 1;
    if (n == 2) {
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        first = check_place(L, -2, t, axis, shown), last = check_place(L, -1, t, axis, shown);
        lua_pop(L, 2);
    }
    yl__check(L, yl_tensor_slice(t, axis, first, last < first ? 0 : last - first + 1, 1, out));
}

/* Pushes the view of t (at stack index 1) that the key at `key` names: i, or a list {i, {first, last}, {}, ...} per axis. */
static yl_tensor *push_place(lua_State *L, yl_tensor *t, int key)
{
    bool list = lua_istable(L, key);
    lua_Integer n = list ? yl__check_list(L, key, "tensor: indices") : 1;
    if (n > t->n_dims) yl__error(L, "tensor: expected at most %d indices, got %I", t->n_dims, n);
    yl_tensor *place = t;
    for (int axis = 0, i = 1; i <= n; i++) {
        if (list)
            lua_rawgeti(L, key, i);
        else
            lua_pushvalue(L, key);
        yl_tensor **next = yl__new_tensor(L);
        lua_insert(L, -2);
        if (lua_istable(L, -1))
            take_range(L, place, axis++, i, next);
        else
            yl__check(L, yl_tensor_select(place, axis, check_place(L, -1, place, axis, i), next));
        lua_pop(L, 1);
        place = *next;
    }
    if (n == 0) lua_pushvalue(L, 1);
    return place;
}

/* Whether ipairs, which stops at nil, asks for what follows the last: it has no line of its own. */
static bool past_the_end(lua_State *L, const yl_tensor *t)
{
    lua_Debug at;
    if (!lua_isinteger(L, 2) || t->n_dims == 0 || lua_tointeger(L, 2) != t->dims[0] + 1) return false;
    return lua_getstack(L, 1, &at) && lua_getinfo(L, "S", &at) && at.what[0] == 'C';
}

static int tensor_index(lua_State *L)
{
    int64_t none[YL_TENSOR_DIMS] = {0};
    if (lua_type(L, 2) == LUA_TSTRING) {
        const yl_tensor *self = yl__test_tensor(L, 1);
        return self && yl__push_tensor_field(L, self, lua_tostring(L, 2)) ? 1 : yl__find_method(L, YL_TENSOR_CLASS);
    }
    yl_tensor *t = yl__check_tensor(L, 1);
    if (!lua_istable(L, 2) && t->n_dims == 0)
        return yl__error(L, "tensor: a single number has no axes to index; item() gives it");
    if (past_the_end(L, t)) return 0;
    yl_tensor *place = push_place(L, t, 2);
    if (place->n_dims == 0 && !yl_tensor_tracked(place)) yl__push_element(L, place, none);
    return 1;
}

static int tensor_newindex(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1);
    if (lua_type(L, 2) == LUA_TSTRING && yl__set_tensor_field(L, t, lua_tostring(L, 2))) return 0;
    if (lua_type(L, 2) == LUA_TSTRING) return yl__error(L, "a tensor has no field '%s' to set", lua_tostring(L, 2));
    if (!lua_istable(L, 2) && t->n_dims == 0) return yl__error(L, "tensor: a single number has no axes to index");
    yl_tensor *place = push_place(L, t, 2), *from = yl__test_tensor(L, 3);
    if (lua_type(L, 3) == LUA_TNUMBER)
        yl__check(L, yl_tensor_fill(place, lua_tonumber(L, 3)));
    else if (from)
        yl__check(L, yl_tensor_copy(from, place));
    else if (lua_istable(L, 3))
        yl__check(L, yl_tensor_copy(yl__tensor_from_values(L, 3, t->dtype), place));
    else
        return yl__error(L, "tensor: expected a number, a tensor or a table, got a %s", luaL_typename(L, 3));
    return 0;
}

/* ---- views and copies -------------------------------------------------------------------------------------------- */

/* t:slice(axis, first [, last [, step]]) */
static int tensor_slice(lua_State *L)
{
    yl__check_count(L, 5);
    yl_tensor *t = yl__check_tensor(L, 1);
    int axis = yl__check_axis(L, 2, t);
    lua_settop(L, 5);
    if (lua_isnil(L, 4)) {
        lua_pushinteger(L, -1);
        lua_replace(L, 4);
    }
    int64_t step = yl__opt_integer(L, 5, 1);
    yl__arg_check(L, step >= 1, 5, "expected a step of at least 1");
    int64_t first = check_index(L, 3, t, axis), last = check_index(L, 4, t, axis);
    yl__check(L,
              yl_tensor_slice(t, axis, first, last < first ? 0 : (last - first) / step + 1, step, yl__new_tensor(L)));
    return 1;
}

/* t:index_select(axis, {indices}): a copy of these places of the axis, in that order */
static int tensor_index_select(lua_State *L)
{
    yl__check_count(L, 3);
    yl_tensor *t = yl__check_tensor(L, 1);
    int axis = yl__check_axis(L, 2, t);
    int64_t count = yl__check_list(L, 3, "index_select");
    int64_t *places = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *places, 0);
    for (int64_t i = 0; i < count; i++) {
        lua_rawgeti(L, 3, i + 1);
        places[i] = check_index(L, -1, t, axis);
        lua_pop(L, 1);
    }
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_index_select(t, axis, count, places, out));
    yl__gc_debt(L, yl_tensor_bytes(*out));
    return 1;
}

/* t:gather(axis, index): the elements at these places of the axis, which count from 1 */
static int tensor_gather(lua_State *L)
{
    yl__check_count(L, 3);
    yl_tensor *t = yl__check_tensor(L, 1), *index = yl__check_tensor(L, 3), **places, **out;
    int axis = yl__check_axis(L, 2, t);
    places = yl__new_tensor(L);
    yl__check(L, yl_tensor_binary_number(YL_BINARY_SUB, index, 1, true, false, places));
    out = yl__new_tensor(L);
    yl__check(L, yl_tensor_gather(t, axis, *places, out));
    yl__gc_debt(L, yl_tensor_bytes(*out));
    return 1;
}

/* t:unsqueeze(axis): an axis of size 1 there; -1 puts it behind the last */
static int tensor_unsqueeze(lua_State *L)
{
    yl__check_count(L, 2);
    yl_tensor *t = yl__check_tensor(L, 1);
    lua_Integer axis = yl__check_integer(L, 2), n = t->n_dims + 1;
    if (axis == 0 || axis > n || axis < -n)
        return yl__error(L, "unsqueeze: expected an axis in 1..%I, or from the end -1..-%I, got %I", n, n, axis);
    yl__check(L, yl_tensor_unsqueeze(t, (int)(axis > 0 ? axis - 1 : n + axis), yl__new_tensor(L)));
    return 1;
}

/* t:squeeze(axis): without that axis, whose size is 1 */
static int tensor_squeeze(lua_State *L)
{
    yl__check_count(L, 2);
    yl_tensor *t = yl__check_tensor(L, 1);
    int axis = yl__check_axis(L, 2, t);
    if (t->dims[axis] != 1)
        return yl__error(L, "squeeze: expected an axis of size 1, got axis %d of size %I", axis + 1,
                         (LUAI_UACINT)t->dims[axis]);
    yl__check(L, yl_tensor_select(t, axis, 0, yl__new_tensor(L)));
    return 1;
}

/* cat({tensors}, axis): side by side */
static int tensor_cat(lua_State *L)
{
    yl__check_count(L, 2);
    int64_t count = yl__check_list(L, 1, "cat");
    const yl_tensor **tensors = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *tensors, 0);
    for (int64_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, i + 1);
        tensors[i] = yl__test_tensor(L, -1);
        if (!tensors[i]) return yl__error(L, "cat: expected tensors, got %s as number %I", yl__shown(L, -1), i + 1);
        lua_pop(L, 1);
    }
    if (count == 0) return yl__error(L, "cat: expected at least one tensor");
    int axis = yl__check_axis(L, 2, tensors[0]);
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_cat(count, tensors, axis, out));
    yl__gc_debt(L, yl_tensor_bytes(*out));
    return 1;
}

/* t:select(axis, index) */
static int tensor_select(lua_State *L)
{
    yl__check_count(L, 3);
    yl_tensor *t = yl__check_tensor(L, 1);
    int axis = yl__check_axis(L, 2, t);
    int64_t index = check_index(L, 3, t, axis);
    yl__check(L, yl_tensor_select(t, axis, index, yl__new_tensor(L)));
    return 1;
}

/* t:permute(3, 1, 2) or {3, 1, 2}: axis d of the result is axis d of the list */
static int tensor_permute(lua_State *L)
{
    int64_t axes[YL_TENSOR_DIMS];
    int order[YL_TENSOR_DIMS];
    yl_tensor *t = yl__check_tensor(L, 1);
    int n = yl__check_dims(L, 2, axes);
    if (n != t->n_dims) return yl__error(L, "permute: expected %d axes, got %d", t->n_dims, n);
    for (int d = 0; d < n; d++) {
        if (axes[d] == 0 || axes[d] > n || axes[d] < -n)
            return yl__error(L, "permute: expected axes in 1..%d, or from the end -1..-%d, got %I", n, n,
                             (LUAI_UACINT)axes[d]);
        order[d] = (int)(axes[d] > 0 ? axes[d] - 1 : n + axes[d]);
    }
    yl__check(L, yl_tensor_permute(t, order, yl__new_tensor(L)));
    return 1;
}

/* t:transpose([a, b]): two axes swapped; those of a matrix where none are named */
static int tensor_transpose(lua_State *L)
{
    yl__check_count(L, 3);
    int order[YL_TENSOR_DIMS];
    yl_tensor *t = yl__check_tensor(L, 1);
    bool named = lua_gettop(L) > 1;
    if (!named && t->n_dims != 2)
        return yl__error(L, "transpose: name two axes of this tensor of %d dimensions", t->n_dims);
    int a = named ? yl__check_axis(L, 2, t) : 0, b = named ? yl__check_axis(L, 3, t) : 1;
    for (int d = 0; d < t->n_dims; d++) order[d] = d == a ? b : d == b ? a : d;
    yl__check(L, yl_tensor_permute(t, order, yl__new_tensor(L)));
    return 1;
}

/* t:reshape(2, -1) or {2, -1} */
static int tensor_reshape(lua_State *L)
{
    int64_t dims[YL_TENSOR_DIMS];
    yl_tensor *t = yl__check_tensor(L, 1);
    int n = yl__check_dims(L, 2, dims);
    yl__check(L, yl_tensor_reshape(t, n, dims, yl__new_tensor(L)));
    return 1;
}

/* t:expand(2, 3) or {2, 3} */
static int tensor_expand(lua_State *L)
{
    int64_t dims[YL_TENSOR_DIMS];
    yl_tensor *t = yl__check_tensor(L, 1);
    int n = yl__check_dims(L, 2, dims);
    yl__check(L, yl_tensor_expand(t, n, dims, yl__new_tensor(L)));
    return 1;
}

static int give_copy(lua_State *L, const yl_tensor *t, yl_dtype dtype)
{
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_convert(t, dtype, out));
    yl__gc_debt(L, yl_tensor_bytes(*out));
    return 1;
}

static int tensor_clone(lua_State *L)
{
    yl__check_count(L, 1);
    yl_tensor *t = yl__check_tensor(L, 1);
    return give_copy(L, t, t->dtype);
}

/* t:to "u8": a copy of that type; t itself where it has it already */
static int tensor_to(lua_State *L)
{
    yl__check_count(L, 2);
    yl_tensor *t = yl__check_tensor(L, 1);
    yl_dtype dtype = (yl_dtype)yl__check_option(L, 2, NULL, yl__dtype_names);
    if (dtype != t->dtype) return give_copy(L, t, dtype);
    lua_settop(L, 1);
    return 1;
}

void yl__bind_tensor_views(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"slice", tensor_slice},     {"select", tensor_select},       {"index_select", tensor_index_select},
        {"permute", tensor_permute}, {"transpose", tensor_transpose}, {"reshape", tensor_reshape},
        {"expand", tensor_expand},   {"clone", tensor_clone},         {"to", tensor_to},
        {"gather", tensor_gather},   {"unsqueeze", tensor_unsqueeze}, {"squeeze", tensor_squeeze},
        {"__index", tensor_index},   {"__newindex", tensor_newindex}, {NULL, NULL}};
    yl__add_methods(L, YL_TENSOR_CLASS, methods);
    lua_getfield(L, -1, "tensor");
    lua_pushcfunction(L, tensor_cat);
    lua_setfield(L, -2, "cat");
    lua_pop(L, 1);
}
