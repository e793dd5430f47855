/* core.scene: street scenes drawn from nothing, with their labels. */
#include "bind/fields.h"
#include "core/memory.h"
#include "image/encode.h"
#include "scene/scene.h"

#include <string.h>

static void push_row(lua_State *L, const yl_label *row, double visible)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"truncated", row->truncated},
                   {"occluded", row->occluded},
                   {"alpha", row->alpha},
                   {"rotation_y", row->rotation_y},
                   {"visible", visible}};
    const double box[4] = {row->box.x1, row->box.y1, row->box.x2, row->box.y2};
    lua_createtable(L, 0, 9);
    lua_pushstring(L, row->name);
    lua_setfield(L, -2, "class");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        lua_pushnumber(L, numbers[i].value);
        lua_setfield(L, -2, numbers[i].key);
    }
    yl__set_numbers(L, "box", box, 4);
    yl__set_numbers(L, "dims", row->dims, 3);
    yl__set_numbers(L, "location", row->location, 3);
}

/* scene.write({fields of "scene"}, path) -> rows {class, box, truncated,
 * occluded, alpha, dims, location, rotation_y, visible}; the picture is written as PNG */
static int scene_write(lua_State *L)
{
    yl_scene *scene;
    const char *path = yl__check_string(L, 2);
    lua_settop(L, 2);
    yl_scene_options o;
    yl__check_type(L, 1, LUA_TTABLE);
    yl__read_options(L, 1, YL__FILL({&yl_scene_fields, &o}), NULL);
    lua_createtable(L, YL_SCENE_OBJECTS, 0);
    yl__check(L, yl__calloc(1, sizeof *scene, &scene));
    yl_status status = yl_scene_render(&o, scene);
    if (!status) status = yl_image_write_png(path, &scene->image);
    yl_label rows[YL_SCENE_OBJECTS];
    double visible[YL_SCENE_OBJECTS];
    int64_t count = status ? 0 : scene->count;
    memcpy(rows, scene->objects, sizeof rows);
    memcpy(visible, scene->visible, sizeof visible);
    yl_scene_free(scene);
    yl__free(scene); /* nothing is held any more when Lua runs out of memory */
    yl__check(L, status);
    for (int64_t i = 0; i < count; i++) {
        push_row(L, &rows[i], visible[i]);
        lua_rawseti(L, 3, (lua_Integer)i + 1);
    }
    return 1;
}

/* scene.camera(width, height) -> {f, cx, cy, height}: u = f x / z + cx, v = f y / z + cy, `height` metres above the ground */
static int scene_camera(lua_State *L)
{
    yl_scene_options o = {.width = yl__check_integer(L, 1), .height = yl__check_integer(L, 2)};
    yl_scene_camera c = yl_scene_camera_of(&o);
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"f", c.f}, {"cx", c.cx}, {"cy", c.cy}, {"height", c.height}};
    lua_createtable(L, 0, 4);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        lua_pushnumber(L, numbers[i].value);
        lua_setfield(L, -2, numbers[i].key);
    }
    return 1;
}

void yl__bind_scene(lua_State *L)
{
    static const luaL_Reg functions[] = {{"write", scene_write}, {"camera", scene_camera}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "scene");
    yl__offer_fields(L, &yl_scene_fields);
}
