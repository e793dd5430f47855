/* Opens the CUDA plug-in, and its devices. */
#include "backend/plugin.h"
#include "core/library.h"
#include "kernels/kernels.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { MOST_DEVICES = 64 };

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

static yl_status open_plugin(void)
{
    yl_plugin_entry_function *entry = NULL;
    yl_library library;
    if (plugin) return YL_OK;
    YL_TRY(yl__library_find(FILE_NAME, "YOLUA_CUDA_PLUGIN", &library));
    if (!library.path[0])
        return yl__fail(YL_UNSUPPORTED,
                        "this build has no CUDA plug-in (%s): it is built where nvcc is found; expected device=cpu",
                        FILE_NAME);
    YL_TRY(yl__library_entry(&library, "the CUDA plug-in", YL_PLUGIN_ENTRY, &entry, sizeof entry));
    plugin = entry(&host);
    if (plugin && plugin->version == YL_PLUGIN_VERSION) return YL_OK;
    plugin = NULL;
    return yl__fail(YL_UNSUPPORTED, "the CUDA plug-in %s was built for another version of yolua", library.path);
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

yl_status yl_cuda_cudnn(int *version)
{
    *version = 0;
    pthread_mutex_lock(&mutex);
    yl_status status = open_plugin();
    if (status == YL_OK) status = plugin->cudnn(version);
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
