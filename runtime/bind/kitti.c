/* KITTI's protocol for Lua: a row of an evaluation set. */
#include "bind/eval_rows.h"
#include "eval/kitti.h"

#include <math.h>

static void push_kitti_level(lua_State *L, const yl_kitti_curve *c, bool aos, bool curves)
{
    lua_newtable(L);
    yl__row_count(L, "n_gt", c->n_gt);
    yl__row_number(L, "ap_r11", c->ap_r11);
    yl__row_number(L, "ap_r40", c->ap_r40);
    yl__row_number(L, "aos_r11", c->aos_r11);
    yl__row_number(L, "aos_r40", c->aos_r40);
    if (!curves) return;
    yl__row_numbers(L, "thresholds", c->thresholds, c->count);
    yl__row_counts(L, "tp", c->tp, c->count);
    yl__row_counts(L, "fp", c->fp, c->count);
    yl__row_counts(L, "fn", c->fn, c->count);
    yl__row_numbers(L, "precision", c->precision, YL_KITTI_POINTS);
    if (aos)
        yl__row_numbers(L, "aos", c->aos, YL_KITTI_POINTS);
    else
        yl__row_number(L, "aos", NAN);
}

static void push_kitti_class(lua_State *L, const yl_kitti_result *r, int class_index, bool curves)
{
    if (!r->evaluated[class_index]) {
        lua_pushlightuserdata(L, NULL);
        return;
    }
    lua_newtable(L);
    for (int l = 0; l < YL_KITTI_LEVELS; l++) {
        push_kitti_level(L, &r->curve[class_index][l], r->aos, curves);
        lua_setfield(L, -2, yl_kitti_level_names[l]);
    }
}

/* What the row holds. */
typedef struct row_options {
    bool curves;
} row_options;

static const yl_field fields[] = {
    {"curves", YL_OPTION_BOOL, "false", "",
     "kitti: also thresholds, counts, precision and orientation at each threshold", 0, 0, NULL, NULL,
     YL_MEMBER(row_options, curves)},
};
static const yl_field_table kitti_table = YL_FIELD_TABLE("kitti", fields);

/* set:kitti{fields of "kitti"} -> row */
static int set_kitti(lua_State *L)
{
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    row_options o;
    yl__read_options(L, 2, YL__FILL({&kitti_table, &o}), NULL);
    yl_kitti_result *result = yl__row_scratch(L, 1, sizeof *result);
    yl__check(L, yl_eval_kitti(set, result));
    yl__row_new(L, "kitti");
    lua_newtable(L);
    for (int c = 0; c < YL_KITTI_CLASSES; c++) {
        push_kitti_class(L, result, c, o.curves);
        lua_setfield(L, -2, yl_kitti_class_names[c]);
    }
    lua_setfield(L, -2, "classes");
    yl__row_number(L, "map", result->map);
    return 1;
}

/* set:kitti_resampler() -> resampler of the moderate AP at 40 points, and the classes' names */
static int set_kitti_resampler(lua_State *L)
{
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    yl__read_options(L, 2, NULL, 0, NULL);
    yl__check(L, yl_kitti_resampler(set, yl__new_resampler(L)));
    lua_createtable(L, YL_KITTI_CLASSES, 0);
    for (int c = 0; c < YL_KITTI_CLASSES; c++) {
        lua_pushstring(L, yl_kitti_class_names[c]);
        lua_rawseti(L, -2, c + 1);
    }
    return 2;
}

void yl__bind_kitti(lua_State *L)
{
    static const luaL_Reg methods[] = {{"kitti", set_kitti}, {"kitti_resampler", set_kitti_resampler}, {NULL, NULL}};
    yl__add_methods(L, yl__eval_set_class, methods);
    yl__offer_fields(L, &kitti_table);
}
