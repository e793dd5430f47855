/* The plain module: what a stock Lua finds as "yolua.core". It brings the runtime in from runtime.so, which lies beside it, in
 * place of the program's main.c; the process, its signals and its standard streams belong to the host.
 *
 * There are two files because of OpenMP: libgomp reads in its constructor how threads shall wait (the figures stand in main.c),
 * so that has to be said before anything that needs libgomp is loaded. A host that brought libgomp in itself keeps its own way. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "core/log.h"
#include "core/threads.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct runtime {
    void (*set_warn_hook)(yl_warn_hook hook, void *user);
    void (*open_library)(lua_State *L);
    lua_CFunction open_core;
} runtime;

/* As the program warns; threads of the loader do so too, hence not through Lua. */
static void warn(void *user, const char *sentence)
{
    (void)user;
    fprintf(stderr, "yolua: warning: %s\n", sentence);
}

/* The folder of this file, with its '/'. */
static bool own_folder(char *out, size_t size)
{
    Dl_info self;
    if (!dladdr((void *)(size_t)own_folder, &self) || strlen(self.dli_fname) >= size) return false;
    strcpy(out, self.dli_fname);
    char *slash = strrchr(out, '/');
    if (slash) slash[1] = '\0';
    return slash != NULL;
}

/* Threads wait as in the program (main.c), unless the environment says otherwise; children of the host shall not inherit it. The file
 * stays loaded when the state closes: its threads may still run. */
static void *load(const char *path)
{
    bool ours = !getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT");
    if (ours) setenv("GOMP_SPINCOUNT", YL__SPINS, 1);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (ours) unsetenv("GOMP_SPINCOUNT");
    return library;
}

static bool find(void *library, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, size);
    return symbol != NULL;
}

static bool open_runtime(runtime *r)
{
    char path[4096];
    if (!own_folder(path, sizeof path - sizeof "runtime.so")) return false;
    void *library = load(strcat(path, "runtime.so"));
    return library && find(library, "yl_set_warn_hook", &r->set_warn_hook, sizeof r->set_warn_hook) &&
           find(library, "yl__open_library", &r->open_library, sizeof r->open_library) &&
           find(library, "luaopen_yolua_core", &r->open_core, sizeof r->open_core);
}

__attribute__((visibility("default"))) int luaopen_yolua_core(lua_State *L)
{
    runtime r;
    if (!open_runtime(&r)) return luaL_error(L, "yolua.core: %s", dlerror());
    r.set_warn_hook(warn, NULL);
    r.open_library(L);
    return r.open_core(L);
}
