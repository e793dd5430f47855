/* Tensors for Lua: making, indexing (1-based; negative counts from the end), views, copies, text. */
#include "bind/tensor_objects.h"
#include "bind/tree.h"
#include "core/memory.h"
#include "tensor/rows.h"

#include <string.h>

static const char *const dtype_names[] = {
#define X(name, text, bytes) text,
    YL_DTYPES(X) NULL
#undef X
};

yl_tensor *yl__check_tensor(lua_State *L, int index)
{
    return yl__object(L, index, YL_TENSOR_CLASS);
}

yl_tensor *yl__test_tensor(lua_State *L, int index)
{
    void **box = luaL_testudata(L, index, YL_TENSOR_CLASS);
    return box ? *box : NULL;
}

yl_tensor **yl__new_tensor(lua_State *L)
{
    return (yl_tensor **)yl__new_object(L, YL_TENSOR_CLASS);
}

void yl__push_tensor(lua_State *L, yl_tensor *t)
{
    *yl__new_tensor(L) = t;
    yl__gc_debt(L, yl_tensor_bytes(t));
}

void yl__gc_debt(lua_State *L, size_t bytes)
{
    static _Thread_local size_t pending;
    pending += bytes;
    if (pending < 1 << 16) return;
    size_t kilobytes = pending >> 10;
    pending = 0;
    lua_gc(L, LUA_GCSTEP, (int)(kilobytes < 1 << 20 ? kilobytes : 1 << 20));
}

int yl__check_axis(lua_State *L, int index, const yl_tensor *t)
{
    lua_Integer axis = luaL_checkinteger(L, index);
    luaL_argcheck(L, axis >= 1 && axis <= t->n_dims, index,
                  lua_pushfstring(L, "expected an axis in 1..%d, got %I", t->n_dims, axis));
    return (int)axis - 1;
}

static int64_t check_size(lua_State *L, int index, int i)
{
    int whole;
    lua_Integer size = lua_tointegerx(L, -1, &whole);
    if (!whole)
        luaL_argerror(L, index,
                      lua_pushfstring(L, "expected whole sizes, got a %s as size %d", luaL_typename(L, -1), i + 1));
    return size;
}

int yl__check_dims(lua_State *L, int first, int64_t dims[YL_TENSOR_DIMS])
{
    bool table = lua_istable(L, first);
    lua_Integer n = table ? luaL_len(L, first) : lua_gettop(L) - first + 1;
    luaL_argcheck(L, n >= 0 && n <= YL_TENSOR_DIMS, first, "expected at most 6 sizes");
    for (int i = 0; i < n; i++) {
        if (table)
            lua_geti(L, first, i + 1);
        else
            lua_pushvalue(L, first + i);
        dims[i] = check_size(L, first, i);
        lua_pop(L, 1);
    }
    return (int)n;
}

/* A zeroed tensor on the CPU; where memory runs out, garbage is collected and the attempt repeated. */
static yl_tensor *new_tensor(lua_State *L, yl_dtype dtype, int n, const int64_t *dims)
{
    yl_device *cpu;
    yl_tensor **box = yl__new_tensor(L);
    yl__check(L, yl_device_get("cpu", &cpu));
    yl_status status = yl_tensor_new(cpu, dtype, n, dims, box);
    if (status == YL_MEMORY) {
        lua_gc(L, LUA_GCCOLLECT);
        status = yl_tensor_new(cpu, dtype, n, dims, box);
    }
    yl__check(L, status);
    yl__gc_debt(L, yl_tensor_bytes(*box));
    return *box;
}

static yl_dtype check_dtype(lua_State *L, int index)
{
    return (yl_dtype)luaL_checkoption(L, index, "f32", dtype_names);
}

/* zeros(dims table [, dtype]) */
static int tensor_zeros(lua_State *L)
{
    int64_t dims[YL_TENSOR_DIMS];
    luaL_checktype(L, 1, LUA_TTABLE);
    int n = yl__check_dims(L, 1, dims);
    new_tensor(L, check_dtype(L, 2), n, dims);
    return 1;
}

/* ---- from nested tables --------------------------------------------------------------------------------------------
 */

/* The sizes that the first entries of each level tell. The value is on top of the stack and stays there. */
static int measure(lua_State *L, int64_t dims[YL_TENSOR_DIMS])
{
    int n = 0;
    lua_pushvalue(L, -1);
    while (lua_istable(L, -1)) {
        if (n == YL_TENSOR_DIMS) luaL_error(L, "tensor: expected tables at most 6 deep");
        dims[n++] = luaL_len(L, -1);
        lua_geti(L, -1, 1);
        lua_remove(L, -2);
    }
    lua_pop(L, 1);
    return n;
}

