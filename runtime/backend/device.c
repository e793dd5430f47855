/* Which device a name stands for. */
#include "backend/device.h"
#include "backend/plugin.h"
#include "comm/comm.h"
#include "core/log.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static yl_status unknown(const char *name)
{
    return yl__fail(YL_INVALID, "device '%s' is unknown; expected auto, cpu, cuda or cuda:N", name);
}

/* N of "cuda:N" from 0, and -1 is something else. Of "cuda" each rank of this machine gets one of its own. */
static int gpu_index(const char *name)
{
    if (strcmp(name, "cuda") == 0) return yl_comm_launched().local_rank;
    size_t digits = strncmp(name, "cuda:", 5) == 0 ? strspn(name + 5, "0123456789") : 0;
    return digits >= 1 && digits <= 4 && name[5 + digits] == '\0' ? (int)strtol(name + 5, NULL, 10) : -1;
}

/* A GPU if each rank of this machine can have one. */
static yl_status automatic(yl_device **out)
{
    int driver, runtime, count;
    yl_launched ranks = yl_comm_launched();
    if (yl_cuda_look(&driver, &runtime, &count) == YL_OK && count >= ranks.local &&
        yl__cuda_device(ranks.local_rank, out) == YL_OK)
        return YL_OK;
    return yl__cpu_device(out);
}

yl_status yl_device_get(const char *name, yl_device **out)
{
    if (strcmp(name, "cpu") == 0) return yl__cpu_device(out);
    if (strcmp(name, "auto") == 0) return automatic(out);
    if (strcmp(name, "cuda:none") == 0) return yl__cuda_none(out);
    int index = gpu_index(name), ranks = yl_comm_launched().local;
    if (index < 0) return unknown(name);
    if (ranks > 1 && name[4] == ':')
        return yl__fail(YL_INVALID,
                        "device '%s': %d ranks of this machine would share it; expected cuda, which gives each rank a "
                        "GPU of its own",
                        name, ranks);
    yl_status status = yl__cuda_device(index, out);
    if (status != YL_OK && ranks > 1)
        return yl__fail_in(status, "device '%s' for rank %d of this machine", name, index);
    return status == YL_OK ? YL_OK : yl__fail_in(status, "device '%s'", name);
}

/* ---- ranks --------------------------------------------------------------------------------------------------------------------- */

/* Whether each rank's device can join the others. Errors: INVALID where only some can. */
static yl_status all_can(yl_comm *ranks, const yl_device *device, bool *out)
{
    bool mine = device->join != NULL, *all;
    YL_TRY(yl__alloc(ranks->size, sizeof *all, &all));
    yl_status status = ranks->gather(ranks, YL_CHANNEL_MAIN, &mine, sizeof mine, all);
    for (int r = 1; r < ranks->size && status == YL_OK; r++)
        if (all[r] != all[0])
            status =
                yl__fail(YL_INVALID, "ranks: rank 0 computes on %s and rank %d on %s; expected GPUs, or CPUs, for all",
                         all[0] ? "a GPU" : "a CPU", r, all[r] ? "a GPU" : "a CPU");
    *out = all[0];
    yl__free(all);
    return status;
}

yl_status yl__device_ranks(yl_device *device, yl_comm **out)
{
    static yl_device *asked; /* a rank has one GPU, whose communicator lives as long as the process */
    static yl_comm joined;
    yl_comm *ranks = yl_comm_here();
    bool can;
    *out = NULL;
    if (ranks->size == 1) return YL_OK;
    YL_TRY(all_can(ranks, device, &can));
    if (!can) return YL_OK;
    if (asked && asked != device)
        return yl__fail(YL_INVALID, "ranks: expected one GPU for each, got %s and %s", asked->name, device->name);
    if (!asked) {
        yl_status status = device->join(device, ranks, &joined);
        if (status == YL_UNSUPPORTED)
            yl__warn("%s; gradients are added in the host's memory", yl_error());
        else if (status != YL_OK)
            return status;
        asked = device;
    }
    *out = joined.size ? &joined : NULL;
    return YL_OK;
}
