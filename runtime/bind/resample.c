/* Resamplers for Lua: a protocol's figures on resamples of a set's frames, and the bootstrap of two of them. set:kitti_resampler and its
 * like (bind/kitti.c, ...) make them. */
#include "bind/eval_rows.h"

static const char *const resampler_class = "yolua.resampler";

yl_resampler **yl__new_resampler(lua_State *L)
{
    return (yl_resampler **)yl__new_object(L, resampler_class);
}

static int resampler_gc(lua_State *L)
{
    void **box = yl__check_object(L, 1, resampler_class);
    yl_resampler_free(*box);
    *box = NULL;
    return 0;
}

/* The whole numbers of the list at `index`, one for each frame, from `low` to `high`, less `base`; memory stays on the stack. */
static int32_t *frame_numbers(lua_State *L, int index, const char *what, int64_t frames, int64_t low, int64_t high,
                              int64_t base)
{
    lua_Integer count = yl__check_list(L, index, what);
    if (count != frames)
        yl__error(L, "%s: expected a number for each of the %I frames, got %I", what, (LUAI_UACINT)frames,
                  (LUAI_UACINT)count);
    int32_t *numbers = yl__row_scratch(L, frames, sizeof *numbers);
    for (lua_Integer i = 0; i < count; i++) {
        int whole;
        lua_rawgeti(L, index, i + 1);
        lua_Integer value = lua_tointegerx(L, -1, &whole);
        if (!whole || value < low || value > high)
            yl__error(L, "%s: frame %I: expected a whole number from %I to %I, got %s", what, i + 1, (LUAI_UACINT)low,
                      (LUAI_UACINT)high, yl__shown(L, -1));
        numbers[i] = (int32_t)(value - base);
        lua_pop(L, 1);
    }
    return numbers;
}

/* resampler:figures(weights) -> list of the figures, the mean last: each frame counts as often as its weight (0..1000000) says. What does
 * not exist is null. */
static int resampler_figures(lua_State *L)
{
    const yl_resampler *r = yl__object(L, 1, resampler_class);
    yl__check_type(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    const int32_t *weights = frame_numbers(L, 2, "weights", r->frames, 0, 1000000, 0);
    double *out = yl__row_scratch(L, r->figures, sizeof *out);
    yl_resampler_compute(r, weights, yl__row_scratch(L, r->scratch, sizeof(int64_t)), out);
    lua_newtable(L);
    yl__row_numbers(L, "figures", out, r->figures);
    lua_getfield(L, -1, "figures");
    return 1;
}

static void push_comparison(lua_State *L, const yl_comparison *c)
{
    lua_newtable(L);
    yl__row_number(L, "a", c->a);
    yl__row_number(L, "b", c->b);
    yl__row_number(L, "difference", c->difference);
    yl__row_number(L, "low", c->low);
    yl__row_number(L, "high", c->high);
    yl__row_number(L, "p", c->p);
    yl__row_count(L, "replicates", c->replicates);
}

/* The options at index 2. */
static yl_bootstrap_options bootstrap_options(lua_State *L, int64_t frames)
{
    yl_bootstrap_options o = {.groups = 0};
    yl__read_options(L, 2, YL__FILL({&yl_bootstrap_fields, &o}), YL__KEYS("with", "groups"));
    if (lua_getfield(L, 2, "groups") == LUA_TNIL) return o;
    int32_t *group = frame_numbers(L, lua_gettop(L), "groups", frames, 1, frames, 1);
    for (int64_t f = 0; f < frames; f++)
        if (group[f] + 1 > o.groups) o.groups = group[f] + 1;
    o.group = group;
    return o;
}

/* resampler:compare{fields of "compare", with = resampler, groups = {number of the group from 1, for each frame}} -> list of {a, b,
 * difference = b - a, low, high, p, replicates}, one for each figure, the mean last; see eval/resample.h */
static int resampler_compare(lua_State *L)
{
    const yl_resampler *a = yl__object(L, 1, resampler_class);
    yl__check_type(L, 2, LUA_TTABLE);
    if (lua_getfield(L, 2, "with") == LUA_TNIL) yl__error(L, "resampler:compare: 'with' is missing");
    const yl_resampler *b = yl__object(L, lua_gettop(L), resampler_class);
    yl_bootstrap_options o = bootstrap_options(L, a->frames);
    yl_comparison *out = yl__row_scratch(L, a->figures, sizeof *out);
    yl__check(L, yl_bootstrap(a, b, &o, out));
    lua_createtable(L, (int)a->figures, 0);
    for (int64_t i = 0; i < a->figures; i++) {
        push_comparison(L, &out[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

void yl__bind_resample(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"figures", resampler_figures},
        {"compare", resampler_compare},
        {"__gc", resampler_gc},
        {"__close", resampler_gc},
        {NULL, NULL},
    };
    yl__class(L, resampler_class, methods);
    yl__offer_fields(L, &yl_bootstrap_fields);
}