static void store(lua_State *L, const yl_tensor *t, char *at)
{
    if (lua_isinteger(L, -1)) {
        int64_t k = lua_tointeger(L, -1);
        yl__store_integers(t->dtype, &k, 1, at, 1);
    } else if (lua_type(L, -1) == LUA_TNUMBER || lua_isboolean(L, -1)) {
        double x = lua_isboolean(L, -1) ? lua_toboolean(L, -1) : lua_tonumber(L, -1);
        yl__store_numbers(t->dtype, &x, 1, at, 1);
    } else
        luaL_error(L, "tensor: expected numbers, got a %s", luaL_typename(L, -1));
}

/* Fills the elements from `at` on with the nested table (or number) on top of the stack; returns where the next go. */
static char *fill(lua_State *L, const yl_tensor *t, int axis, char *at)
{
    if (axis == t->n_dims) {
        store(L, t, at);
        return at + yl_dtype_bytes(t->dtype);
    }
    if (!lua_istable(L, -1) || luaL_len(L, -1) != t->dims[axis])
        luaL_error(L, "tensor: expected lists of %I at depth %d, got %s", (LUAI_UACINT)t->dims[axis], axis + 1,
                   lua_istable(L, -1) ? lua_pushfstring(L, "one of %I", luaL_len(L, -1)) : luaL_typename(L, -1));
    luaL_checkstack(L, 2, "nested tables");
    for (int64_t i = 1; i <= t->dims[axis]; i++) {
        lua_geti(L, -1, i);
        at = fill(L, t, axis + 1, at);
        lua_pop(L, 1);
    }
    return at;
}

/* Pushes a tensor of the nested table (or number) at `index`. */
static yl_tensor *from_values(lua_State *L, int index, yl_dtype dtype)
{
    int64_t dims[YL_TENSOR_DIMS];
    void *data;
    lua_pushvalue(L, index);
    int n = measure(L, dims);
    yl_tensor *t = new_tensor(L, dtype, n, dims);
    yl__check(L, yl_tensor_data(t, &data));
    lua_insert(L, -2);
    fill(L, t, 0, data);
    lua_pop(L, 1);
    return t;
}

/* new(nested table or number [, dtype]) */
static int tensor_new(lua_State *L)
{
    luaL_checkany(L, 1);
    from_values(L, 1, check_dtype(L, 2));
    return 1;
}

/* from_bytes(string, dims table [, dtype]): the elements as they lie in memory */
static int tensor_from_bytes(lua_State *L)
{
    size_t size;
    int64_t dims[YL_TENSOR_DIMS];
    const char *bytes = luaL_checklstring(L, 1, &size);
    luaL_checktype(L, 2, LUA_TTABLE);
    yl_dtype dtype = check_dtype(L, 3);
    int n = yl__check_dims(L, 2, dims);
    yl_tensor *t = new_tensor(L, dtype, n, dims);
    if (yl_tensor_bytes(t) != size)
        return luaL_error(L, "tensor: expected %I bytes, got %I", (LUAI_UACINT)yl_tensor_bytes(t), (LUAI_UACINT)size);
    yl__check(L, yl_tensor_write(t, bytes));
    return 1;
}

/* ---- asking
 * ----------------------------------------------------------------------------------------------------------- */

static int tensor_shape(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1);
    lua_createtable(L, t->n_dims, 0);
    for (int d = 0; d < t->n_dims; d++) {
        lua_pushinteger(L, t->dims[d]);
        lua_rawseti(L, -2, d + 1);
    }
    return 1;
}

static int tensor_dtype(lua_State *L)
{
    lua_pushstring(L, yl_dtype_name(yl__check_tensor(L, 1)->dtype));
    return 1;
}

static int tensor_count(lua_State *L)
{
    lua_pushinteger(L, yl_tensor_count(yl__check_tensor(L, 1)));
    return 1;
}

static int tensor_len(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1);
    lua_pushinteger(L, t->n_dims > 0 ? t->dims[0] : 0);
    return 1;
}

/* whether its memory is still there */
static int tensor_alive(lua_State *L)
{
    lua_pushboolean(L, yl_tensor_alive(yl__check_tensor(L, 1)));
    return 1;
}

static int tensor_contiguous(lua_State *L)
{
    lua_pushboolean(L, yl_tensor_contiguous(yl__check_tensor(L, 1)));
    return 1;
}

static void push_element(lua_State *L, const yl_tensor *t, const int64_t *index)
{
    double number;
    int64_t integer;
    yl__check(L, yl_tensor_get(t, index, &number, &integer));
    if (yl__is_integer(t->dtype))
        lua_pushinteger(L, integer);
    else
        lua_pushnumber(L, number);
}

