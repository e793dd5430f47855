/* core.eval_set(): frames with truths and detections, on which the protocols are computed. */
#include "bind/eval.h"
#include "eval/eval_set.h"
#include "formats/eval_set.h"

#include <string.h>

const char *const yl__eval_set_class = "yolua.eval_set";

/* eval_set() -> an empty set */
static int set_new(lua_State *L)
{
    void **box = yl__new_object(L, yl__eval_set_class);
    yl_eval_set *set = NULL;
    yl__check(L, yl_eval_set_new(&set));
    *box = set;
    return 1;
}

static int set_gc(lua_State *L)
{
    void **box = yl__check_object(L, 1, yl__eval_set_class);
    yl_eval_set_free(*box);
    *box = NULL;
    return 0;
}

/* #set: its frames */
static int set_len(lua_State *L)
{
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    lua_pushinteger(L, set->frame_count);
    return 1;
}

static int set_tostring(lua_State *L)
{
    yl_eval_set *const *box = yl__check_object(L, 1, yl__eval_set_class);
    if (!*box)
        lua_pushliteral(L, "eval_set (closed)");
    else
        lua_pushfstring(L, "eval_set of %I frames, %I truths, %I detections", (LUAI_UACINT)(*box)->frame_count,
                        (LUAI_UACINT)(*box)->truth_count, (LUAI_UACINT)(*box)->det_count);
    return 1;
}

/* ---- rows from Lua ----------------------------------------------------------------------------------------------- */

/* What a sentence about a row begins with. */
typedef struct place {
    const char *kind; /* "truth", "detection" */
    lua_Integer index;
} place;

static double number_field(lua_State *L, int row, const char *key, double fallback, place at)
{
    int is_number;
    double value = fallback;
    if (lua_getfield(L, row, key) != LUA_TNIL) {
        value = lua_tonumberx(L, -1, &is_number);
        if (!is_number)
            yl__error(L, "%s %I: %s: expected a number, got %s", at.kind, at.index, key, luaL_typename(L, -1));
    }
    lua_pop(L, 1);
    return value;
}

