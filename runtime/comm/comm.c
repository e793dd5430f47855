/* This process's communicator: alone, or what the plug-in opened. */
#include "comm/comm.h"
#include "core/library.h"
#include "core/log.h"
#include "core/threads.h"

#include <stdlib.h>
#include <string.h>

/* ---- alone ------------------------------------------------------------------------------------------------------------------- */

static yl_status add_alone(yl_comm *comm, yl_channel channel, int64_t count, const float *from, float *sums)
{
    (void)comm, (void)channel;
    for (int64_t i = 0; i < count; i++) sums[i] += from[i];
    return YL_OK;
}

static yl_status share_alone(yl_comm *comm, yl_channel channel, int64_t count, float *sums)
{
    (void)comm, (void)channel, (void)count, (void)sums;
    return YL_OK;
}

static yl_status broadcast_alone(yl_comm *comm, yl_channel channel, void *data, int64_t bytes)
{
    (void)comm, (void)channel, (void)data, (void)bytes;
    return YL_OK;
}

static yl_status gather_alone(yl_comm *comm, yl_channel channel, const void *data, int64_t bytes, void *all)
{
    (void)comm, (void)channel;
    memcpy(all, data, (size_t)bytes);
    return YL_OK;
}

static yl_status end_alone(yl_comm *comm, bool failure, double seconds, int *failed)
{
    (void)comm, (void)seconds;
    *failed = failure;
    return YL_OK;
}

static void close_alone(yl_comm *comm)
{
    (void)comm;
}

static void end_all_alone(yl_comm *comm, int status)
{
    (void)comm, (void)status;
}

static yl_comm here = {.name = "one process",
                       .size = 1,
                       .threads = true,
                       .add = add_alone,
                       .share = share_alone,
                       .broadcast = broadcast_alone,
                       .gather = gather_alone,
                       .end = end_alone,
                       .close = close_alone,
                       .end_all = end_all_alone};

yl_comm *yl_comm_here(void)
{
    return &here;
}

/* ---- with others ------------------------------------------------------------------------------------------------------------- */

/* The variables in which launchers say how many processes they started, which one this is, how many are on this machine, and
 * which of those this is. */
static const struct {
    const char *size, *rank, *local, *local_rank;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE",
     "OMPI_COMM_WORLD_LOCAL_RANK"},                                 /* Open MPI's mpirun */
    {"PMI_SIZE", "PMI_RANK", "MPI_LOCALNRANKS", "MPI_LOCALRANKID"}, /* MPICH's and Intel's, srun --mpi=pmi2 */
    {"SLURM_STEP_NUM_TASKS", "PMIX_RANK", "", "SLURM_LOCALID"},     /* srun --mpi=pmix */
};

static int number_of(const char *variable, int fallback)
{
    const char *text = getenv(variable);
    char *end;
    long value = text ? strtol(text, &end, 10) : -1;
    return text && end != text && value >= 0 && value < 1 << 20 ? (int)value : fallback;
}

yl_launched yl_comm_launched(void)
{
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        int size = number_of(launchers[i].size, 1), rank = number_of(launchers[i].rank, -1);
        if (size > 1 && rank >= 0)
            return (yl_launched){size, rank, number_of(launchers[i].local, size),
                                 number_of(launchers[i].local_rank, rank)};
    }
    return (yl_launched){1, 0, 1, 0};
}

static void take_sentence(yl_status status, const char *sentence)
{
    (void)yl__fail(status, "%s", sentence);
}

static void warn(const char *sentence)
{
    yl__warn("%s", sentence);
}

static yl_status check_size(const yl_comm *comm, int launched, const char *path)
{
    if (comm->size == launched) return YL_OK;
    return yl__fail(
        YL_UNSUPPORTED,
        "ranks: the launcher started %d processes, and the %s library of %s sees %d: expected the launcher of "
        "the same MPI",
        launched, comm->name, path, comm->size);
}

yl_status yl_comm_open(void)
{
    static const yl_comm_host host = {YL_COMM_VERSION, take_sentence, yl_interrupt_asked, warn};
    yl_comm_entry_function *entry = NULL;
    yl_library library;
    int launched = yl_comm_launched().size;
    if (here.size > 1 || launched == 1) return YL_OK;
    YL_TRY(yl__library_find("libyolua_mpi.so", "YOLUA_MPI_PLUGIN", &library));
    if (!library.path[0])
        return yl__fail(
            YL_UNSUPPORTED,
            "ranks: the launcher started %d processes, and this build has no MPI plug-in (libyolua_mpi.so): it "
            "is built where Open MPI is found; expected a single process",
            launched);
    YL_TRY(yl__library_entry(&library, "the MPI plug-in", YL_COMM_ENTRY, &entry, sizeof entry));
    yl_comm with = {0};
    YL_TRY(entry(&host, &with));
    YL_TRY(check_size(&with, launched, library.path));
    here = with;
    yl_interrupt_by_agreement();
    return YL_OK;
}
