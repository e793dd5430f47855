/* Ranks: the processes that train one network together. A communicator is a few functions that all ranks call in the same order.
 *
 * A process that no launcher started with others is alone: rank 0 of 1, and every function does nothing more than that takes. Else
 * yl_comm_open opens the plug-in (comm/mpi.c), which the program does not link. */
#ifndef YL_COMM_COMM_H
#define YL_COMM_COMM_H

#include "core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Two threads can be at work at once: the program's own, and the one that adds gradients (net/share.h). */
typedef enum yl_channel { YL_CHANNEL_MAIN, YL_CHANNEL_SUMS, YL_CHANNELS } yl_channel;

typedef struct yl_comm yl_comm;
struct yl_comm {
    const char *name; /* "MPI" */
    int rank, size;
    bool threads; /* both channels may be used at once */
    /* Adds what every rank gives to `sums`, rank by rank in their order, so that the bits depend on the numbers alone. Of the result a
     * rank gets its own part of `count` (yl_comm_part). */
    yl_status (*add)(yl_comm *comm, yl_channel channel, int64_t count, const float *from, float *sums);
    /* Gives every rank the other ranks' parts. */
    yl_status (*share)(yl_comm *comm, yl_channel channel, int64_t count, float *sums);
    /* Gives every rank rank 0's bytes. */
    yl_status (*broadcast)(yl_comm *comm, yl_channel channel, void *data, int64_t bytes);
    /* Gives every rank `bytes` of each rank, in the order of ranks. */
    yl_status (*gather)(yl_comm *comm, yl_channel channel, const void *data, int64_t bytes, void *all);
    /* Waits for the other ranks' end: *failed is how many ranks failed, this one included, or -1 if some have not ended after `seconds`
     * (0: any time). Called once, from the main thread. */
    yl_status (*end)(yl_comm *comm, bool failure, double seconds, int *failed);
    void (*close)(yl_comm *comm);
    /* Ends all ranks at once, and this process with that exit status. */
    void (*end_all)(yl_comm *comm, int status);
    void *state;
};

/* Where rank `rank`'s part of `count` numbers begins; that of rank + 1 is its end. */
static inline int64_t yl_comm_part(const yl_comm *comm, int64_t count, int rank)
{
    return rank == comm->size ? count : count * rank / comm->size / 16 * 16;
}

/* What a launcher (mpirun, srun) says that it started: how many processes, which of them this is, how many are on this machine, and which
 * of those this is. */
typedef struct yl_launched {
    int size, rank, local, local_rank;
} yl_launched;
yl_launched yl_comm_launched(void); /* {1, 0, 1, 0} without a launcher */
/* Joins them. Errors: UNSUPPORTED without a plug-in, or if the plug-in's library sees another number of processes than the launcher
 * started. */
yl_status yl_comm_open(void);
/* This process's communicator: before yl_comm_open, one of this process alone. */
yl_comm *yl_comm_here(void);

/* ---- the plug-in: libyolua_mpi.so, or the file that YOLUA_MPI_PLUGIN names ------------------------------------------------------- */

enum { YL_COMM_VERSION = 1 };

typedef struct yl_comm_host {
    int version; /* YL_COMM_VERSION */
    void (*fail)(yl_status status, const char *sentence);
    int (*interrupted)(void);           /* whether this process has been asked to stop */
    void (*warn)(const char *sentence); /* on rank 0 */
} yl_comm_host;

/* Joins the other processes and fills *out. Its symbol is YL_COMM_ENTRY. */
#define YL_COMM_ENTRY "yl_comm_entry"
typedef yl_status yl_comm_entry_function(const yl_comm_host *host, yl_comm *out);

#ifdef __cplusplus
}
#endif
#endif
