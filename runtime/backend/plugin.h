/* What the program and the plug-in of a GPU backend tell each other. The plug-in links nothing of the program. */
#ifndef YL_BACKEND_PLUGIN_H
#define YL_BACKEND_PLUGIN_H

#include "core/device.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { YL_PLUGIN_VERSION = 1 };

/* What the program gives. */
typedef struct yl_plugin_host {
    int version;         /* YL_PLUGIN_VERSION */
    size_t kernels_size; /* of its table of kernels */
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

/* What the plug-in gives. Every function may be called from one thread at a time. */
typedef struct yl_plugin {
    int version; /* YL_PLUGIN_VERSION */
    /* Versions of the driver and of the runtime, 1000 * major + 10 * minor, and the number of devices. Errors: UNSUPPORTED, saying
     * what is missing: a driver, a newer driver, a device. */
    yl_status (*look)(int *driver, int *runtime, int *count);
    yl_status (*facts)(int index, yl_device_facts *out);
    yl_status (*open)(int index, yl_device *out); /* fills *out, whose name the caller sets */
} yl_plugin;

/* The plug-in's only symbol; NULL where it was built for another program. */
#define YL_PLUGIN_ENTRY "yl_plugin_entry"
typedef const yl_plugin *yl_plugin_entry_function(const yl_plugin_host *host);

#ifdef __cplusplus
}
#endif
#endif
