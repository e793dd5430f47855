/* The evaluation protocols' rows as Lua tables, with the keys that results.json has. Lua's null stands where a value
 * does not exist. */
#include "bind/eval.h"
#include "core/memory.h"
#include "core/text.h"
#include "eval/coco.h"
#include "eval/confusion.h"
#include "eval/kitti.h"
#include "eval/poster.h"
#include "eval/voc.h"

#include <math.h>
#include <string.h>

/* ---- values out -------------------------------------------------------------------------------------------------- */

static void push_number(lua_State *L, double value)
{
    if (isfinite(value))
        lua_pushnumber(L, value);
    else
        lua_pushlightuserdata(L, NULL);
}

static void set_number(lua_State *L, const char *key, double value)
{
    push_number(L, value);
    lua_setfield(L, -2, key);
}

static void set_count(lua_State *L, const char *key, int64_t value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

static void set_text(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

static void set_flag(lua_State *L, const char *key, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, key);
}

static void set_numbers(lua_State *L, const char *key, const double *values, int64_t count)
{
    lua_createtable(L, (int)count, 0);
    for (int64_t i = 0; i < count; i++) {
        push_number(L, values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, key);
}

static void set_counts(lua_State *L, const char *key, const int64_t *values, int64_t count)
{
    lua_createtable(L, (int)count, 0);
    for (int64_t i = 0; i < count; i++) {
        lua_pushinteger(L, values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, key);
}

static void new_row(lua_State *L, const char *protocol)
{
    lua_newtable(L);
    set_text(L, "protocol", protocol);
}

/* ---- options in -------------------------------------------------------------------------------------------------- */

/* Puts a table of options at stack index 2, refusing keys that are not in the NULL-terminated list. */
static void check_options(lua_State *L, const char *const *known)
{
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    yl__check_keys(L, 2, known);
}

static double number_option(lua_State *L, const char *key, double fallback, double low, double high)
{
    double value = fallback;
    if (lua_getfield(L, 2, key) != LUA_TNIL) {
        int is_number;
        value = lua_tonumberx(L, -1, &is_number);
        if (!is_number || !(value >= low && value <= high))
            yl__error(L, "%s: expected a number from %f to %f, got %s", key, low, high, yl__shown(L, -1));
    }
    lua_pop(L, 1);
    return value;
}

static bool flag_option(lua_State *L, const char *key, bool fallback)
{
    bool value = fallback;
    int type = lua_getfield(L, 2, key);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        yl__error(L, "%s: expected true or false, got %s", key, yl__shown(L, -1));
    if (type == LUA_TBOOLEAN) value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/* The number of the word under `key` in the NULL-terminated list; 0 if there is none. */
static int word_option(lua_State *L, const char *key, const char *const *words)
{
    int chosen = 0;
    if (lua_getfield(L, 2, key) != LUA_TNIL) {
        const char *word = yl__shown(L, -1);
        while (words[chosen] && strcmp(words[chosen], word) != 0) chosen++;
        if (!words[chosen]) yl__error(L, "%s: expected %s or another known word, got '%s'", key, words[0], word);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return chosen;
}

/* Memory for `count` values, collected after the call. */
static void *scratch(lua_State *L, int64_t count, size_t size)
{
    return lua_newuserdatauv(L, (size_t)(count ? count : 1) * size, 0);
}

/* ---- kitti ------------------------------------------------------------------------------------------------------- */

static void push_kitti_level(lua_State *L, const yl_kitti_curve *c, bool aos, bool curves)
{
    lua_newtable(L);
    set_count(L, "n_gt", c->n_gt);
    set_number(L, "ap_r11", c->ap_r11);
    set_number(L, "ap_r40", c->ap_r40);
    set_number(L, "aos_r11", c->aos_r11);
    set_number(L, "aos_r40", c->aos_r40);
    if (!curves) return;
    set_numbers(L, "thresholds", c->thresholds, c->count);
    set_counts(L, "tp", c->tp, c->count);
    set_counts(L, "fp", c->fp, c->count);
    set_counts(L, "fn", c->fn, c->count);
    set_numbers(L, "precision", c->precision, YL_KITTI_POINTS);
    if (aos)
        set_numbers(L, "aos", c->aos, YL_KITTI_POINTS);
    else
        set_number(L, "aos", NAN);
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

/* set:kitti{curves = false} -> row */
static int rows_kitti(lua_State *L)
{
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    check_options(L, YL__KEYS("curves"));
    bool curves = flag_option(L, "curves", false);
    yl_kitti_result *result = scratch(L, 1, sizeof *result);
    yl__check(L, yl_eval_kitti(set, result));
    new_row(L, "kitti");
    lua_newtable(L);
    for (int c = 0; c < YL_KITTI_CLASSES; c++) {
        push_kitti_class(L, result, c, curves);
        lua_setfield(L, -2, yl_kitti_class_names[c]);
    }
    lua_setfield(L, -2, "classes");
    set_number(L, "map", result->map);
    return 1;
}

/* ---- voc --------------------------------------------------------------------------------------------------------- */

static yl_voc_options voc_options(lua_State *L)
{
    yl_voc_options o = yl_voc_defaults;
    o.iou = number_option(L, "iou", o.iou, 0, 1);
    o.plus1 = flag_option(L, "plus1", o.plus1);
    o.strict = word_option(L, "compare", YL__KEYS("ge", "gt")) == 1;
    o.difficult = word_option(L, "difficult", YL__KEYS("none", "hard")) == 1;
    return o;
}

static void push_voc_row(lua_State *L, const yl_voc_row *row)
{
    lua_newtable(L);
    set_count(L, "n_gt", row->n_gt);
    set_count(L, "n_det", row->n_det);
    set_count(L, "tp", row->tp);
    set_count(L, "fp", row->fp);
    set_number(L, "ap07", row->ap07);
    set_number(L, "ap", row->ap);
}

/* set:voc{iou = 0.5, plus1 = true, compare = "ge"|"gt", difficult = "none"|"hard", classes = } -> row */
static int rows_voc(lua_State *L)
{
    double map;
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    check_options(L, YL__KEYS("iou", "plus1", "compare", "difficult", "classes"));
    yl_voc_options o = voc_options(L);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl_voc_row *rows = scratch(L, classes.count, sizeof *rows);
    yl__check(L, yl_eval_voc(set, &classes, &o, rows, &map));
    new_row(L, "voc");
    lua_newtable(L);
    for (int64_t i = 0; i < classes.count; i++) {
        push_voc_row(L, &rows[i]);
        lua_setfield(L, -2, classes.at[i].name);
    }
    lua_setfield(L, -2, "classes");
    set_number(L, "map", map);
    set_number(L, "iou", o.iou);
    set_flag(L, "plus1", o.plus1);
    set_text(L, "compare", o.strict ? "gt" : "ge");
    set_text(L, "difficult", o.difficult ? "hard" : "none");
    return 1;
}

/* ---- coco -------------------------------------------------------------------------------------------------------- */

static void set_coco_figures(lua_State *L, const yl_coco_row *r)
{
    set_number(L, "ap", r->ap);
    set_number(L, "ap50", r->ap50);
    set_number(L, "ap75", r->ap75);
    set_number(L, "ap_small", r->ap_small);
    set_number(L, "ap_medium", r->ap_medium);
    set_number(L, "ap_large", r->ap_large);
    set_number(L, "ar1", r->ar1);
    set_number(L, "ar10", r->ar10);
    set_number(L, "ar100", r->ar100);
    set_number(L, "ar_small", r->ar_small);
    set_number(L, "ar_medium", r->ar_medium);
    set_number(L, "ar_large", r->ar_large);
    set_count(L, "n_gt", r->n_gt);
    set_count(L, "n_crowd", r->n_crowd);
    set_count(L, "n_det", r->n_det);
}

/* set:coco{dontcare = "crowd"|"drop", neighbours = false, classes = } -> row */
static int rows_coco(lua_State *L)
{
    yl_coco_row all;
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    check_options(L, YL__KEYS("dontcare", "neighbours", "classes"));
    yl_coco_options o = {.drop_ignored = word_option(L, "dontcare", YL__KEYS("crowd", "drop")) == 1};
    bool neighbours = flag_option(L, "neighbours", false);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, neighbours ? &yl_classes_neighbours : &yl_classes_kitti);
    yl_coco_row *rows = scratch(L, classes.count, sizeof *rows);
    yl__check(L, yl_eval_coco(set, &classes, &o, rows, &all));
    new_row(L, "coco");
    lua_newtable(L);
    for (int64_t i = 0; i < classes.count; i++) {
        lua_newtable(L);
        set_coco_figures(L, &rows[i]);
        lua_setfield(L, -2, classes.at[i].name);
    }
    lua_setfield(L, -2, "classes");
    set_coco_figures(L, &all);
    set_number(L, "map", all.ap);
    set_text(L, "dontcare", o.drop_ignored ? "drop" : "crowd");
    set_flag(L, "neighbours", neighbours);
    return 1;
}

/* ---- poster ------------------------------------------------------------------------------------------------------ */

static void push_poster_row(lua_State *L, const yl_poster_row *row)
{
    lua_newtable(L);
    set_count(L, "tp", row->tp);
    set_count(L, "fp", row->fp);
    set_count(L, "fn", row->fn);
    set_number(L, "precision", row->precision);
    set_number(L, "recall", row->recall);
    set_number(L, "f1", row->f1);
}

/* set:poster{variant = "clean"|"unclamped"|"literal", classes = "kitti"|"coco"|{...}, score = 0.5, reduce = false,
 * width = 1242, height = 375} -> row */
static int rows_poster(lua_State *L)
{
    static const char *const variants[] = {"clean", "unclamped", "literal", NULL};
    double map;
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    check_options(L, YL__KEYS("variant", "classes", "score", "reduce", "width", "height"));
    yl_poster_options o = yl_poster_defaults;
    o.variant = (yl_poster_variant)word_option(L, "variant", variants);
    o.score = number_option(L, "score", o.score, -1e9, 1e9);
    o.reduce = flag_option(L, "reduce", o.reduce);
    o.width = number_option(L, "width", o.width, 1, 1e9);
    o.height = number_option(L, "height", o.height, 1, 1e9);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    yl_poster_row *rows = scratch(L, classes.count, sizeof *rows);
    yl__check(L, yl_eval_poster(set, &classes, &o, rows, &map));
    new_row(L, "poster");
    lua_newtable(L);
    for (int64_t i = 0; i < classes.count; i++) {
        push_poster_row(L, &rows[i]);
        lua_setfield(L, -2, classes.at[i].name);
    }
    lua_setfield(L, -2, "classes");
    set_number(L, "map", map);
    set_text(L, "variant", variants[o.variant]);
    return 1;
}

/* ---- for plots --------------------------------------------------------------------------------------------------- */

static const char *const curve_class = "yolua.pr_curve";

static int curve_gc(lua_State *L)
{
    void **box = yl__check_object(L, 1, curve_class);
    if (*box) yl_pr_curve_free(*box);
    yl__free(*box);
    *box = NULL;
    return 0;
}

/* Pushes an empty curve that is freed when it is collected. */
static yl_pr_curve *new_curve(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__gc", curve_gc}, {"__close", curve_gc}, {NULL, NULL}};
    yl__class(L, curve_class, methods);
    void **box = yl__new_object(L, curve_class);
    yl__check(L, yl__calloc(1, sizeof(yl_pr_curve), box));
    return *box;
}

static void set_best(lua_State *L, const yl_pr_curve *c)
{
    int64_t best = -1;
    for (int64_t i = 0; i < c->count; i++) {
        bool cut = i + 1 == c->count || c->score[i + 1] != c->score[i]; /* a threshold cannot part equal scores */
        if (cut && c->n_gt && (best < 0 || c->f1[i] > c->f1[best])) best = i;
    }
    lua_newtable(L);
    set_number(L, "f1", best < 0 ? NAN : c->f1[best]);
    set_number(L, "score", best < 0 ? NAN : c->score[best]);
    set_number(L, "precision", best < 0 ? NAN : c->precision[best]);
    set_number(L, "recall", best < 0 ? NAN : c->recall[best]);
    lua_setfield(L, -2, "best");
}

static void push_curve(lua_State *L, const yl_pr_curve *c)
{
    lua_newtable(L);
    set_count(L, "n_gt", c->n_gt);
    set_numbers(L, "score", c->score, c->count);
    set_numbers(L, "precision", c->precision, c->count);
    set_numbers(L, "recall", c->recall, c->count);
    set_numbers(L, "f1", c->f1, c->count);
    set_best(L, c);
}

/* set:curves{iou =, plus1 =, compare =, difficult =, classes = } -> {class = {n_gt, score, precision, recall, f1,
 * best}} */
static int rows_curves(lua_State *L)
{
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    check_options(L, YL__KEYS("iou", "plus1", "compare", "difficult", "classes"));
    yl_voc_options o = voc_options(L);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    lua_newtable(L);
    for (int64_t i = 0; i < classes.count; i++) {
        yl_pr_curve *curve = new_curve(L);
        yl__check(L, yl_pr_curve_make(set, &classes, i, &o, curve));
        push_curve(L, curve);
        lua_setfield(L, -3, classes.at[i].name);
        yl_pr_curve_free(curve);
        lua_pop(L, 1);
    }
    return 1;
}

static void push_matrix(lua_State *L, const int64_t *cells, int64_t n)
{
    lua_createtable(L, (int)n, 0);
    for (int64_t r = 0; r < n; r++) {
        lua_createtable(L, (int)n, 0);
        for (int64_t c = 0; c < n; c++) {
            lua_pushinteger(L, cells[r * n + c]);
            lua_rawseti(L, -2, (lua_Integer)c + 1);
        }
        lua_rawseti(L, -2, (lua_Integer)r + 1);
    }
}

/* set:confusion{iou = 0.5, score = 0.25, classes = } -> {classes = {name, ..., "background"}, matrix = [truth][seen]}
 */
static int rows_confusion(lua_State *L)
{
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    check_options(L, YL__KEYS("iou", "score", "classes"));
    yl_confusion_options o = yl_confusion_defaults;
    o.iou = number_option(L, "iou", o.iou, 0, 1);
    o.score = number_option(L, "score", o.score, -1e9, 1e9);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    int64_t n = classes.count + 1, *cells = scratch(L, n * n, sizeof *cells);
    yl__check(L, yl_eval_confusion(set, &classes, &o, cells));
    lua_newtable(L);
    push_matrix(L, cells, n);
    lua_setfield(L, -2, "matrix");
    lua_createtable(L, (int)n, 0);
    for (int64_t i = 0; i < n; i++) {
        lua_pushstring(L, i < classes.count ? classes.at[i].name : "background");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "classes");
    set_number(L, "iou", o.iou);
    set_number(L, "score", o.score);
    return 1;
}

void yl__bind_eval_rows(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"kitti", rows_kitti},
        {"voc", rows_voc},
        {"coco", rows_coco},
        {"poster", rows_poster},
        {"curves", rows_curves},
        {"confusion", rows_confusion},
        {NULL, NULL},
    };
    yl__add_methods(L, yl__eval_set_class, methods);
}
