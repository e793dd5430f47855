/* Work that may break the process, done in a copy of it first. */
#ifndef YL_CORE_CHILD_H
#define YL_CORE_CHILD_H

#include "core/status.h"

typedef struct yl_child_limits {
    int64_t seconds; /* of processor time */
    int64_t clock;   /* seconds by the clock */
    int64_t bytes;   /* of address space, besides what this process has */
} yl_child_limits;

/* Calls work(data) in a copy of this process and waits for its end; whatever it prints or changes is lost, its status too. how: how the
 * copy ended, where it did not return from `work`: "signal 11 (Segmentation fault)"; empty where it did. `work` must not wait for another
 * thread: the copy has none. Errors: IO, the system starts no copy, with its reason. */
yl_status yl__child_try(yl_status (*work)(void *data), void *data, yl_child_limits limits, char *how, size_t how_size);

#endif
