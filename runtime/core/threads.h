/* How many threads the CPU kernels use. OpenMP and OpenBLAS (its OpenMP build) share one pool. */
#ifndef YL_CORE_THREADS_H
#define YL_CORE_THREADS_H

int yl_threads(void);       /* at present */
void yl_set_threads(int n); /* n >= 1; 0: all that the machine has this process */
int yl__thread_index(void); /* inside a parallel region: 0..yl_threads()-1 */
/* The processor time that each thread of the pool has used up, in seconds; 0 in the rest of the `n` places of `out`. */
void yl__thread_seconds(int n, double *out);
int yl__processors(void); /* what the machine gives this process */

/* The cooperative stop flag that Ctrl-C sets: read after an optimizer step and in the loader's wait. */
void yl_interrupt(void); /* async-signal-safe */
int yl_interrupted(void);
void yl_clear_interrupt(void);
/* Work that reads the flag begins (1) or ends (-1): meanwhile SIGTERM, too, asks it to stop; otherwise it ends the process. */
void yl_heed_interrupt(int by);
int yl_interrupt_is_heeded(void);

#endif
