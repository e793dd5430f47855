/* The interface between the program and a GPU backend's plug-in, which links nothing of the program. */
#ifndef YL_BACKEND_PLUGIN_H
#define YL_BACKEND_PLUGIN_H

#include "core/device.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { YL_PLUGIN_VERSION = 4, YL_NO_GPU = -1 };

/* What the program passes to the plug-in. */
typedef struct yl_plugin_host {
    int version;         /* YL_PLUGIN_VERSION */
    const char *kernels; /* names and parameters of its table of kernels */
    void (*fail)(yl_status status, const char *sentence);
} yl_plugin_host;

/* A device as users see it. */
typedef struct yl_device_facts {
    char chip[256]; /* the product's name */
    char isa[32];   /* "sm_90" */
    int64_t memory_bytes, free_bytes;
    int multiprocessors;
    bool usable; /* the plug-in holds code for it */
} yl_device_facts;

/* A launch of a kernel. Resources are -1 if the plug-in does not know them. */
typedef struct yl_launch {
    const char *entry; /* the linker's name of the kernel, or what launches it */
    int64_t blocks;
    int threads;                          /* per block */
    int registers, shared, stack, spills; /* per thread; bytes per block; bytes per thread, and in loads and stores */
} yl_launch;

/* Callbacks for launches. For a kernel of the table: first `launch` for each of its launches, then `call` with the least bytes that it
 * moves and its floating-point operations. */
typedef struct yl_launch_notes {
    void (*launch)(void *user, const yl_launch *launch);
    void (*call)(void *user, const char *kernel, double bytes, double flops);
    void *user;
} yl_launch_notes;

/* What the plug-in returns. The functions are called from one thread at a time. */
typedef struct yl_plugin {
    int version; /* YL_PLUGIN_VERSION */
    /* Versions of the driver and the runtime, as 1000 * major + 10 * minor, and the number of devices. Errors: UNSUPPORTED, saying what is
     * missing: a driver, a newer driver, a device. */
    yl_status (*look)(int *driver, int *runtime, int *count);
    yl_status (*facts)(int index, yl_device_facts *out);
    /* The version of cuDNN, as 10000 * major + 100 * minor + patch. Errors: UNSUPPORTED: it is not installed, or cannot be used. */
    yl_status (*cudnn)(int *version);
    /* Fills *out but for its name. YL_NO_GPU: an imaginary device, which needs no driver and computes nothing. */
    yl_status (*open)(int index, yl_device *out);
    /* Makes the imaginary device report what it would launch on a GPU of architecture sm_<arch>; NULL: stops that. */
    yl_status (*note)(yl_device *device, int arch, const yl_launch_notes *notes);
} yl_plugin;

/* The plug-in's only symbol. The function returns NULL if the plug-in was built for another program. */
#define YL_PLUGIN_ENTRY "yl_plugin_entry"
typedef const yl_plugin *yl_plugin_entry_function(const yl_plugin_host *host);

/* ---- the program's side: the plug-in is libyolua_cuda.so, or the file that YOLUA_CUDA_PLUGIN names, opened when a GPU is requested --- */

/* Versions of the driver and the runtime, as 1000 * major + 10 * minor, and the number of devices. Errors: UNSUPPORTED if there is no
 * plug-in, no driver, an old driver, or no device. */
yl_status yl_cuda_look(int *driver, int *runtime, int *count);
/* The version of cuDNN, as 10000 * major + 100 * minor + patch. Errors: UNSUPPORTED without it, or without the plug-in. */
yl_status yl_cuda_cudnn(int *version);
/* Facts about device `index` (0-based). Errors: as above; INVALID for a device that does not exist. */
yl_status yl_cuda_facts(int index, yl_device_facts *out);
/* The device; there is one object for each, which lives as long as the process. */
yl_status yl__cuda_device(int index, yl_device **out);
/* A GPU that is not there: it computes nothing, and says what it would launch. Errors: UNSUPPORTED without a plug-in. */
yl_status yl__cuda_none(yl_device **out);
/* Tells `notes` of every launch on that device, as a GPU of architecture sm_<arch> would have it, until notes are NULL. Errors:
 * UNSUPPORTED without a plug-in, or where that was not built for the architecture. */
yl_status yl_cuda_note(int arch, const yl_launch_notes *notes);

#ifdef __cplusplus
}
#endif
#endif
