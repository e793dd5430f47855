/* What the compiler says that the plug-in's kernels use. backend/usage.cmake takes it from the compiler's reports when the plug-in is
 * built; a plug-in built by another compiler knows nothing. */
#ifndef YL_BACKEND_USAGE_H
#define YL_BACKEND_USAGE_H

typedef struct yl_usage {
    const char *entry;             /* the kernel, as the linker knows it */
    int arch;                      /* 90: sm_90 */
    int registers;                 /* per thread */
    int shared;                    /* bytes per block */
    int stack;                     /* bytes per thread, which lie in device memory; of these, */
    int spill_stores, spill_loads; /* what found no room in registers */
} yl_usage;

/* Of a kernel's function on the host; NULL: unknown. Where two files have a kernel of one name, the numbers are the larger ones. */
const yl_usage *yl__usage_of(const void *kernel, int arch);
/* Whether anything is known of that architecture. */
bool yl__usage_known(int arch);

#endif
