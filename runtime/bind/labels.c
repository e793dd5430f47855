/* Label files and split lists as Lua tables: core.labels.{kitti, yolo, list, calib, project}. */
#include "bind/fields.h"
#include "core/memory.h"
#include "formats/calib.h"
#include "formats/labels.h"

static const char *const labels_class = "yolua.labels", *const list_class = "yolua.list";

static int labels_gc(lua_State *L)
{
    yl_labels **box = yl__check_object(L, 1, labels_class);
    if (*box) yl_labels_free(*box);
    yl__free(*box);
    *box = NULL;
    return 0;
}

static int list_gc(lua_State *L)
{
    yl_list **box = yl__check_object(L, 1, list_class);
    if (*box) yl_list_free(*box);
    yl__free(*box);
    *box = NULL;
    return 0;
}

/* Pushes an object that owns zeroed memory until the calling function returns or throws. */
static void *new_holder(lua_State *L, const char *class_name, size_t size)
{
    void **box = yl__new_object(L, class_name);
    lua_toclose(L, -1);
    yl__check(L, yl__calloc(1, size, box));
    return *box;
}

static void set_number(lua_State *L, const char *key, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, key);
}

static void push_label(lua_State *L, const yl_label *label, bool kitti)
{
    double box[4] = {label->box.x1, label->box.y1, label->box.x2, label->box.y2};
    lua_createtable(L, 0, 10);
    lua_pushstring(L, label->name);
    lua_setfield(L, -2, "class");
    yl__set_numbers(L, "box", box, 4);
    set_number(L, "score", label->score);
    lua_pushinteger(L, label->line);
    lua_setfield(L, -2, "line");
    if (!kitti) {
        lua_pushinteger(L, label->class_index + 1);
        lua_setfield(L, -2, "index");
        return;
    }
    set_number(L, "truncated", label->truncated);
    set_number(L, "occluded", label->occluded);
    set_number(L, "alpha", label->alpha);
    yl__set_numbers(L, "dims", label->dims, 3);
    yl__set_numbers(L, "location", label->location, 3);
    set_number(L, "rotation_y", label->rotation_y);
}

static void set_count(lua_State *L, const char *key, const yl_label_count *c)
{
    if (!c->count) return;
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, (lua_Integer)c->count);
    lua_setfield(L, -2, "count");
    lua_pushinteger(L, c->line);
    lua_setfield(L, -2, "line");
    lua_setfield(L, -2, key);
}

/* Pushes the rows, and {flat = {count, line}, polygons = {count, line}} of what was left out and of what was a polygon. */
static int push_labels(lua_State *L, const yl_labels *labels, bool kitti)
{
    lua_createtable(L, (int)labels->count, 0);
    for (int64_t i = 0; i < labels->count; i++) {
        push_label(L, &labels->rows[i], kitti);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_createtable(L, 0, 2);
    set_count(L, "flat", &labels->flat);
    set_count(L, "polygons", &labels->polygons);
    return 2;
}

/* kitti(path, {width=, height=, dets=, classes={...}}) -> rows, counts */
static int labels_kitti(lua_State *L)
{
    yl_label_options o = {0};
    const char *path = yl__check_string(L, 1);
    lua_settop(L, 2);
    yl__read_options(L, 2, YL__FILL({&yl_label_fields, &o}), YL__KEYS("classes"));
    if (!lua_isnil(L, 2) && lua_getfield(L, 2, "classes") != LUA_TNIL)
        o.names = yl__check_texts(L, -1, "class", &o.name_count);
    yl_labels *labels = new_holder(L, labels_class, sizeof *labels);
    yl__check(L, yl_labels_kitti(path, &o, labels));
    return push_labels(L, labels, true);
}

/* yolo(path, names or nil, {width=, height=, dets=}) -> rows, counts; `index` is the class's place, 1-based */
static int labels_yolo(lua_State *L)
{
    yl_label_options o = {0};
    const char *path = yl__check_string(L, 1);
    lua_settop(L, 3);
    yl__read_options(L, 3, YL__FILL({&yl_label_fields, &o}), NULL);
    if (!lua_isnil(L, 2)) o.names = yl__check_texts(L, 2, "class", &o.name_count);
    yl_labels *labels = new_holder(L, labels_class, sizeof *labels);
    yl__check(L, yl_labels_yolo(path, &o, labels));
    return push_labels(L, labels, false);
}

/* list(path) -> strings */
static int labels_list(lua_State *L)
{
    const char *path = yl__check_string(L, 1);
    yl_list *list = new_holder(L, list_class, sizeof *list);
    yl__check(L, yl_list_read(path, list));
    lua_createtable(L, (int)list->count, 0);
    for (int64_t i = 0; i < list->count; i++) {
        lua_pushstring(L, list->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* calib(path) -> {P0 =, ..., P2 = {12 numbers, row by row}, R0_rect = {9}, Tr_velo_to_cam = {12}, ...}, the lines there are */
static int labels_calib(lua_State *L)
{
    yl_calib c;
    int line = 0;
    yl__check(L, yl_calib_read(yl__check_string(L, 1), &c));
    lua_createtable(L, 0, 7);
#define X(name, count)                                                                                                 \
    if (c.lines >> line++ & 1) yl__set_numbers(L, #name, c.name, count);
    YL_CALIB_LINES(X)
#undef X
    return 1;
}

/* The numbers of the list in field `key` of the table at `index`; false where there is no such list. */
static bool read_numbers(lua_State *L, int index, const char *key, double *out, int count)
{
    bool found = lua_getfield(L, index, key) == LUA_TTABLE;
    for (int i = 0; i < count && found; i++) {
        lua_rawgeti(L, -1, i + 1);
        out[i] = yl__check_number(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return found;
}

/* project({P2 = ...}, row) -> {x1, y1, x2, y2} around the row's 3D box in pixels, not clipped; nil where it has none, or it is
 * behind the camera */
static int labels_project(lua_State *L)
{
    yl_label label = {0};
    yl_box box;
    double p[12];
    yl__check_type(L, 1, LUA_TTABLE);
    yl__check_type(L, 2, LUA_TTABLE);
    yl__arg_check(L, read_numbers(L, 1, "P2", p, 12), 1, "expected a calibration with P2");
    if (!read_numbers(L, 2, "dims", label.dims, 3) || !read_numbers(L, 2, "location", label.location, 3)) return 0;
    lua_getfield(L, 2, "rotation_y");
    label.rotation_y = yl__opt_number(L, -1, 0);
    if (!yl_calib_project(p, &label, &box)) return 0;
    const double sides[4] = {box.x1, box.y1, box.x2, box.y2};
    lua_createtable(L, 4, 0);
    for (int i = 0; i < 4; i++) {
        lua_pushnumber(L, sides[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

void yl__bind_labels(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"kitti", labels_kitti}, {"yolo", labels_yolo},       {"list", labels_list},
        {"calib", labels_calib}, {"project", labels_project}, {NULL, NULL},
    };
    static const luaL_Reg labels_methods[] = {{"__gc", labels_gc}, {"__close", labels_gc}, {NULL, NULL}};
    static const luaL_Reg list_methods[] = {{"__gc", list_gc}, {"__close", list_gc}, {NULL, NULL}};
    yl__class(L, labels_class, labels_methods);
    yl__class(L, list_class, list_methods);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "labels");
}