static yl_box box_field(lua_State *L, int row, place at)
{
    double v[4];
    if (lua_getfield(L, row, "box") != LUA_TTABLE)
        yl__error(L, "%s %I: box: expected {x1, y1, x2, y2}, got %s", at.kind, at.index, luaL_typename(L, -1));
    for (int i = 0; i < 4; i++) {
        int is_number;
        lua_rawgeti(L, -1, i + 1);
        v[i] = lua_tonumberx(L, -1, &is_number);
        if (!is_number) yl__error(L, "%s %I: box: expected 4 numbers, got %s", at.kind, at.index, luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return (yl_box){v[0], v[1], v[2], v[3]};
}

/* Borrowed from the row, which stays in the caller's table. */
static const char *class_field(lua_State *L, int row, place at)
{
    if (lua_getfield(L, row, "class") != LUA_TSTRING)
        yl__error(L, "%s %I: class: expected a name, got %s", at.kind, at.index, luaL_typename(L, -1));
    const char *name = lua_tostring(L, -1);
    lua_pop(L, 1);
    return name;
}

/* What a truth does not say is none of it; what a detection does not say is unknown. */
static yl_label read_row(lua_State *L, int row, bool is_truth, place at)
{
    yl_label label = {.name = class_field(L, row, at), .class_index = -1, .box = box_field(L, row, at)};
    label.truncated = number_field(L, row, "truncated", is_truth ? 0 : -1, at);
    label.occluded = number_field(L, row, "occluded", is_truth ? 0 : -1, at);
    label.alpha = number_field(L, row, "alpha", -10, at);
    label.score = number_field(L, row, "score", 1, at);
    lua_getfield(L, row, "ignore");
    label.ignore = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return label;
}

/* The rows of the table at `index`, in memory that stays on the stack. */
static yl_label *read_rows(lua_State *L, int index, bool are_truths, int64_t *count)
{
    const char *kind = are_truths ? "truth" : "detection";
    yl__check_type(L, index, LUA_TTABLE);
    *count = (int64_t)yl__length(L, index);
    yl_label *rows = lua_newuserdatauv(L, sizeof *rows * (size_t)(*count + 1), 0);
    for (int64_t i = 0; i < *count; i++) {
        place at = {kind, (lua_Integer)i + 1};
        if (lua_rawgeti(L, index, at.index) != LUA_TTABLE)
            yl__error(L, "%s %I: expected a table, got %s", kind, at.index, luaL_typename(L, -1));
        rows[i] = read_row(L, lua_gettop(L), are_truths, at);
        lua_pop(L, 1);
    }
    return rows;
}

/* set:add(id, truths, detections) -> set */
static int set_add(lua_State *L)
{
    yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    int64_t truth_count, det_count;
    const char *id = yl__check_string(L, 2);
    yl_label *truths = read_rows(L, 3, true, &truth_count), *dets = read_rows(L, 4, false, &det_count);
    yl__check(L, yl_eval_set_add(set, id, truths, truth_count, dets, det_count));
    lua_settop(L, 1);
    return 1;
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

/* set:load(labels, dets, {split = file, names = {...}}) -> set */
static int set_load(lua_State *L)
{
    yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    yl_eval_files files = {.labels = yl__check_string(L, 2), .dets = yl__check_string(L, 3)};
    lua_settop(L, 4);
    yl__read_options(L, 4, YL__FILL({&yl_eval_files_fields, &files}), YL__KEYS("names"));
    if (!lua_isnil(L, 4) && lua_getfield(L, 4, "names") != LUA_TNIL)
        files.names = yl__check_texts(L, -1, "name", &files.name_count);
    yl__check(L, yl_eval_set_load(set, &files));
    lua_settop(L, 1);
    return 1;
}

/* ---- class lists ------------------------------------------------------------------------------------------------- */

static yl_eval_class class_at(lua_State *L, lua_Integer index)
{
    yl_eval_class c = {0};
    int64_t count;
    int row = lua_gettop(L);
    if (lua_type(L, row) == LUA_TSTRING) {
        c.name = lua_tostring(L, row);
        return c;
    }
    if (!lua_istable(L, row) || lua_getfield(L, row, "name") != LUA_TSTRING)
        yl__error(L, "classes: %I: expected a name or a table with one, got %s", index, luaL_typename(L, -1));
    c.name = lua_tostring(L, -1);
    c.members = yl__check_texts(L, row, c.name, &count);
    if (lua_getfield(L, row, "crowd") != LUA_TNIL) c.crowd = yl__check_texts(L, -1, c.name, &count);
    return c;
}

static yl_eval_classes class_list(lua_State *L, int list)
{
    int64_t count = (int64_t)yl__length(L, list);
    if (count < 1) yl__error(L, "classes: expected at least one");
    luaL_checkstack(L, (int)(count < 10000 ? 8 * count : 80000), "classes: too many");
    yl_eval_class *classes = lua_newuserdatauv(L, sizeof *classes * (size_t)count, 0);
    for (int64_t i = 0; i < count; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        classes[i] = class_at(L, (lua_Integer)i + 1); /* what it pushed holds the memory */
    }
    return (yl_eval_classes){classes, count};
}

static const yl_field classes_fields[] = {
    {"classes", YL_OPTION_ENUM, "kitti", "", "KITTI's eight classes, or the poster's five", 0, 0, "kitti|coco", NULL, 0,
     sizeof(int)},
};
static const yl_field_table classes_table = YL_FIELD_TABLE("classes", classes_fields);

static yl_eval_classes known_list(lua_State *L, const char *name)
{
    int which;
    yl_value word = {.kind = YL_VALUE_STRING, .string = name};
    yl__check(L, yl_options_set(&classes_table, &which, NULL, "classes", &word));
    return which == 0 ? yl_classes_kitti : yl_classes_coco;
}

yl_eval_classes yl__eval_classes_option(lua_State *L, int index, const yl_eval_classes *fallback)
{
    if (!lua_istable(L, index)) return *fallback;
    switch (lua_getfield(L, index, "classes")) {
    case LUA_TNIL:
        return *fallback;
    case LUA_TSTRING:
        return known_list(L, lua_tostring(L, -1));
    case LUA_TTABLE:
        return class_list(L, lua_gettop(L));
    default:
        yl__error(L, "classes: expected 'kitti', 'coco' or a table, got %s", luaL_typename(L, -1));
    }
    return *fallback;
}

const yl_eval_set *yl__eval_arguments(lua_State *L, const yl_field_table *table, void *options)
{
    const yl_eval_set *set = yl__object(L, 1, yl__eval_set_class);
    yl__read_options(L, 2, YL__FILL({table, options}), YL__KEYS("classes"));
    return set;
}

void yl__bind_eval(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"add", set_add},    {"load", set_load},           {"__len", set_len}, {"__gc", set_gc},
        {"__close", set_gc}, {"__tostring", set_tostring}, {NULL, NULL},
    };
    yl__class(L, yl__eval_set_class, methods);
    lua_pushcfunction(L, set_new);
    lua_setfield(L, -2, "eval_set");
    yl__offer_fields(L, &classes_table);
}
