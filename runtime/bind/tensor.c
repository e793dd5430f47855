/* Tensors for Lua: making them, asking them, text. */
#include "bind/tensor_objects.h"
#include "backend/device.h"
#include "bind/tree.h"
#include "core/memory.h"
#include "core/terminal.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

const char *const yl__dtype_names[] = {
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
    int whole, n = t->n_dims;
    lua_Integer axis = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &whole) : (whole = 0);
    if (!whole || axis == 0 || axis > n || axis < -n)
        yl__error(L, "tensor: expected an axis in 1..%d, or from the end -1..-%d, got %s", n, n, yl__shown(L, index));
    return (int)(axis > 0 ? axis - 1 : n + axis);
}

static int64_t check_size(lua_State *L, int index, int i)
{
    int whole;
    lua_Integer size = lua_tointegerx(L, -1, &whole);
    if (!whole)
        yl__arg_error(L, index,
                      lua_pushfstring(L, "expected whole sizes, got a %s as size %d", luaL_typename(L, -1), i + 1));
    return size;
}

int yl__check_dims(lua_State *L, int first, int64_t dims[YL_TENSOR_DIMS])
{
    bool table = lua_istable(L, first);
    lua_Integer n = table ? (lua_Integer)lua_rawlen(L, first) : lua_gettop(L) - first + 1;
    yl__arg_check(L, n >= 0 && n <= YL_TENSOR_DIMS, first, "expected at most 6 sizes");
    for (int i = 0; i < n; i++) {
        if (table)
            lua_rawgeti(L, first, i + 1);
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
    return (yl_dtype)yl__check_option(L, index, "f32", yl__dtype_names);
}

/* zeros(dims table [, dtype]) */
static int tensor_zeros(lua_State *L)
{
    int64_t dims[YL_TENSOR_DIMS];
    yl__check_type(L, 1, LUA_TTABLE);
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
        if (n == YL_TENSOR_DIMS) return yl__error(L, "tensor: expected tables at most 6 deep");
        dims[n++] = (int64_t)lua_rawlen(L, -1);
        lua_rawgeti(L, -1, 1);
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
        yl__error(L, "tensor: expected numbers, got a %s", luaL_typename(L, -1));
}

/* Fills the elements from `at` on with the nested table (or number) on top of the stack; returns where the next go. */
static char *fill(lua_State *L, const yl_tensor *t, int axis, char *at)
{
    if (axis == t->n_dims) {
        store(L, t, at);
        return at + yl_dtype_bytes(t->dtype);
    }
    if (!lua_istable(L, -1) || (int64_t)lua_rawlen(L, -1) != t->dims[axis])
        yl__error(L, "tensor: expected lists of %I at depth %d, got %s", (LUAI_UACINT)t->dims[axis], axis + 1,
                  lua_istable(L, -1) ? lua_pushfstring(L, "one of %I", (LUAI_UACINT)lua_rawlen(L, -1))
                                     : yl__shown(L, -1));
    yl__check_list(L, -1, "tensor");
    luaL_checkstack(L, 2, "nested tables");
    for (int64_t i = 1; i <= t->dims[axis]; i++) {
        lua_rawgeti(L, -1, i);
        at = fill(L, t, axis + 1, at);
        lua_pop(L, 1);
    }
    return at;
}

/* Pushes a tensor of the nested table (or number) at `index`. */
yl_tensor *yl__tensor_from_values(lua_State *L, int index, yl_dtype dtype)
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
    yl__check_count(L, 2);
    yl__check_any(L, 1);
    yl__tensor_from_values(L, 1, check_dtype(L, 2));
    return 1;
}

/* from_bytes(string, dims table [, dtype]): the elements as they lie in memory */
static int tensor_from_bytes(lua_State *L)
{
    yl__check_count(L, 3);
    size_t size;
    int64_t dims[YL_TENSOR_DIMS];
    const char *bytes = yl__check_text(L, 1, &size);
    yl__check_type(L, 2, LUA_TTABLE);
    yl_dtype dtype = check_dtype(L, 3);
    int n = yl__check_dims(L, 2, dims);
    yl_tensor *t = new_tensor(L, dtype, n, dims);
    if (yl_tensor_bytes(t) != size)
        return yl__error(L, "tensor: expected %I bytes, got %I", (LUAI_UACINT)yl_tensor_bytes(t), (LUAI_UACINT)size);
    yl__check(L, yl_tensor_write(t, bytes));
    return 1;
}

