/* The MPI plug-in: a communicator over MPI, which links the program in nothing.
 *
 * Sums go in the order of ranks: rank r receives all others' numbers of its own part and adds them in turn, which moves as many bytes as
 * a ring does. Waiting ranks sleep between looks instead of spinning, since a rank that waits for rank 0's evaluation would take the
 * processor from it, and end when this process is asked to stop. */
#define _GNU_SOURCE
#include "comm/comm.h"

#include <mpi.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Seconds that a wait continues after this process was asked to stop: others who were asked too finish their step. Launchers allow less
 * where a rank has died. */
static const double PATIENCE = 20;
enum { SPINS = 200, MOST_BYTES = 1 << 30 };

typedef struct channel_state {
    MPI_Comm comm;
    float *received; /* size - 1 parts */
    int64_t room;    /* floats */
    MPI_Request *requests;
} channel_state;

typedef struct state {
    const yl_comm_host *host;
    int rank;
    atomic_bool told; /* of a request to stop; two threads may wait */
    channel_state channels[YL_CHANNELS];
    MPI_Comm end;
} state;

static state self;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static yl_status fail(yl_status status, const char *sentence)
{
    self.host->fail(status, sentence);
    return status;
}

static yl_status check(int code)
{
    char text[MPI_MAX_ERROR_STRING + 32] = "ranks: MPI: ";
    int length;
    if (code == MPI_SUCCESS) return YL_OK;
    MPI_Error_string(code, text + strlen(text), &length);
    return fail(YL_IO, text);
}

/* Looks at first without a pause, then after pauses that grow to a millisecond where the wait is long: rank 0 may evaluate. */
static void pause_after(int64_t looks)
{
    if (looks < SPINS) {
        sched_yield();
        return;
    }
    int64_t us = looks < 20 * SPINS ? 10 : looks < 40 * SPINS ? 100 : 1000;
    struct timespec t = {0, us * 1000};
    nanosleep(&t, NULL);
}

/* Whether a wait has to end; *asked: when this process was asked to stop, at first 0. */
static yl_status look_at_stop(double *asked)
{
    if (*asked == 0 && !self.host->interrupted()) return YL_OK;
    if (*asked == 0 && self.rank == 0 && !atomic_exchange(&self.told, true))
        self.host->warn("asked to stop while waiting for the other ranks; if one of them has died, resume= continues "
                        "from the last checkpoint");
    if (*asked == 0) *asked = now();
    return now() - *asked < PATIENCE ? YL_OK : fail(YL_INTERRUPTED, "stopped while it waited for the other ranks");
}

static yl_status wait_for(int count, MPI_Request *requests)
{
    double asked = 0;
    for (int64_t looks = 0;; looks++) {
        int done;
        YL_TRY(check(MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE)));
        if (done) return YL_OK;
        YL_TRY(look_at_stop(&asked));
        pause_after(looks);
    }
}

static yl_status make_room(channel_state *c, const yl_comm *comm, int64_t part)
{
    int64_t wanted = part * (comm->size - 1);
    if (wanted <= c->room) return YL_OK;
    free(c->received);
    c->received = malloc((size_t)wanted * sizeof *c->received);
    c->room = c->received ? wanted : 0;
    return c->received ? YL_OK : fail(YL_MEMORY, "ranks: out of memory");
}

static yl_status add(yl_comm *comm, yl_channel channel, int64_t count, const float *from, float *sums)
{
    channel_state *c = &self.channels[channel];
    int n = 0, rank = comm->rank;
    int64_t first = yl_comm_part(comm, count, rank), part = yl_comm_part(comm, count, rank + 1) - first;
    YL_TRY(make_room(c, comm, part));
    for (int r = 0, k = 0; r < comm->size; r++) {
        int64_t at = yl_comm_part(comm, count, r), end = yl_comm_part(comm, count, r + 1);
        if (r == rank) continue;
        YL_TRY(check(MPI_Irecv(c->received + part * k++, (int)part, MPI_FLOAT, r, 0, c->comm, &c->requests[n++])));
        YL_TRY(check(MPI_Isend(from + at, (int)(end - at), MPI_FLOAT, r, 0, c->comm, &c->requests[n++])));
    }
    YL_TRY(wait_for(n, c->requests));
    float *to = sums + first;
    for (int r = 0; r < comm->size; r++) {
        const float *x = r == rank ? from + first : c->received + part * (r - (r > rank));
        for (int64_t i = 0; i < part; i++) to[i] += x[i];
    }
    return YL_OK;
}

