/* Opens the CUDA plug-in: beside the program, in the library folder beside it, or where the system's loader finds it. */
#define _GNU_SOURCE
#include "backend/plugin.h"
#include "kernels/kernels.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DEVICES = 64, PATH = 4096 };

static const char FILE_NAME[] = "libyolua_cuda.so";

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static const yl_plugin *plugin;
static yl_device devices[MOST_DEVICES], no_gpu;
static char names[MOST_DEVICES][16];

static void take_sentence(yl_status status, const char *sentence)
{
    (void)yl__fail(status, "%s", sentence);
}

#define TEXT(name, parameters, cuda) #name #parameters
static const yl_plugin_host host = {YL_PLUGIN_VERSION, YL_KERNELS(TEXT), take_sentence};

/* FOLDER of the program or library that this function is part of, with `rest` behind it. */
static bool beside(const char *rest, char path[PATH])
{
    Dl_info info;
    char self[PATH];
    if (!dladdr((const void *)(uintptr_t)&take_sentence, &info) || !info.dli_fname) return false;
    const char *file = info.dli_fname;
    if (!strchr(file, '/') || strncmp(file, "./", 2) == 0) { /* the program, as it was called */
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        if (n < 0) return false;
        self[n] = '\0', file = self;
    }
    const char *slash = strrchr(file, '/');
    int n = snprintf(path, PATH, "%.*s/%s%s", (int)(slash - file), file, rest, FILE_NAME);
    return n > 0 && n < PATH && access(path, F_OK) == 0;
}

static yl_status not_opened(const char *file)
{
    const char *why = dlerror();
    return yl__fail(YL_UNSUPPORTED, "the CUDA plug-in %s cannot be opened: %s", file, why ? why : "unknown error");
}

static yl_status open_file(const char *file)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library) return not_opened(file);
    yl_plugin_entry_function *entry = NULL;
    void *symbol = dlsym(library, YL_PLUGIN_ENTRY);
    if (!symbol) return not_opened(file);
    memcpy(&entry, &symbol, sizeof entry);
    plugin = entry(&host);
    if (plugin && plugin->version == YL_PLUGIN_VERSION) return YL_OK;
    plugin = NULL;
    return yl__fail(YL_UNSUPPORTED, "the CUDA plug-in %s was built for another version of yolua", file);
}

static yl_status open_plugin(void)
{
    static const char *const folders[] = {"", "../", "../../", "../lib/yolua/", "../../../yolua/", "yolua/"};
    char path[PATH];
    const char *chosen = getenv("YOLUA_CUDA_PLUGIN");
    if (plugin) return YL_OK;
    if (chosen && *chosen) return open_file(chosen);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (beside(folders[i], path)) return open_file(path);
    return yl__fail(YL_UNSUPPORTED,
                    "this build has no CUDA plug-in (%s): it is built where nvcc is found; expected device=cpu",
                    FILE_NAME);
}

yl_status yl_cuda_look(int *driver, int *runtime, int *count)
{
    *driver = *runtime = *count = 0;
    pthread_mutex_lock(&mutex);
    yl_status status = open_plugin();
    if (status == YL_OK) status = plugin->look(driver, runtime, count);
    pthread_mutex_unlock(&mutex);
    return status;
}

static yl_status check_index(int index)
{
    int driver, runtime, count;
    YL_TRY(open_plugin());
    YL_TRY(plugin->look(&driver, &runtime, &count));
    if (index >= 0 && index < count && index < MOST_DEVICES) return YL_OK;
    return yl__fail(YL_INVALID, "this machine has %d GPU%s; expected cuda:0%s", count, count == 1 ? "" : "s",
                    count > 1 ? " or one of the others" : "");
}

yl_status yl_cuda_facts(int index, yl_device_facts *out)
{
    pthread_mutex_lock(&mutex);
    yl_status status = check_index(index);
    if (status == YL_OK) status = plugin->facts(index, out);
    pthread_mutex_unlock(&mutex);
    return status;
}

static yl_status open_device(int index)
{
    YL_TRY(check_index(index));
    if (devices[index].kernels) return YL_OK;
    snprintf(names[index], sizeof names[index], "cuda:%d", index);
    devices[index].name = names[index];
    return plugin->open(index, &devices[index]);
}

yl_status yl__cuda_device(int index, yl_device **out)
{
    pthread_mutex_lock(&mutex);
    yl_status status = open_device(index);
    pthread_mutex_unlock(&mutex);
    if (status == YL_OK) *out = &devices[index];
    return status;
}

static yl_status open_no_gpu(void)
{
    YL_TRY(open_plugin());
    if (no_gpu.kernels) return YL_OK;
    no_gpu.name = "cuda:none";
    return plugin->open(YL_NO_GPU, &no_gpu);
}

yl_status yl__cuda_none(yl_device **out)
{
    pthread_mutex_lock(&mutex);
    yl_status status = open_no_gpu();
    pthread_mutex_unlock(&mutex);
    if (status == YL_OK) *out = &no_gpu;
    return status;
}

yl_status yl_cuda_note(int arch, const yl_launch_notes *notes)
{
    yl_device *device;
    YL_TRY(yl__cuda_none(&device));
    return plugin->note(device, arch, notes);
}
