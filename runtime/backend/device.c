/* Which device a name stands for. */
#include "backend/device.h"

#include <string.h>

yl_status yl_device_get(const char *name, yl_device **out)
{
    if (strcmp(name, "cpu") == 0) return yl__cpu_device(out);
    if (strncmp(name, "cuda", 4) == 0)
        return yl__fail(YL_UNSUPPORTED, "device '%s': this build has no CUDA backend; expected cpu", name);
    return yl__fail(YL_INVALID, "device '%s' is unknown; expected cpu or cuda", name);
}
