/* What the program and the plug-in of a GPU backend tell each other. The plug-in links nothing of the program. */
#ifndef YL_BACKEND_PLUGIN_H
#define YL_BACKEND_PLUGIN_H

#include "core/device.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { YL_PLUGIN_VERSION = 2, YL_NO_GPU = -1 };

/* What the program gives. */
typedef struct yl_plugin_host {
    int version;         /* YL_PLUGIN_VERSION */
    const char *kernels; /* names and parameters of its table of kernels */
    void (*fail)(yl_status status, const char *sentence);
} yl_plugin_host;

/* A device as a person wants to see it. */
typedef struct yl_device_facts {
    char chip[256]; /* the product's name */
    char isa[32];   /* "sm_90" */
    int64_t memory_bytes, free_bytes;
    int multiprocessors;
    bool usable; /* the plug-in holds code for it */
} yl_device_facts;

/* A launch of a GPU's kernel. What it uses is -1 where the plug-in does not know. */
typedef struct yl_launch {
    const char *entry; /* as the linker knows it; or what launches it */
    int64_t blocks;
    int threads;                          /* per block */
    int registers, shared, stack, spills; /* per thread; bytes per block; bytes per thread, and in loads and stores */
} yl_launch;

/* Who is told of launches: first of those that a kernel of the table made, then of that kernel, with the bytes that it moves at least
 * and what it computes. */
typedef struct yl_launch_notes {
    void (*launch)(void *user, const yl_launch *launch);
    void (*call)(void *user, const char *kernel, double bytes, double flops);
    void *user;
} yl_launch_notes;

/* What the plug-in gives. Every function may be called from one thread at a time. */
typedef struct yl_plugin {
    int version; /* YL_PLUGIN_VERSION */
    /* Versions of the driver and of the runtime, 1000 * major + 10 * minor, and the number of devices. Errors: UNSUPPORTED, saying
     * what is missing: a driver, a newer driver, a device. */
    yl_status (*look)(int *driver, int *runtime, int *count);
    yl_status (*facts)(int index, yl_device_facts *out);
    /* Fills *out, whose name the caller sets. YL_NO_GPU: a device that is not there, which needs no driver and computes nothing; */
    yl_status (*open)(int index, yl_device *out);
    /* while `notes` is not NULL, it tells what would be launched on a GPU of architecture sm_<arch>. */
    yl_status (*note)(yl_device *device, int arch, const yl_launch_notes *notes);
} yl_plugin;

/* The plug-in's only symbol; NULL where it was built for another program. */
#define YL_PLUGIN_ENTRY "yl_plugin_entry"
typedef const yl_plugin *yl_plugin_entry_function(const yl_plugin_host *host);

#ifdef __cplusplus
}
#endif
#endif
