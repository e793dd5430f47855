/* The version, as the build gives it. */
#include "core/version.h"

const char *yl_version(void)
{
    return YL_VERSION;
}
