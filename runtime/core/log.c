/* Warnings go to one hook. */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>

static yl_warn_hook the_hook;
static void *the_user;

void yl_set_warn_hook(yl_warn_hook hook, void *user)
{
    the_hook = hook;
    the_user = user;
}

void yl__warn(const char *format, ...)
{
    if (!the_hook) return;
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    the_hook(the_user, sentence);
}
