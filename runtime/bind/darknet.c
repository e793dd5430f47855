/* core.darknet: cfg and weights files as networks. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "backend/device.h"
#include "formats/darknet.h"

static yl_device *device_at(lua_State *L, int index)
{
    yl_device *device;
    yl__check(L, yl_device_get(yl__opt_string(L, index, "cpu"), &device));
    return device;
}

/* darknet.load_cfg(path [, device = "cpu"]) -> network, its values zero. Throws path:line: what. */
static int darknet_load_cfg(lua_State *L)
{
    const char *path = yl__check_string(L, 1);
    yl_device *device = device_at(L, 2);
    yl_net *net;
    void **box = yl__new_object(L, YL_NET_CLASS);
    yl__check(L, yl_darknet_load_cfg(device, path, &net));
    *box = net;
    return 1;
}

/* darknet.parse_cfg(text, name [, device]) -> network */
static int darknet_parse_cfg(lua_State *L)
{
    size_t size;
    const char *text = yl__check_text(L, 1, &size), *name = yl__check_string(L, 2);
    yl_device *device = device_at(L, 3);
    yl_net *net;
    void **box = yl__new_object(L, YL_NET_CLASS);
    yl__check(L, yl_darknet_parse_cfg(device, text, (int64_t)size, name, &net));
    *box = net;
    return 1;
}

/* darknet.save_cfg(network, path) */
static int darknet_save_cfg(lua_State *L)
{
    yl__check(L, yl_darknet_save_cfg(yl__check_net(L, 1), yl__check_string(L, 2)));
    return 0;
}

static void push_header(lua_State *L, const yl_darknet_header *h)
{
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, h->major), lua_setfield(L, -2, "major");
    lua_pushinteger(L, h->minor), lua_setfield(L, -2, "minor");
    lua_pushinteger(L, h->revision), lua_setfield(L, -2, "revision");
    lua_pushinteger(L, (lua_Integer)h->seen), lua_setfield(L, -2, "seen");
}

/* The first sections, as many as the file holds: the header's table gets `sections`, how many, and `numbers`. */
static int load_first(lua_State *L, yl_net *net, const char *path)
{
    yl_darknet_header header;
    int sections;
    int64_t numbers;
    yl__check(L, yl_darknet_load_first_weights(net, path, &header, &sections, &numbers));
    push_header(L, &header);
    lua_pushinteger(L, sections), lua_setfield(L, -2, "sections");
    lua_pushinteger(L, numbers), lua_setfield(L, -2, "numbers");
    return 1;
}

/* darknet.load_weights(network, path [, {sections = N, partial = bool}]) -> {major, minor, revision, seen}. N: the file
 * holds the first N sections; partial: it holds some of the first, and the result says how many (`sections`, `numbers`). */
static int darknet_load_weights(lua_State *L)
{
    yl_darknet_header header;
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    int64_t sections = 0;
    bool partial = false;
    if (!lua_isnoneornil(L, 3)) {
        yl__check_type(L, 3, LUA_TTABLE);
        sections = yl__field_integer(L, 3, "sections", 0);
        lua_getfield(L, 3, "partial");
        partial = lua_toboolean(L, -1);
    }
    if (sections < 0 || sections > net->n_layers) yl__error(L, "sections: expected 0..%d", net->n_layers);
    if (partial) return load_first(L, net, path);
    yl__check(L, yl_darknet_load_weights(net, path, (int)sections, &header));
    push_header(L, &header);
    return 1;
}

/* darknet.parse_weights(network, bytes, name) -> the same from bytes in memory */
static int darknet_parse_weights(lua_State *L)
{
    size_t size;
    yl_darknet_header header;
    yl_net *net = yl__check_net(L, 1);
    const char *data = yl__check_text(L, 2, &size), *name = yl__check_string(L, 3);
    yl__check(L, yl_darknet_parse_weights(net, data, (int64_t)size, name, &header));
    push_header(L, &header);
    return 1;
}

/* darknet.save_weights(network, path [, header]): `header` as load_weights gave it; 0.2.5 with seen 0 by default. */
static int darknet_save_weights(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    yl_darknet_header header = {0, 2, 5, 0};
    if (!lua_isnoneornil(L, 3)) {
        yl__check_type(L, 3, LUA_TTABLE);
        header.major = (int32_t)yl__field_integer(L, 3, "major", 0);
        header.minor = (int32_t)yl__field_integer(L, 3, "minor", 2);
        header.revision = (int32_t)yl__field_integer(L, 3, "revision", 5);
        header.seen = (uint64_t)yl__field_integer(L, 3, "seen", 0);
    }
    yl__check(L, yl_darknet_save_weights(net, path, &header));
    return 0;
}

void yl__bind_darknet(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"load_cfg", darknet_load_cfg},
        {"parse_cfg", darknet_parse_cfg},
        {"save_cfg", darknet_save_cfg},
        {"load_weights", darknet_load_weights},
        {"parse_weights", darknet_parse_weights},
        {"save_weights", darknet_save_weights},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "darknet");
}
