/* core.files: folders, files that grow, and fingerprints of content; core.machine and core.gpus: what this process runs on. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "backend/plugin.h"
#include "backend/device.h"
#include "core/dtype.h"
#include "core/file_group.h"
#include "core/folder.h"
#include "core/machine.h"
#include "core/memory.h"
#include "core/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include <xxhash.h>

/* files.kind(path) -> "file", "folder", "other", or nil where nothing is */
static int files_kind(lua_State *L)
{
    static const char *const names[] = {NULL, "file", "folder", "other"};
    lua_pushstring(L, names[yl__path_kind(yl__check_string(L, 1))]);
    return 1;
}

/* files.same(a, b) -> whether both paths lead to one file or folder, which is there */
static int files_same(lua_State *L)
{
    lua_pushboolean(L, yl__path_same(yl__check_string(L, 1), yl__check_string(L, 2)));
    return 1;
}

static int end_group(lua_State *L, int status, lua_KContext group)
{
    bool fine = status == LUA_OK || status == LUA_YIELD;
    yl_status ended = yl__file_group_end((int64_t)group, fine ? YL_OK : YL_INVALID);
    if (!fine) return lua_error(L);
    yl__check(L, ended);
    return lua_gettop(L);
}

/* files.together(f, ...) -> what f gives: the files that it writes are all replaced when it returns, or none where that fails */
static int files_together(lua_State *L)
{
    yl__check_type(L, 1, LUA_TFUNCTION);
    lua_KContext group = (lua_KContext)yl__file_group_begin();
    return end_group(L, lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, group, end_group), group);
}

/* files.make_folder(path): with those above it; one that is there is fine */
static int files_make_folder(lua_State *L)
{
    yl__check(L, yl__folder_make(yl__check_string(L, 1)));
    return 0;
}

/* files.new_folder(path) -> whether it was made; false where the name is taken */
static int files_new_folder(lua_State *L)
{
    bool made;
    yl__check(L, yl__folder_new(yl__check_string(L, 1), &made));
    lua_pushboolean(L, made);
    return 1;
}

typedef struct folder_names {
    char **list;
    int64_t count;
} folder_names;

static int push_names(lua_State *L)
{
    const folder_names *names = lua_touserdata(L, 1);
    lua_createtable(L, (int)names->count, 0);
    for (int64_t i = 0; i < names->count; i++) {
        lua_pushstring(L, names->list[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* files.list(folder) -> sorted names */
static int files_list(lua_State *L)
{
    folder_names names;
    yl__check(L, yl__folder_list(yl__check_string(L, 1), &names.list, &names.count));
    int bad = yl__try_push(L, push_names, &names);
    yl__folder_list_free(names.list, names.count);
    return bad ? lua_error(L) : 1;
}

/* files.cache_folder() -> path, nil where the environment names none; nothing is made */
static int files_cache_folder(lua_State *L)
{
    char path[1024];
    lua_pushstring(L, yl__folder_cache(path) ? path : NULL);
    return 1;
}

/* files.append(path, text): returns when the disk has it */
static int files_append(lua_State *L)
{
    size_t size;
    const char *path = yl__check_string(L, 1), *data = yl__check_text(L, 2, &size);
    yl__check(L, yl__file_append(path, data, (int64_t)size));
    return 0;
}

static int push_hash(lua_State *L, XXH64_hash_t hash)
{
    char text[20];
    snprintf(text, sizeof text, "%016" PRIx64, (uint64_t)hash);
    lua_pushstring(L, text);
    return 1;
}

/* files.hash_text(text) -> 16 hexadecimal digits (XXH3, 64 bits) */
static int files_hash_text(lua_State *L)
{
    size_t size;
    const char *data = yl__check_text(L, 1, &size);
    return push_hash(L, XXH3_64bits(data, size));
}

/* files.hash(path) -> the same of a file's bytes */
static int files_hash(lua_State *L)
{
    char *data;
    int64_t size;
    yl__check(L, yl__file_read(yl__check_string(L, 1), &data, &size));
    XXH64_hash_t hash = XXH3_64bits(data, (size_t)size);
    yl__free(data);
    return push_hash(L, hash);
}

/* files.base64(bytes) -> text (RFC 4648, section 4: padded, without line breaks) */
static int files_base64(lua_State *L)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size;
    const unsigned char *in = (const unsigned char *)yl__check_text(L, 1, &size);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned group = (unsigned)in[i] << 16;
        if (left > 1) group |= (unsigned)in[i + 1] << 8;
        if (left > 2) group |= in[i + 2];
        luaL_addchar(&out, digits[group >> 18]);
        luaL_addchar(&out, digits[group >> 12 & 63]);
        luaL_addchar(&out, left > 1 ? digits[group >> 6 & 63] : '=');
        luaL_addchar(&out, left > 2 ? digits[group & 63] : '=');
    }
    luaL_pushresult(&out);
    return 1;
}

/* files.is_terminal() -> whether standard output is one */
static int files_is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty(STDOUT_FILENO));
    return 1;
}

