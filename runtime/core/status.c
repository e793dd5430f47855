/* The error sentence: one buffer per thread, so that a worker's failure cannot overwrite another's. */
#include "core/status.h"
#include "core/sentence.h"

#include <stdio.h>
#include <string.h>

static _Thread_local char sentence[1024];

const char *yl_status_name(yl_status status)
{
    static const char *const names[] = {
#define X(name, meaning) #name,
        YL_STATUSES(X)
#undef X
    };
    size_t i = (size_t)status;
    return i < sizeof names / sizeof *names ? names[i] : "UNKNOWN";
}

const char *yl_error(void)
{
    return sentence;
}

/* In parentheses: to clang's analyzer these two names are macros. */
yl_status(yl__fail)(yl_status status, const char *format, ...)
{
    char text[sizeof sentence]; /* the arguments may include yl_error() itself */
    va_list args;
    va_start(args, format);
    yl__sentence(text, sizeof text, format, args);
    va_end(args);
    memcpy(sentence, text, sizeof text);
    return status;
}

yl_status(yl__fail_in)(yl_status status, const char *format, ...)
{
    char prefix[512];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    return yl__fail(status, "%s: %s", prefix, sentence);
}