/* t:item(): the only element as a number */
static int tensor_item(lua_State *L)
{
    int64_t index[YL_TENSOR_DIMS] = {0};
    yl_tensor *t = yl__check_tensor(L, 1);
    if (yl_tensor_count(t) != 1)
        return luaL_error(L, "item: expected one element, got %I", (LUAI_UACINT)yl_tensor_count(t));
    push_element(L, t, index);
    return 1;
}

static void push_table(lua_State *L, const yl_tensor *t, int axis, int64_t *index)
{
    if (axis == t->n_dims) {
        push_element(L, t, index);
        return;
    }
    luaL_checkstack(L, 3, "nested tables");
    lua_createtable(L, (int)t->dims[axis], 0);
    for (index[axis] = 0; index[axis] < t->dims[axis]; index[axis]++) {
        push_table(L, t, axis + 1, index);
        lua_rawseti(L, -2, index[axis] + 1);
    }
}

static int tensor_totable(lua_State *L)
{
    int64_t index[YL_TENSOR_DIMS] = {0};
    push_table(L, yl__check_tensor(L, 1), 0, index);
    return 1;
}

/* t:tobytes(): the elements in order, as they lie in memory */
static int tensor_tobytes(lua_State *L)
{
    luaL_Buffer b;
    yl_tensor *t = yl__check_tensor(L, 1);
    size_t size = yl_tensor_bytes(t);
    char *to = luaL_buffinitsize(L, &b, size);
    yl__check(L, yl_tensor_read(t, to));
    luaL_pushresultsize(&b, size);
    return 1;
}

static int tensor_tostring(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, YL_TENSOR_CLASS);
    if (!*box) return luaL_error(L, "this tensor was closed");
    yl_text *text = yl__push_text(L);
    yl__check(L, yl_tensor_text(*box, text));
    lua_pushlstring(L, text->data, (size_t)text->length);
    return 1;
}

/* ---- indexing
 * --------------------------------------------------------------------------------------------------------- */

/* 0-based place of a 1-based index of that axis; -1 is the last. */
static int64_t check_index(lua_State *L, int index, const yl_tensor *t, int axis)
{
    int whole;
    lua_Integer i = lua_tointegerx(L, index, &whole);
    int64_t size = t->dims[axis];
    if (!whole)
        luaL_error(L, "tensor: expected a whole number as index of axis %d, got %s", axis + 1,
                   luaL_tolstring(L, index, NULL));
    if (i == 0 || i > size || i < -size)
        luaL_error(L, "tensor: index %I is outside axis %d of size %I", i, axis + 1, (LUAI_UACINT)size);
    return i > 0 ? i - 1 : size + i;
}

/* Pushes the view of t (at stack index 1) that the key at `key` names: i, or a list {i, {first, last}, ...} per axis.
 */
static yl_tensor *push_place(lua_State *L, yl_tensor *t, int key)
{
    bool list = lua_istable(L, key);
    lua_Integer n = list ? luaL_len(L, key) : 1;
    if (n > t->n_dims) luaL_error(L, "tensor: expected at most %d indices, got %I", t->n_dims, n);
    yl_tensor *place = t;
    for (int axis = 0, i = 1; i <= n; i++) {
        if (list)
            lua_geti(L, key, i);
        else
            lua_pushvalue(L, key);
        yl_tensor **next = yl__new_tensor(L);
        if (lua_istable(L, -2)) {
            lua_geti(L, -2, 1);
            lua_geti(L, -3, 2);
            int64_t first = check_index(L, -2, place, axis), last = check_index(L, -1, place, axis);
            lua_pop(L, 2);
            yl__check(L, yl_tensor_slice(place, axis++, first, last < first ? 0 : last - first + 1, 1, next));
        } else {
            yl__check(L, yl_tensor_select(place, axis, check_index(L, -2, place, axis), next));
        }
        lua_replace(L, -2);
        place = *next;
    }
    if (n == 0) lua_pushvalue(L, 1);
    return place;
}

static int tensor_index(lua_State *L)
{
    int64_t none[YL_TENSOR_DIMS] = {0};
    if (lua_type(L, 2) == LUA_TSTRING) { /* a method */
        luaL_getmetatable(L, YL_TENSOR_CLASS);
        lua_pushvalue(L, 2);
        lua_rawget(L, -2);
        return 1;
    }
    yl_tensor *t = yl__check_tensor(L, 1);
    if (!lua_istable(L, 2) && t->n_dims == 0)
        return luaL_error(L, "tensor: a single number has no axes to index; item() gives it");
    yl_tensor *place = push_place(L, t, 2);
    if (place->n_dims == 0) push_element(L, place, none);
    return 1;
}

