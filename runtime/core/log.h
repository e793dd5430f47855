/* Warnings. The library never prints. It calls a hook; main.c installs one that writes to standard error. */
#ifndef YL_CORE_LOG_H
#define YL_CORE_LOG_H

#include "core/status.h"

typedef void (*yl_warn_hook)(void *user, const char *sentence);

/* Installs the hook (NULL: warnings are dropped). Not to be called while other threads run. */
void yl_set_warn_hook(yl_warn_hook hook, void *user);
/* Also appends warnings ("warning: ...") to that file, if it exists, until another file or NULL is set. */
yl_status yl__warn_file(const char *path);
const char *yl__warn_file_now(void); /* NULL where there is none; valid until the next yl__warn_file */
void yl__warn(const char *format, ...) YL__PRINTF(1, 2);

#endif
