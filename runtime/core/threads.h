/* How many threads the CPU kernels use. OpenMP and OpenBLAS (its OpenMP build) share one pool. */
#ifndef YL_CORE_THREADS_H
#define YL_CORE_THREADS_H

#define YL__SPINS "300" /* how often a thread of OpenMP that waits looks again before it sleeps (main.c says why) */

int yl_threads(void);       /* the current number */
void yl_set_threads(int n); /* n >= 1; 0: as many as this process may use */
int yl__thread_index(void); /* inside a parallel region: 0..yl_threads()-1 */
/* The processor time that each thread of the pool has used up, in seconds; 0 in the rest of the `n` places of `out`. */
void yl__thread_seconds(int n, double *out);
int yl__processors(void); /* how many processors this process may use */

/* The cooperative stop flag that Ctrl-C sets: read after an optimizer step and in the loader's wait. */
void yl_interrupt(void); /* async-signal-safe */
int yl_interrupted(void);
void yl_clear_interrupt(void);
/* The same by a scheduler's warning (SIGUSR1) that the time limit is near; whether there was one. */
void yl_interrupt_at_limit(void); /* async-signal-safe */
int yl_interrupted_at_limit(void);
/* Of processes that work together all have to stop at the same point: after yl_interrupt_by_agreement a request (yl_interrupt_asked) counts
 * as one when yl_interrupt_agree says so. */
void yl_interrupt_by_agreement(void);
int yl_interrupt_asked(void);
void yl_interrupt_agree(void);
/* Marks the beginning (1) and the end (-1) of work that reads the flag. During it SIGTERM also asks to stop; otherwise SIGTERM ends
 * the process. */
void yl_heed_interrupt(int by);
int yl_interrupt_is_heeded(void);

#endif
