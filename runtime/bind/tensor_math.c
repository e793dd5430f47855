/* Arithmetic of tensors for Lua. Methods whose name ends in _ change their tensor and return it. */
#include "bind/tensor_objects.h"
#include "tensor/rows.h"

#include <string.h>

static const char *const binary_names[] = {
#define X(name, text) text,
    YL_BINARIES(X)
#undef X
};

static const char *const unary_names[] = {
#define X(name, text) text,
    YL_UNARIES(X)
#undef X
};

static const char *const reduction_names[] = {
#define X(name, text) text,
    YL_REDUCTIONS(X)
#undef X
};

enum {
    BINARIES = sizeof binary_names / sizeof *binary_names,
    UNARIES = sizeof unary_names / sizeof *unary_names,
    REDUCTIONS = sizeof reduction_names / sizeof *reduction_names
};

static int upvalue(lua_State *L)
{
    return (int)lua_tointeger(L, lua_upvalueindex(1));
}

static int give(lua_State *L, yl_tensor *const *made)
{
    yl__gc_debt(L, yl_tensor_bytes(*made));
    return 1;
}

static int wrong_operand(lua_State *L, int index)
{
    return yl__arg_error(L, index,
                         lua_pushfstring(L, "expected a tensor or a number, got a %s", luaL_typename(L, index)));
}

/* A tensor without dimensions that holds the number at `index`; pushed. */
static yl_tensor *number_tensor(lua_State *L, int index, const yl_tensor *like)
{
    index = lua_absindex(L, index);
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl__tensor_for(like, lua_isinteger(L, index) ? YL_I64 : YL_F64, 0, NULL, out));
    yl__check(L, yl_tensor_fill(*out, lua_tonumber(L, index)));
    return *out;
}

/* The tensor or number at `index` as a tensor; a number's is pushed. */
static yl_tensor *operand(lua_State *L, int index, const yl_tensor *like)
{
    yl_tensor *t = yl__test_tensor(L, index);
    if (!t && lua_type(L, index) != LUA_TNUMBER) wrong_operand(L, index);
    return t ? t : number_tensor(L, index, like);
}

/* A further argument, where there is one, receives the result and is returned. */
static yl_tensor *target(lua_State *L, int index)
{
    return lua_isnoneornil(L, index) ? NULL : yl__check_tensor(L, index);
}

static int give_target(lua_State *L, int index)
{
    lua_settop(L, index);
    return 1;
}

/* a op b, where one of them may be a number; op(a, b, to) writes to `to` */
static int binary(lua_State *L)
{
    yl__check_count(L, 3);
    yl_binary op = (yl_binary)upvalue(L);
    yl_tensor *a = yl__test_tensor(L, 1), *b = yl__test_tensor(L, 2), **out;
    int number = a ? 2 : 1;
    if (!a && !b) return wrong_operand(L, 1);
    if ((!a || !b) && lua_type(L, number) != LUA_TNUMBER) return wrong_operand(L, number);
    yl_tensor *to = target(L, 3);
    if (to) {
        a = operand(L, 1, to);
        yl__check(L, yl_tensor_binary_to(op, a, operand(L, 2, to), to));
        return give_target(L, 3);
    }
    out = yl__new_tensor(L);
    if (a && b)
        yl__check(L, yl_tensor_binary(op, a, b, out));
    else
        yl__check(L,
                  yl_tensor_binary_number(op, a ? a : b, lua_tonumber(L, number), lua_isinteger(L, number), !a, out));
    return give(L, out);
}

static int binary_into(lua_State *L)
{
    yl__check_count(L, 2);
    yl_tensor *to = yl__check_tensor(L, 1);
    yl__check(L, yl_tensor_binary_into((yl_binary)upvalue(L), to, operand(L, 2, to)));
    return give_target(L, 1);
}

static int unary(lua_State *L)
{
    yl__check_count(L, 2);
    yl_tensor *a = yl__check_tensor(L, 1), *to = target(L, 2);
    if (to) {
        yl__check(L, yl_tensor_unary_to((yl_unary)upvalue(L), a, to));
        return give_target(L, 2);
    }
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_unary((yl_unary)upvalue(L), a, out));
    return give(L, out);
}

