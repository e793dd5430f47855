/* Plug-ins: shared libraries that the program opens when what they provide is requested. */
#ifndef YL_CORE_LIBRARY_H
#define YL_CORE_LIBRARY_H

#include "core/status.h"

#include <stddef.h>

typedef struct yl_library {
    char path[4096]; /* "": there is no such file */
} yl_library;

/* Looks for a plug-in: where the environment's `variable` points, else beside the program or in the library folder beside it. */
yl_status yl__library_find(const char *file, const char *variable, yl_library *out);
/* Opens it and finds a function; `entry` is a pointer to a function pointer of that size. `what` is for the sentence ("the CUDA
 * plug-in"). Errors: UNSUPPORTED with the loader's reason. */
yl_status yl__library_entry(const yl_library *library, const char *what, const char *symbol, void *entry, size_t size);

#endif
