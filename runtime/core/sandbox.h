/* What an untrusted recipe may touch: files and folders that the user named, and no other program. From yl__sandbox_enter on, every
 * file that this library opens is checked against that list (a sentence names it), and the kernel holds the whole process to it, where it
 * has Landlock (Linux 5.13; Documentation/userspace-api/landlock.rst of the kernel). There is no way out again. */
#ifndef YL_CORE_SANDBOX_H
#define YL_CORE_SANDBOX_H

#include "core/status.h"

/* Adds a file, or a folder with all below it, to what may be read, or also written. Links are followed now. A path that leads nowhere adds
 * nothing. To be called before yl__sandbox_enter. Errors: MEMORY; the sandbox is entered already. */
yl_status yl__sandbox_allow(const char *path, bool write);

/* Closes the sandbox. bytes: how much memory this process may take besides what it has (RLIMIT_DATA). *kernel: whether the kernel holds it
 * too. Errors: UNSUPPORTED, another thread runs, which the kernel would not hold; IO, the system refused. */
yl_status yl__sandbox_enter(int64_t bytes, bool *kernel);
bool yl__sandboxed(void);

/* Whether a path may be read, or written, made or removed; always before yl__sandbox_enter. Errors: IO, with the path. */
yl_status yl__sandbox_reads(const char *path);
yl_status yl__sandbox_writes(const char *path);
/* Whether another program may be started. Errors: IO, with what was to be done. */
yl_status yl__sandbox_starts(const char *what);

#endif
