/* core.import: a network's numbers out of files of other programs. */
#include "bind/net_objects.h"
#include "bind/tensor_objects.h"
#include "backend/device.h"
#include "core/memory.h"
#include "formats/hdf5.h"
#include "formats/npz.h"
#include "formats/state_dict.h"

#include <string.h>

static const char HDF5[] = "yolua.hdf5", STATE[] = "yolua.state";

/* core.import.state_dict(net, path): from safetensors; formats/state_dict.h says what it must hold */
static int import_state_dict(lua_State *L)
{
    yl__check(L, yl_state_dict_load(yl__check_net(L, 1), yl__check_string(L, 2)));
    return 0;
}

static void push_tensor(lua_State *L, const yl_state_tensor *t)
{
    yl_device *cpu;
    yl_tensor **box = yl__new_tensor(L);
    yl__check(L, yl_device_get("cpu", &cpu));
    yl__check(L, yl_tensor_new(cpu, YL_F32, t->n_dims, t->dims, box));
    yl__check(L, yl_tensor_write(*box, t->numbers));
}

/* {{name, tensor}, ...} */
static void push_tensors(lua_State *L, const yl_state *state)
{
    lua_createtable(L, (int)state->count, 0);
    for (int64_t i = 0; i < state->count; i++) {
        lua_createtable(L, 2, 0);
        lua_pushstring(L, state->names[i]);
        lua_rawseti(L, -2, 1);
        push_tensor(L, &state->tensors[i]);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, i + 1);
    }
}

/* The state that `read` makes of a file, in a userdata that frees it. */
static yl_state *new_state(lua_State *L, const char *path, yl_status (*read)(const char *path, yl_state *out))
{
    void **box = yl__new_object(L, STATE);
    yl_state *state;
    yl__check(L, yl__calloc(1, sizeof *state, &state));
    *box = state;
    yl__check(L, read(path, state));
    return state;
}

static int state_close(lua_State *L)
{
    void **box = lua_touserdata(L, 1);
    yl_state *state = *box;
    *box = NULL;
    if (state) yl_state_free(state);
    yl__free(state);
    return 0;
}

/* core.import.npz(net, path): the arrays of a .npz, as a state dict */
static int import_npz(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    yl_state *state = new_state(L, path, yl_npz_read);
    yl__check(L, yl_state_dict_fill(net, path, state->tensors, state->count));
    return 0;
}

static yl_status hdf5_state(const char *path, yl_state *out)
{
    yl_hdf5 file;
    YL_TRY(yl_hdf5_read(path, &file));
    *out = file.state;
    file.state = (yl_state){0};
    yl_hdf5_free(&file);
    return YL_OK;
}

/* core.import.tensors(path, "npz", "h5" or "safetensors") -> {{name, tensor}, ...} */
static int import_tensors(lua_State *L)
{
    const char *path = yl__check_string(L, 1), *format = yl__check_string(L, 2);
    bool npz = strcmp(format, "npz") == 0, h5 = strcmp(format, "h5") == 0;
    push_tensors(L, new_state(L, path, npz ? yl_npz_read : h5 ? hdf5_state : yl_state_dict_read));
    return 1;
}

static int hdf5_close(lua_State *L)
{
    void **box = lua_touserdata(L, 1);
    yl_hdf5 *file = *box;
    *box = NULL;
    if (file) yl_hdf5_free(file);
    yl__free(file);
    return 0;
}

/* core.import.hdf5(path) -> {config = the text of a whole model's structure or nil, tensors = {{name, tensor}, ...}}, for a network: all
 * numbers are finite */
static int import_hdf5(lua_State *L)
{
    const char *path = yl__check_string(L, 1);
    void **box = yl__new_object(L, HDF5);
    yl_hdf5 *file;
    yl__check(L, yl__calloc(1, sizeof *file, &file));
    *box = file;
    yl__check(L, yl_hdf5_read(path, file));
    for (int64_t i = 0; i < file->state.count; i++) yl__check(L, yl__state_finite(path, &file->state.tensors[i]));
    lua_newtable(L);
    lua_pushstring(L, file->config);
    lua_setfield(L, -2, "config");
    push_tensors(L, &file->state);
    lua_setfield(L, -2, "tensors");
    return 1;
}

/* core.import.available(format) -> whether this build can read it */
static int import_available(lua_State *L)
{
    lua_pushboolean(L, strcmp(yl__check_string(L, 1), "hdf5") != 0 || yl_hdf5_available());
    return 1;
}

void yl__bind_import(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"state_dict", import_state_dict}, {"hdf5", import_hdf5},           {"npz", import_npz},
        {"tensors", import_tensors},       {"available", import_available}, {NULL, NULL}};
    static const luaL_Reg methods[] = {{"__gc", hdf5_close}, {"__close", hdf5_close}, {NULL, NULL}};
    static const luaL_Reg state_methods[] = {{"__gc", state_close}, {"__close", state_close}, {NULL, NULL}};
    yl__class(L, HDF5, methods);
    yl__class(L, STATE, state_methods);
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "import");
}