/* -a: Lua gives the operand twice */
static int minus(lua_State *L)
{
    yl_tensor *a = yl__check_tensor(L, 1), **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_unary(YL_UNARY_NEG, a, out));
    return give(L, out);
}

static int unary_into(lua_State *L)
{
    yl__check_count(L, 1);
    yl__check(L, yl_tensor_unary_into((yl_unary)upvalue(L), yl__check_tensor(L, 1)));
    lua_settop(L, 1);
    return 1;
}

/* Places count from 1. */
static void number_places(lua_State *L, yl_tensor *places)
{
    lua_pushinteger(L, 1);
    yl__check(L, yl_tensor_binary_into(YL_BINARY_ADD, places, number_tensor(L, -1, places)));
    lua_pop(L, 2);
}

/* Bits of the axis at `index`, or of the list of axes. */
static unsigned check_axes(lua_State *L, int index, const yl_tensor *t)
{
    unsigned axes = 0;
    if (!lua_istable(L, index)) return 1u << yl__check_axis(L, index, t);
    lua_Integer n = yl__check_list(L, index, "tensor: axes");
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, index, i);
        unsigned bit = 1u << yl__check_axis(L, lua_gettop(L), t);
        if (axes & bit) yl__error(L, "tensor: axis %s is named twice", yl__shown(L, -1));
        axes |= bit;
        lua_pop(L, 1);
    }
    return axes;
}

/* t:sum() is a number; t:sum(axis) or t:sum {axes} a tensor without them; t:sum(axis, to) writes to `to` */
static int reduce(lua_State *L)
{
    yl__check_count(L, 3);
    yl_reduction op = (yl_reduction)upvalue(L);
    yl_tensor *a = yl__check_tensor(L, 1), *to = target(L, 3);
    bool all = lua_isnoneornil(L, 2);
    unsigned axes = all ? 0 : check_axes(L, 2, a);
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, all ? yl_tensor_reduce(op, a, -1, out) : yl_tensor_reduce_axes(op, a, axes, out));
    if (op >= YL_REDUCE_ARGMIN) number_places(L, *out);
    if (to) {
        yl__check(L, yl_tensor_copy(*out, to));
        return give_target(L, 3);
    }
    if (!all || yl_tensor_tracked(*out)) return give(L, out); /* a number would have no history */
    lua_getfield(L, -1, "item");
    lua_insert(L, -2);
    lua_call(L, 1, 1);
    return 1;
}

/* t:softmax(axis), t:log_softmax(axis) */
static int softmax(lua_State *L)
{
    yl__check_count(L, 2);
    yl_tensor *t = yl__check_tensor(L, 1);
    int axis = yl__check_axis(L, 2, t);
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_softmax(t, axis, upvalue(L), out));
    return give(L, out);
}

/* t:clamp(least, most) */
static int clamp(lua_State *L)
{
    yl__check_count(L, 3);
    yl_tensor *t = yl__check_tensor(L, 1);
    double least = yl__check_number(L, 2), most = yl__check_number(L, 3);
    if (!(least <= most))
        return yl__error(L, "clamp: expected the least number and the most, got %f and %f", least, most);
    yl_tensor **above = yl__new_tensor(L);
    yl__check(L, yl_tensor_binary_number(YL_BINARY_MAX, t, least, lua_isinteger(L, 2), false, above));
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_binary_number(YL_BINARY_MIN, *above, most, lua_isinteger(L, 3), false, out));
    return give(L, out);
}

/* The number at `index`, or that in a tensor of one element. */
static double one_number(lua_State *L, int index)
{
    int64_t none[YL_TENSOR_DIMS] = {0}, whole;
    double number;
    yl_tensor *t = yl__test_tensor(L, index);
    if (!t) return yl__check_number(L, index);
    if (yl_tensor_count(t) != 1)
        yl__error(
            L, "tensor: < and <= compare single numbers, got a tensor of %I; lt() and le() compare element by element",
            (LUAI_UACINT)yl_tensor_count(t));
    yl__check(L, yl_tensor_get(t, none, &number, &whole));
    return number;
}

/* a < b, a <= b */
static int compare(lua_State *L)
{
    double a = one_number(L, 1), b = one_number(L, 2);
    lua_pushboolean(L, upvalue(L) ? a <= b : a < b);
    return 1;
}