/* arange(first, last [, step [, dtype]]): first, first + step, ... up to last */
static int tensor_arange(lua_State *L)
{
    yl__check_count(L, 4);
    double first = yl__check_number(L, 1), last = yl__check_number(L, 2), step = yl__opt_number(L, 3, 1), value;
    double count = floor((last - first) / step) + 1;
    if (step == 0 || count != count) return yl__error(L, "arange: expected numbers, and a step other than 0");
    int64_t size = count < 0 ? 0 : count < 0x1p62 ? (int64_t)count : INT64_MAX;
    yl_tensor *t = new_tensor(L, check_dtype(L, 4), 1, &size);
    char *data;
    yl__check(L, yl__tensor_host_to_write(t, &data));
    for (int64_t i = 0; i < size; i++, data += yl_dtype_bytes(t->dtype)) {
        value = first + (double)i * step;
        yl__store_numbers(t->dtype, &value, 1, data, 1);
    }
    return 1;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static int tensor_shape(lua_State *L)
{
    yl__check_count(L, 1);
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
    yl__check_count(L, 1);
    lua_pushstring(L, yl_dtype_name(yl__check_tensor(L, 1)->dtype));
    return 1;
}

static int tensor_count(lua_State *L)
{
    yl__check_count(L, 1);
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
    yl__check_count(L, 1);
    lua_pushboolean(L, yl_tensor_alive(yl__check_tensor(L, 1)));
    return 1;
}

static int tensor_contiguous(lua_State *L)
{
    yl__check_count(L, 1);
    lua_pushboolean(L, yl_tensor_contiguous(yl__check_tensor(L, 1)));
    return 1;
}

void yl__push_element(lua_State *L, const yl_tensor *t, const int64_t *index)
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
    yl__check_count(L, 1);
    int64_t index[YL_TENSOR_DIMS] = {0};
    yl_tensor *t = yl__check_tensor(L, 1);
    if (yl_tensor_count(t) != 1)
        return yl__error(L, "item: expected one element, got %I", (LUAI_UACINT)yl_tensor_count(t));
    yl__push_element(L, t, index);
    return 1;
}

static void push_table(lua_State *L, const yl_tensor *t, int axis, int64_t *index)
{
    if (axis == t->n_dims) {
        yl__push_element(L, t, index);
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
    yl__check_count(L, 1);
    int64_t index[YL_TENSOR_DIMS] = {0};
    push_table(L, yl__check_tensor(L, 1), 0, index);
    return 1;
}

/* t:tobytes(): the elements in order, as they lie in memory */
static int tensor_tobytes(lua_State *L)
{
    yl__check_count(L, 1);
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
    void **box = yl__check_object(L, 1, YL_TENSOR_CLASS);
    if (!*box) return yl__error(L, "the tensor is closed");
    yl_text *text = yl__push_text(L);
    int columns = yl__terminal_columns();
    yl__check(L, yl_tensor_text(*box, columns > 0 ? columns : 80, text));
    lua_pushlstring(L, text->data, (size_t)text->length);
    return 1;
}

static int tensor_close(lua_State *L)
{
    void **box = yl__check_object(L, 1, YL_TENSOR_CLASS);
    yl_tensor_release(*box);
    *box = NULL;
    return 0;
}

/* tensor.is(value) -> whether it is a tensor */
static int tensor_is(lua_State *L)
{
    lua_pushboolean(L, luaL_testudata(L, 1, YL_TENSOR_CLASS) != NULL);
    return 1;
}

void yl__bind_tensor(lua_State *L)
{
    static const luaL_Reg methods[] = {{"shape", tensor_shape},
                                       {"dtype", tensor_dtype},
                                       {"count", tensor_count},
                                       {"alive", tensor_alive},
                                       {"is_contiguous", tensor_contiguous},
                                       {"item", tensor_item},
                                       {"totable", tensor_totable},
                                       {"tobytes", tensor_tobytes},
                                       {"close", tensor_close},
                                       {"__len", tensor_len},
                                       {"__tostring", tensor_tostring},
                                       {"__gc", tensor_close},
                                       {"__close", tensor_close},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"new", tensor_new},       {"zeros", tensor_zeros}, {"from_bytes", tensor_from_bytes},
        {"arange", tensor_arange}, {"is", tensor_is},       {NULL, NULL}};
    yl__class(L, YL_TENSOR_CLASS, methods);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "tensor");
}
