/* Other processes of this program: started, asked to stop, awaited. */
#ifndef YL_CORE_PROCESS_H
#define YL_CORE_PROCESS_H

#include "core/status.h"

/* Starts this program anew with these words (NULL-terminated, the first is the program's name). It reads nothing, and what it prints is
 * appended to the file `output`. It has its own process group, so that a terminal's Ctrl-C reaches it only through this process, and it
 * is asked to stop (SIGINT) when this process ends. Errors: IO. */
yl_status yl__process_start(const char *const *words, const char *output, int64_t *id);

/* Whether a process that was started here has ended; *status: its exit status, or minus the number of the signal that ended it. To be
 * called until it has. Errors: IO, no such process. */
yl_status yl__process_ended(int64_t id, bool *ended, int *status);

/* Asks a process that was started here, and has not ended, to stop as Ctrl-C does. */
void yl__process_interrupt(int64_t id);

/* Sleeps that long, or until a signal comes. */
void yl__process_rest(double seconds);

/* In a process that yl__process_start started: from now on the end of the one that started it is a Ctrl-C. */
void yl__process_follow(void);

#endif
