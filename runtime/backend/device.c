/* Which device a name stands for. */
#include "backend/device.h"
#include "backend/plugin.h"

#include <stdlib.h>
#include <string.h>

static yl_status unknown(const char *name)
{
    return yl__fail(YL_INVALID, "device '%s' is unknown; expected auto, cpu, cuda or cuda:N", name);
}

/* N of "cuda:N" from 0; "cuda" is cuda:0, and -1 is something else. */
static int gpu_index(const char *name)
{
    if (strcmp(name, "cuda") == 0) return 0;
    size_t digits = strncmp(name, "cuda:", 5) == 0 ? strspn(name + 5, "0123456789") : 0;
    return digits >= 1 && digits <= 4 && name[5 + digits] == '\0' ? atoi(name + 5) : -1;
}

yl_status yl_device_get(const char *name, yl_device **out)
{
    if (strcmp(name, "cpu") == 0) return yl__cpu_device(out);
    if (strcmp(name, "auto") == 0) return yl__cuda_device(0, out) == YL_OK ? YL_OK : yl__cpu_device(out);
    if (strcmp(name, "cuda:none") == 0) return yl__cuda_none(out);
    int index = gpu_index(name);
    if (index < 0) return unknown(name);
    yl_status status = yl__cuda_device(index, out);
    return status == YL_OK ? YL_OK : yl__fail_in(status, "device '%s'", name);
}