static int tensor_newindex(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1);
    if (lua_type(L, 2) == LUA_TSTRING) return luaL_error(L, "a tensor has no field '%s' to set", lua_tostring(L, 2));
    if (!lua_istable(L, 2) && t->n_dims == 0) return luaL_error(L, "tensor: a single number has no axes to index");
    yl_tensor *place = push_place(L, t, 2), *from = yl__test_tensor(L, 3);
    if (lua_type(L, 3) == LUA_TNUMBER)
        yl__check(L, yl_tensor_fill(place, lua_tonumber(L, 3)));
    else if (from)
        yl__check(L, yl_tensor_copy(from, place));
    else if (lua_istable(L, 3))
        yl__check(L, yl_tensor_copy(from_values(L, 3, t->dtype), place));
    else
        return luaL_error(L, "tensor: expected a number, a tensor or a table, got a %s", luaL_typename(L, 3));
    return 0;
}

/* ---- views and copies
 * --------------------------------------------------------------------------------------------------- */

/* t:slice(axis, first [, last [, step]]) */
static int tensor_slice(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1);
    int axis = yl__check_axis(L, 2, t);
    lua_settop(L, 5);
    if (lua_isnil(L, 4)) {
        lua_pushinteger(L, -1);
        lua_replace(L, 4);
    }
    int64_t step = luaL_optinteger(L, 5, 1);
    luaL_argcheck(L, step >= 1, 5, "expected a step of at least 1");
    int64_t first = check_index(L, 3, t, axis), last = check_index(L, 4, t, axis);
    yl__check(L,
              yl_tensor_slice(t, axis, first, last < first ? 0 : (last - first) / step + 1, step, yl__new_tensor(L)));
    return 1;
}

/* t:select(axis, index) */
static int tensor_select(lua_State *L)
{
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
    if (n != t->n_dims) return luaL_error(L, "permute: expected %d axes, got %d", t->n_dims, n);
    for (int d = 0; d < n; d++) {
        if (axes[d] < 1 || axes[d] > n)
            return luaL_error(L, "permute: expected axes in 1..%d, got %I", n, (LUAI_UACINT)axes[d]);
        order[d] = (int)axes[d] - 1;
    }
    yl__check(L, yl_tensor_permute(t, order, yl__new_tensor(L)));
    return 1;
}

/* t:transpose([a, b]): two axes swapped; those of a matrix where none are named */
static int tensor_transpose(lua_State *L)
{
    int order[YL_TENSOR_DIMS];
    yl_tensor *t = yl__check_tensor(L, 1);
    bool named = lua_gettop(L) > 1;
    if (!named && t->n_dims != 2)
        return luaL_error(L, "transpose: name two axes of this tensor of %d dimensions", t->n_dims);
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
    yl_tensor *t = yl__check_tensor(L, 1);
    return give_copy(L, t, t->dtype);
}

/* t:to "u8": a copy of that type; t itself where it has it already */
static int tensor_to(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1);
    yl_dtype dtype = (yl_dtype)luaL_checkoption(L, 2, NULL, dtype_names);
    if (dtype != t->dtype) return give_copy(L, t, dtype);
    lua_settop(L, 1);
    return 1;
}

static int tensor_close(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, YL_TENSOR_CLASS);
    yl_tensor_release(*box);
    *box = NULL;
    return 0;
}

void yl__bind_tensor(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"shape", tensor_shape},
        {"dtype", tensor_dtype},
        {"count", tensor_count},
        {"alive", tensor_alive},
        {"is_contiguous", tensor_contiguous},
        {"item", tensor_item},
        {"totable", tensor_totable},
        {"tobytes", tensor_tobytes},
        {"slice", tensor_slice},
        {"select", tensor_select},
        {"permute", tensor_permute},
        {"transpose", tensor_transpose},
        {"reshape", tensor_reshape},
        {"expand", tensor_expand},
        {"clone", tensor_clone},
        {"to", tensor_to},
        {"close", tensor_close},
        {"__len", tensor_len},
        {"__tostring", tensor_tostring},
        {"__index", tensor_index},
        {"__newindex", tensor_newindex},
        {"__gc", tensor_close},
        {"__close", tensor_close},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"new", tensor_new}, {"zeros", tensor_zeros}, {"from_bytes", tensor_from_bytes}, {NULL, NULL}};
    yl__class(L, YL_TENSOR_CLASS, methods);
    luaL_getmetatable(L, YL_TENSOR_CLASS);
    yl__tensor_math(L);
    lua_pop(L, 1);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "tensor");
}
