/* What this process runs on. Memory figures come from /proc, which is Linux's; elsewhere they are 0. */
#define _GNU_SOURCE
#include "core/machine.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/threads.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The figure in kB after `key` in a file such as /proc/meminfo, as bytes. */
static int64_t proc_bytes(const char *path, const char *key)
{
    char *text;
    int64_t size, bytes = 0;
    if (yl__file_read(path, &text, &size)) return 0;
    const char *at = strstr(text, key);
    if (at) bytes = 1024 * strtoll(at + strlen(key), NULL, 10);
    yl__free(text);
    return bytes;
}

static const char *parallel_name(void)
{
    static const char *const names[] = {"sequential", "pthread", "openmp"};
    int kind = openblas_get_parallel();
    return kind >= 0 && kind < 3 ? names[kind] : "unknown";
}

void yl_machine_look(yl_machine *out)
{
    *out = (yl_machine){
        .processors = yl__processors(), .online = (int)sysconf(_SC_NPROCESSORS_ONLN), .threads = yl_threads()};
    out->memory_bytes = proc_bytes("/proc/meminfo", "MemTotal:");
    out->available_bytes = proc_bytes("/proc/meminfo", "MemAvailable:");
    out->peak_bytes = proc_bytes("/proc/self/status", "VmHWM:");
    out->resident_bytes = proc_bytes("/proc/self/status", "VmRSS:");
    out->blas = openblas_get_config();
    out->blas_core = openblas_get_corename();
    out->blas_parallel = parallel_name();
}