/* files.columns() -> the width of the terminal that standard output is, or nil */
static int files_columns(lua_State *L)
{
    int columns = yl__terminal_columns();
    if (columns > 0)
        lua_pushinteger(L, columns);
    else
        lua_pushnil(L);
    return 1;
}

static void set_integer(lua_State *L, const char *key, int64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, key);
}

static void set_string(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

/* machine() -> {processors, online, threads, memory_bytes, available_bytes, peak_bytes, resident_bytes, blas, blas_core, blas_parallel, isa, bf16 (can the CPU
 * multiply numbers of bf16?)} */
static int machine(lua_State *L)
{
    yl_machine m;
    yl_machine_look(&m);
    lua_createtable(L, 0, 12);
    set_integer(L, "processors", m.processors);
    set_integer(L, "online", m.online);
    set_integer(L, "threads", m.threads);
    set_integer(L, "memory_bytes", m.memory_bytes);
    set_integer(L, "available_bytes", m.available_bytes);
    set_integer(L, "peak_bytes", m.peak_bytes);
    set_integer(L, "resident_bytes", m.resident_bytes);
    set_string(L, "blas", m.blas);
    set_string(L, "blas_core", m.blas_core);
    set_string(L, "blas_parallel", m.blas_parallel);
    yl_device *cpu;
    bool known = yl_device_get("cpu", &cpu) == YL_OK;
    set_string(L, "isa", known ? cpu->isa : "unknown");
    lua_pushboolean(L, known && cpu->factors >> YL_BF16 & 1);
    lua_setfield(L, -2, "bf16");
    return 1;
}

static void set_version(lua_State *L, const char *key, int version)
{
    lua_pushfstring(L, "%d.%d", version / 1000, version % 1000 / 10);
    lua_setfield(L, -2, key);
}

static void push_gpu(lua_State *L, int index)
{
    yl_device_facts f;
    yl__check(L, yl_cuda_facts(index, &f));
    lua_createtable(L, 0, 7);
    lua_pushfstring(L, "cuda:%d", index);
    lua_setfield(L, -2, "name");
    set_string(L, "chip", f.chip);
    set_string(L, "isa", f.isa);
    set_integer(L, "memory_bytes", f.memory_bytes);
    set_integer(L, "free_bytes", f.free_bytes);
    set_integer(L, "multiprocessors", f.multiprocessors);
    lua_pushboolean(L, f.usable);
    lua_setfield(L, -2, "usable");
}

/* The version of cuDNN, or the sentence that says why there is none. */
static void push_cudnn(lua_State *L)
{
    int version;
    if (yl_cuda_cudnn(&version) == YL_OK)
        lua_pushfstring(L, "%d.%d.%d", version / 10000, version / 100 % 100, version % 100);
    else
        set_string(L, "cudnn_sentence", yl_error()), lua_pushnil(L);
    lua_setfield(L, -2, "cudnn");
}

/* gpus() -> {driver, runtime (CUDA versions), cudnn (its version) or cudnn_sentence, devices = {{name, chip, isa, memory_bytes, free_bytes,
 * multiprocessors, usable}}}; or nil and the sentence that says what is missing */
static int gpus(lua_State *L)
{
    int driver, runtime, count;
    if (yl_cuda_look(&driver, &runtime, &count) != YL_OK) {
        lua_pushnil(L);
        lua_pushstring(L, yl_error());
        return 2;
    }
    lua_createtable(L, 0, 3);
    set_version(L, "driver", driver);
    set_version(L, "runtime", runtime);
    push_cudnn(L);
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        push_gpu(L, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "devices");
    return 1;
}

void yl__bind_files(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"kind", files_kind},
        {"same", files_same},
        {"make_folder", files_make_folder},
        {"together", files_together},
        {"new_folder", files_new_folder},
        {"list", files_list},
        {"cache_folder", files_cache_folder},
        {"append", files_append},
        {"hash_text", files_hash_text},
        {"base64", files_base64},
        {"hash", files_hash},
        {"is_terminal", files_is_terminal},
        {"columns", files_columns},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "files");
    lua_pushcfunction(L, machine);
    lua_setfield(L, -2, "machine");
    lua_pushcfunction(L, gpus);
    lua_setfield(L, -2, "gpus");
}
