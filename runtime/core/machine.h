/* What this process runs on: processors, memory, and the BLAS that was loaded. */
#ifndef YL_CORE_MACHINE_H
#define YL_CORE_MACHINE_H

#include "core/status.h"

typedef struct yl_machine {
    int processors, online, threads;       /* that this process may use; that the machine has */
    int64_t memory_bytes, available_bytes; /* of the machine; free for use */
    int64_t peak_bytes, resident_bytes;    /* of this process: at most so far, and now; 0: unknown */
    const char *blas;                      /* OpenBLAS's own description */
    const char *blas_core;                 /* the processor that its kernels are for */
    const char *blas_parallel; /* "sequential", "pthread" or "openmp"; only "openmp" shares the kernels' pool */
} yl_machine;

void yl_machine_look(yl_machine *out);

#endif