static yl_status share(yl_comm *comm, yl_channel channel, int64_t count, float *sums)
{
    channel_state *c = &self.channels[channel];
    int n = 0, rank = comm->rank;
    int64_t first = yl_comm_part(comm, count, rank), part = yl_comm_part(comm, count, rank + 1) - first;
    for (int r = 0; r < comm->size; r++) {
        int64_t at = yl_comm_part(comm, count, r), end = yl_comm_part(comm, count, r + 1);
        if (r == rank) continue;
        YL_TRY(check(MPI_Irecv(sums + at, (int)(end - at), MPI_FLOAT, r, 1, c->comm, &c->requests[n++])));
        YL_TRY(check(MPI_Isend(sums + first, (int)part, MPI_FLOAT, r, 1, c->comm, &c->requests[n++])));
    }
    return wait_for(n, c->requests);
}

static yl_status broadcast(yl_comm *comm, yl_channel channel, void *data, int64_t bytes)
{
    channel_state *c = &self.channels[channel];
    (void)comm;
    for (int64_t at = 0; at < bytes; at += MOST_BYTES) {
        int count = (int)(bytes - at < MOST_BYTES ? bytes - at : MOST_BYTES);
        YL_TRY(check(MPI_Ibcast((char *)data + at, count, MPI_BYTE, 0, c->comm, c->requests)));
        YL_TRY(wait_for(1, c->requests));
    }
    return YL_OK;
}

static yl_status gather(yl_comm *comm, yl_channel channel, const void *data, int64_t bytes, void *all)
{
    channel_state *c = &self.channels[channel];
    (void)comm;
    if (bytes >= MOST_BYTES) return fail(YL_UNSUPPORTED, "ranks: more than 1 GiB cannot be gathered at once");
    YL_TRY(check(MPI_Iallgather(data, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, c->comm, c->requests)));
    return wait_for(1, c->requests);
}

static yl_status end(yl_comm *comm, bool failure, double seconds, int *failed)
{
    MPI_Request request;
    double started = now();
    int mine = failure, done = 0;
    (void)comm;
    YL_TRY(check(MPI_Iallreduce(&mine, failed, 1, MPI_INT, MPI_SUM, self.end, &request)));
    for (int64_t looks = 0;; looks++) {
        YL_TRY(check(MPI_Test(&request, &done, MPI_STATUS_IGNORE)));
        if (done) return YL_OK;
        if ((seconds > 0 && now() - started > seconds) || self.host->interrupted()) break;
        pause_after(looks);
    }
    *failed = -1;
    return YL_OK;
}

static void close_all(yl_comm *comm)
{
    (void)comm;
    for (int i = 0; i < YL_CHANNELS; i++) {
        free(self.channels[i].received);
        free(self.channels[i].requests);
    }
    MPI_Finalize();
}

static void end_all(yl_comm *comm, int status)
{
    (void)comm;
    MPI_Abort(MPI_COMM_WORLD, status);
}

static yl_status open_channel(channel_state *c, int size)
{
    YL_TRY(check(MPI_Comm_dup(MPI_COMM_WORLD, &c->comm)));
    YL_TRY(check(MPI_Comm_set_errhandler(c->comm, MPI_ERRORS_RETURN)));
    c->requests = calloc((size_t)size * 2, sizeof(MPI_Request));
    return c->requests ? YL_OK : fail(YL_MEMORY, "ranks: out of memory");
}

__attribute__((visibility("default"))) yl_comm_entry_function yl_comm_entry;

yl_status yl_comm_entry(const yl_comm_host *host, yl_comm *out)
{
    int level = 0;
    self.host = host;
    if (host->version != YL_COMM_VERSION)
        return fail(YL_UNSUPPORTED, "the MPI plug-in was built for another version of yolua");
    YL_TRY(check(MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level)));
    *out = (yl_comm){.name = "MPI",
                     .threads = level >= MPI_THREAD_MULTIPLE,
                     .add = add,
                     .share = share,
                     .broadcast = broadcast,
                     .gather = gather,
                     .end = end,
                     .close = close_all,
                     .end_all = end_all};
    MPI_Comm_rank(MPI_COMM_WORLD, &out->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &out->size);
    self.rank = out->rank;
    for (int i = 0; i < YL_CHANNELS; i++) YL_TRY(open_channel(&self.channels[i], out->size));
    return check(MPI_Comm_dup(MPI_COMM_WORLD, &self.end));
}