/* a:matmul(b [, to]) */
static int matmul(lua_State *L)
{
    yl__check_count(L, 3);
    yl_tensor *a = yl__check_tensor(L, 1), *b = yl__check_tensor(L, 2), *to = target(L, 3);
    if (to) {
        yl__check(L, yl_tensor_matmul_to(a, b, false, to));
        return give_target(L, 3);
    }
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_matmul(a, b, out));
    return give(L, out);
}

/* t:svd() -> u {m, k}, s {k}, v {k, n}: t = u diag(s) v */
static int svd(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1), **u = yl__new_tensor(L), **s = yl__new_tensor(L), **v = yl__new_tensor(L);
    yl__check(L, yl_tensor_svd(t, u, s, v));
    return 3;
}

/* t:singular_values() -> s {k}, falling */
static int singular_values(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1), **s = yl__new_tensor(L);
    yl__check(L, yl_tensor_singular_values(t, s));
    return 1;
}

/* t:solve(b) -> x: t x = b, of {n, n} and {n, m} */
static int solve(lua_State *L)
{
    yl_tensor *t = yl__check_tensor(L, 1), *b = yl__check_tensor(L, 2), **x = yl__new_tensor(L);
    yl__check(L, yl_tensor_solve(t, b, x));
    return 1;
}

/* t:addmatmul_(a, b): t = t + a b, the matrix product */
static int add_matmul(lua_State *L)
{
    yl__check_count(L, 3);
    yl_tensor *to = yl__check_tensor(L, 1);
    yl__check(L, yl_tensor_matmul_to(yl__check_tensor(L, 2), yl__check_tensor(L, 3), true, to));
    return give_target(L, 1);
}

/* t:addmul_(a, b): t = t + a b, element by element; a and b may be numbers */
static int add_product(lua_State *L)
{
    yl__check_count(L, 3);
    yl_tensor *to = yl__check_tensor(L, 1), *a = operand(L, 2, to);
    yl__check(L, yl_tensor_add_product(to, a, operand(L, 3, to)));
    return give_target(L, 1);
}

/* The operand at `index`; a number is of the other operand's type. */
static yl_tensor *choice(lua_State *L, int index, const yl_tensor *other, const yl_tensor *mask)
{
    yl_tensor *t = operand(L, index, mask), **out;
    if (yl__test_tensor(L, index)) return t;
    out = yl__new_tensor(L);
    yl__check(L, yl_tensor_convert(t, other ? other->dtype : YL_F32, out));
    return *out;
}

/* mask:where(a, b): a where the mask is not zero, else b; either may be a number */
static int where(lua_State *L)
{
    yl__check_count(L, 3);
    lua_settop(L, 3);
    yl_tensor *mask = yl__check_tensor(L, 1), *a = yl__test_tensor(L, 2), *b = yl__test_tensor(L, 3);
    yl_tensor *x = choice(L, 2, b, mask), *y = choice(L, 3, a, mask), **out = yl__new_tensor(L);
    yl__check(L, yl_tensor_where(mask, x, y, out));
    return give(L, out);
}

/* t:equal(u): the same shape and elements (a NaN equals nothing) */
static int equal(lua_State *L)
{
    yl__check_count(L, 2);
    yl_tensor *a = yl__check_tensor(L, 1), *b = yl__check_tensor(L, 2), **same, **least;
    bool shapes = a->n_dims == b->n_dims && memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof *a->dims) == 0;
    int64_t index[YL_TENSOR_DIMS] = {0}, yes = shapes;
    double number;
    if (shapes && yl_tensor_count(a) > 0) {
        same = yl__new_tensor(L);
        yl__check(L, yl_tensor_binary(YL_BINARY_EQ, a, b, same));
        least = yl__new_tensor(L);
        yl__check(L, yl_tensor_reduce(YL_REDUCE_MIN, *same, -1, least));
        yl__check(L, yl_tensor_get(*least, index, &number, &yes));
    }
    lua_pushboolean(L, yes != 0);
    return 1;
}

static int fill_with(lua_State *L)
{
    yl__check_count(L, 2);
    yl__check(L, yl_tensor_fill(yl__check_tensor(L, 1), yl__check_number(L, 2)));
    lua_settop(L, 1);
    return 1;
}

