/* The context of kernel calls. */
#include "core/device.h"
#include "core/threads.h"

yl_ctx yl__ctx(yl_device *device)
{
    return (yl_ctx){.device = device, .threads = yl_threads()};
}
