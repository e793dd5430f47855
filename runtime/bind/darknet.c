/* core.darknet: cfg and weights files as networks. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "backend/device.h"
#include "formats/darknet.h"
#include "formats/darknet_sections.h"

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

/* Which of the network's sections a file of weights holds. */
typedef struct weights_options {
    int sections;
    bool partial;
} weights_options;

#define AT(member) YL_MEMBER(weights_options, member)
static const yl_field fields[] = {
    {"sections", YL_OPTION_INT, "0", "", "the file holds the first so many sections; 0: all", 0, INT32_MAX, NULL, NULL,
     AT(sections)},
    {"partial", YL_OPTION_BOOL, "false", "",
     "weights= holds only the first sections of the network (NAME.conv.N); the rest is initialized", 0, 0, NULL, NULL,
     AT(partial)},
};
static const yl_field_table weights_table = YL_FIELD_TABLE("weights", fields);

/* darknet.load_weights(network, path [, {fields of "weights"}]) -> {major, minor, revision, seen}; with partial=true also how many
 * sections the file holds, and how many numbers */
static int darknet_load_weights(lua_State *L)
{
    yl_darknet_header header;
    weights_options o;
    int64_t numbers;
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    yl__read_options(L, 3, YL__FILL({&weights_table, &o}), NULL);
    if (o.sections > net->n_layers) yl__error(L, "sections: expected 0..%d", net->n_layers);
    if (o.partial)
        yl__check(L, yl_darknet_load_first_weights(net, path, &header, &o.sections, &numbers));
    else
        yl__check(L, yl_darknet_load_weights(net, path, o.sections, &header));
    push_header(L, &header);
    if (!o.partial) return 1;
    lua_pushinteger(L, o.sections);
    lua_pushinteger(L, numbers);
    return 3;
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

/* darknet.save_weights(network, path [, header]): `header` as load_weights gave it. */
static int darknet_save_weights(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    yl_darknet_header header;
    yl__read_options(L, 3, YL__FILL({&yl_darknet_header_fields, &header}), NULL);
    yl__check(L, yl_darknet_save_weights(net, path, &header));
    return 0;
}

/* darknet.own_sections(network) -> the names of its layers that have a section of their own in a cfg, which Darknet does not know */
static int darknet_own_sections(lua_State *L)
{
    const yl_net *net = yl__check_net(L, 1);
    lua_newtable(L);
    for (int i = 0; i < net->n_layers; i++) {
        if (!yl__section_is_own(net->layers[i].kind->name)) continue;
        lua_pushstring(L, net->layers[i].name);
        lua_rawseti(L, -2, luaL_len(L, -2) + 1);
    }
    return 1;
}

void yl__bind_darknet(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"load_cfg", darknet_load_cfg},           {"parse_cfg", darknet_parse_cfg},
        {"save_cfg", darknet_save_cfg},           {"load_weights", darknet_load_weights},
        {"parse_weights", darknet_parse_weights}, {"save_weights", darknet_save_weights},
        {"own_sections", darknet_own_sections},   {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "darknet");
    yl__offer_fields(L, &weights_table);
}
