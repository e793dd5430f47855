/* idx files (MNIST) for Lua. */
#include "bind/tensor_objects.h"
#include "backend/device.h"
#include "core/memory.h"
#include "formats/idx.h"

#include <string.h>

/* core.idx(path) -> a tensor of bytes in the file's sizes; plain or gzipped */
static int idx_read(lua_State *L)
{
    yl_idx idx;
    yl_device *cpu;
    void *to;
    const char *path = yl__check_string(L, 1);
    yl_tensor **box = yl__new_tensor(L);
    yl__check(L, yl_device_get("cpu", &cpu));
    yl__check(L, yl_idx_read(path, &idx));
    yl_status status = yl_tensor_new(cpu, YL_U8, idx.n_dims, idx.dims, box);
    if (status == YL_OK) status = yl_tensor_data(*box, &to);
    if (status == YL_OK) memcpy(to, idx.data, (size_t)yl_tensor_count(*box));
    yl__free(idx.data);
    yl__check(L, status);
    return 1;
}

void yl__bind_idx(lua_State *L)
{
    lua_pushcfunction(L, idx_read);
    lua_setfield(L, -2, "idx");
}
