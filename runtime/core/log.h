/* Warnings. The library never prints: it calls a hook, which main.c points at standard error. */
#ifndef YL_CORE_LOG_H
#define YL_CORE_LOG_H

#include "core/status.h"

typedef void (*yl_warn_hook)(void *user, const char *sentence);

/* Installs the hook (NULL: warnings are dropped). Not to be called while other threads run. */
void yl_set_warn_hook(yl_warn_hook hook, void *user);
void yl__warn(const char *format, ...) YL__PRINTF(1, 2);

#endif