static int copy_from(lua_State *L)
{
    yl__check_count(L, 2);
    yl_tensor *to = yl__check_tensor(L, 1);
    yl__check(L, yl_tensor_copy(yl__check_tensor(L, 2), to));
    lua_settop(L, 1);
    return 1;
}

/* t:uniform_(seed [, low, high]), t:normal_(seed [, mean, deviation]): element i is draw i of the stream (seed, 0,
 * `stream`) */
static int draw(lua_State *L)
{
    yl__check_count(L, 5);
    bool normal = upvalue(L);
    yl_tensor *t = yl__check_tensor(L, 1);
    if (!lua_isnoneornil(L, 3) &&
        lua_isnoneornil(L, 4)) /* Torch's normal_(mean, deviation) would be taken for a seed and a mean */
        return yl__error(L, "%s: expected a seed, or a seed and two numbers: %s", normal ? "normal_" : "uniform_",
                         normal ? "normal_(seed, mean, deviation)" : "uniform_(seed, low, high)");
    yl_rng rng = yl_rng_make((uint64_t)yl__check_integer(L, 2), 0, (uint32_t)yl__opt_integer(L, 5, 0));
    double a = yl__opt_number(L, 3, 0), b = yl__opt_number(L, 4, 1);
    if (!(normal ? b >= 0 : b >= a))
        return yl__error(L,
                         normal ? "normal_: expected a deviation of at least 0, got %f"
                                : "uniform_: expected a high end of at least the low one, got %f",
                         (LUAI_UACNUMBER)b);
    yl__check(L, normal ? yl_tensor_normal(t, &rng, a, b) : yl_tensor_uniform(t, &rng, a, b));
    lua_settop(L, 1);
    return 1;
}

static void add_functions(lua_State *L, int count, const char *const *names, const char *suffix, lua_CFunction f)
{
    for (int i = 0; i < count; i++) {
        lua_pushfstring(L, "%s%s", names[i], suffix);
        lua_pushinteger(L, i);
        lua_pushcclosure(L, f, 1);
        lua_rawset(L, -3);
    }
}

static void add_operators(lua_State *L)
{
    static const char *const operators[][2] = {
        {"__add", "add"},       {"__sub", "sub"}, {"__mul", "mul"}, {"__div", "div"},
        {"__idiv", "floordiv"}, {"__mod", "mod"}, {"__pow", "pow"},
    };
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        lua_pushstring(L, operators[i][1]);
        lua_rawget(L, -2);
        lua_pushstring(L, operators[i][0]);
        lua_insert(L, -2);
        lua_rawset(L, -3);
    }
}

void yl__bind_tensor_math(lua_State *L)
{
    static const luaL_Reg methods[] = {{"matmul", matmul},
                                       {"svd", svd},
                                       {"singular_values", singular_values},
                                       {"solve", solve},
                                       {"addmatmul_", add_matmul},
                                       {"addmul_", add_product},
                                       {"where", where},
                                       {"clamp", clamp},
                                       {"__unm", minus},
                                       {"equal", equal},
                                       {"fill_", fill_with},
                                       {"copy_", copy_from},
                                       {NULL, NULL}};
    static const char *const draws[] = {"uniform_", "normal_"}, *const softmaxes[] = {"softmax", "log_softmax"};
    static const char *const orders[] = {"__lt", "__le"};
    luaL_getmetatable(L, YL_TENSOR_CLASS);
    add_functions(L, BINARIES, binary_names, "", binary);
    add_functions(L, YL_BINARY_EQ, binary_names, "_", binary_into); /* a comparison's result is no number to keep */
    add_functions(L, UNARIES, unary_names, "", unary);
    add_functions(L, UNARIES - 1, unary_names, "_", unary_into); /* all but isnan */
    add_functions(L, REDUCTIONS, reduction_names, "", reduce);
    add_functions(L, 2, draws, "", draw);
    add_functions(L, 2, softmaxes, "", softmax);
    add_functions(L, 2, orders, "", compare);
    luaL_setfuncs(L, methods, 0);
    add_operators(L);
    lua_pop(L, 1);
}
