/* Finds and opens plug-ins. */
#define _GNU_SOURCE
#include "core/library.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of the program or library that this function is part of, with `rest` behind it. */
static bool beside(const char *rest, const char *name, yl_library *out)
{
    Dl_info info;
    char self[sizeof out->path];
    if (!dladdr((const void *)(uintptr_t)&yl__library_find, &info) || !info.dli_fname) return false;
    const char *file = info.dli_fname;
    if (!strchr(file, '/') || strncmp(file, "./", 2) == 0) { /* the program, as it was called */
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n < 0) return false;
        self[n] = '\0', file = self;
    }
    const char *slash = strrchr(file, '/');
    int n = snprintf(out->path, sizeof out->path, "%.*s/%s%s", (int)(slash - file), file, rest, name);
    return n > 0 && n < (int)sizeof out->path && access(out->path, F_OK) == 0;
}

yl_status yl__library_find(const char *file, const char *variable, yl_library *out)
{
    static const char *const folders[] = {"", "../", "../../", "../lib/yolua/", "../../../yolua/", "yolua/"};
    const char *chosen = getenv(variable);
    if (chosen && *chosen) {
        int n = snprintf(out->path, sizeof out->path, "%s", chosen);
        return n < (int)sizeof out->path ? YL_OK : yl__fail(YL_INVALID, "%s: the path is too long", variable);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (beside(folders[i], file, out)) return YL_OK;
    out->path[0] = '\0';
    return YL_OK;
}

yl_status yl__library_entry(const yl_library *library, const char *what, const char *symbol, void *entry, size_t size)
{
    void *handle = dlopen(library->path, RTLD_NOW | RTLD_LOCAL), *found = handle ? dlsym(handle, symbol) : NULL;
    if (!found) {
        const char *why = dlerror();
        return yl__fail(YL_UNSUPPORTED, "%s %s cannot be opened: %s", what, library->path, why ? why : "unknown error");
    }
    memcpy(entry, &found, size);
    return YL_OK;
}
