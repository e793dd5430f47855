/* Sums over the GPUs of several processes, by NCCL: a library that is opened when ranks first need it (libnccl.so.2,
 * or the file that YOLUA_NCCL names), so that neither the build nor other users need it.
 *
 * NCCL moves the numbers (ncclSend, ncclRecv), and a kernel adds them in the order of ranks, so that bits do not depend on
 * which algorithm NCCL takes. Each rank adds a part of its own, which moves as many bytes as a ring does. Everything is
 * queued on the device's stream: nothing here waits for the GPU. What is declared of the library is what its public
 * header has said since version 2.7. */
#include "backend/nccl.h"
#include "kernels/launch.cuh"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

namespace
{

typedef int nccl_result; /* 0: success */
typedef struct nccl_comm *nccl_communicator;
typedef struct nccl_id {
    char bytes[128];
} nccl_id;
enum { NCCL_FLOAT = 7, NCCL_OLDEST = 2700, FEW_RANKS = 64 };

struct library {
    nccl_result (*version)(int *version);
    nccl_result (*id)(nccl_id *id);
    nccl_result (*init)(nccl_communicator *comm, int ranks, nccl_id id, int rank);
    nccl_result (*begin)(void);
    nccl_result (*end)(void);
    nccl_result (*send)(const void *from, size_t count, int type, int peer, nccl_communicator comm,
                        cudaStream_t stream);
    nccl_result (*receive)(void *to, size_t count, int type, int peer, nccl_communicator comm, cudaStream_t stream);
    const char *(*words)(nccl_result result);
};

struct state {
    yl_device *device;
    nccl_communicator comm;
    float *received; /* size - 1 parts, on the device */
    int64_t room;    /* floats */
};

library nccl;
bool opened;

yl_status check(nccl_result result, const char *what)
{
    return result == 0 ? YL_OK : yl__fail(YL_IO, "ranks: %s: NCCL says: %s", what, nccl.words(result));
}

/* ---- the library -------------------------------------------------------------------------------------------------------------- */

template <class F> yl_status find(void *handle, const char *symbol, F *function)
{
    void *found = dlsym(handle, symbol);
    if (!found) return yl__fail(YL_UNSUPPORTED, "ranks: NCCL's library has no %s", symbol);
    memcpy(function, &found, sizeof found);
    return YL_OK;
}

yl_status open_library(void)
{
    const char *set = getenv("YOLUA_NCCL"), *name = set && set[0] ? set : "libnccl.so.2";
    int version = 0;
    if (opened) return YL_OK;
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return yl__fail(YL_UNSUPPORTED, "ranks: NCCL's library %s is missing", name);
    YL_TRY(find(handle, "ncclGetVersion", &nccl.version));
    YL_TRY(find(handle, "ncclGetErrorString", &nccl.words));
    YL_TRY(check(nccl.version(&version), name));
    if (version < NCCL_OLDEST)
        return yl__fail(YL_UNSUPPORTED, "ranks: NCCL's library %s has version %d; expected 2.7 or newer", name,
                        version);
    YL_TRY(find(handle, "ncclGetUniqueId", &nccl.id));
    YL_TRY(find(handle, "ncclCommInitRank", &nccl.init));
    YL_TRY(find(handle, "ncclGroupStart", &nccl.begin));
    YL_TRY(find(handle, "ncclGroupEnd", &nccl.end));
    YL_TRY(find(handle, "ncclSend", &nccl.send));
    YL_TRY(find(handle, "ncclRecv", &nccl.receive));
    opened = true;
    return YL_OK;
}

/* ---- sums --------------------------------------------------------------------------------------------------------------------- */

/* Adds what every rank gave of this part, in their order. */
__global__ void add_in_order(int64_t count, int size, int rank, const float *mine, const float *received, float *sums)
{
    YL_EACH(i, count)
    {
        float sum = sums[i];
        for (int r = 0; r < size; r++) sum += r == rank ? mine[i] : received[count * (r - (r > rank)) + i];
        sums[i] = sum;
    }
}

yl_status make_room(state *s, int64_t count)
{
    if (count <= s->room) return YL_OK;
    s->device->release(s->device, s->received);
    s->received = NULL, s->room = 0;
    YL_TRY(s->device->alloc(s->device, (size_t)count * sizeof *s->received, (void **)&s->received));
    s->room = count;
    return YL_OK;
}

/* An exchange with every other rank: `sent` and `received` give the numbers for and of a rank. They are one group, since
 * a rank that waits for another's numbers would not send its own. */
template <class S, class R> yl_status exchange(const yl_comm *comm, const state *s, S sent, R received)
{
    cudaStream_t stream = ((yl__cuda_state *)s->device->state)->stream;
    yl_status status = check(nccl.begin(), "an exchange");
    for (int r = 0; r < comm->size && status == YL_OK; r++) {
        int64_t out, in;
        if (r == comm->rank) continue;
        const float *from = sent(r, &out);
        float *to = received(r, &in);
        if (out > 0) status = check(nccl.send(from, (size_t)out, NCCL_FLOAT, r, s->comm, stream), "an exchange");
        if (in > 0 && status == YL_OK)
            status = check(nccl.receive(to, (size_t)in, NCCL_FLOAT, r, s->comm, stream), "an exchange");
    }
    yl_status ended = check(nccl.end(), "an exchange");
    return status == YL_OK ? ended : status;
}

yl_status add(yl_comm *comm, yl_channel, int64_t count, const float *from, float *sums)
{
    state *s = (state *)comm->state;
    yl_ctx ctx = {s->device, NULL, 1};
    int rank = comm->rank;
    int64_t first = yl_comm_part(comm, count, rank), part = yl_comm_part(comm, count, rank + 1) - first;
    YL_TRY(yl__cuda_check(cudaSetDevice(((yl__cuda_state *)s->device->state)->index), "ranks"));
    YL_TRY(make_room(s, part * (comm->size - 1)));
    YL_TRY(exchange(
        comm, s,
        [=](int r, int64_t *n) {
            int64_t at = yl_comm_part(comm, count, r);
            *n = yl_comm_part(comm, count, r + 1) - at;
            return from + at;
        },
        [=](int r, int64_t *n) {
            *n = part;
            return s->received + part * (r - (r > rank));
        }));
    return yl__launch_each(&ctx, "ranks: add", part, add_in_order, part, comm->size, rank, from + first, s->received,
                           sums + first);
}

yl_status share(yl_comm *comm, yl_channel, int64_t count, float *sums)
{
    state *s = (state *)comm->state;
    int64_t first = yl_comm_part(comm, count, comm->rank), part = yl_comm_part(comm, count, comm->rank + 1) - first;
    YL_TRY(yl__cuda_check(cudaSetDevice(((yl__cuda_state *)s->device->state)->index), "ranks"));
    return exchange(
        comm, s,
        [=](int, int64_t *n) {
            *n = part;
            return sums + first;
        },
        [=](int r, int64_t *n) {
            int64_t at = yl_comm_part(comm, count, r);
            *n = yl_comm_part(comm, count, r + 1) - at;
            return sums + at;
        });
}

/* ---- joining ------------------------------------------------------------------------------------------------------------------ */

/* The same answer on all ranks: OK if each has succeeded. */
yl_status agree(yl_comm *via, yl_status mine)
{
    int32_t ok = mine == YL_OK, all[FEW_RANKS], *each = via->size <= FEW_RANKS ? all : NULL;
    if (!each) each = (int32_t *)malloc((size_t)via->size * sizeof *each);
    if (!each) return yl__fail(YL_MEMORY, "out of memory");
    yl_status status = via->gather(via, YL_CHANNEL_MAIN, &ok, sizeof ok, each);
    int failed = -1;
    for (int r = via->size - 1; r >= 0 && status == YL_OK; r--) failed = each[r] ? failed : r;
    if (each != all) free(each);
    if (status != YL_OK || failed < 0) return status;
    return mine != YL_OK ? mine : yl__fail(YL_UNSUPPORTED, "ranks: rank %d cannot use NCCL", failed);
}

yl_status join(state *s, yl_comm *via)
{
    nccl_id id;
    yl_status status = open_library();
    memset(&id, 0, sizeof id);
    if (status == YL_OK && via->rank == 0) status = check(nccl.id(&id), "a beginning");
    YL_TRY(agree(via, status));
    YL_TRY(via->broadcast(via, YL_CHANNEL_MAIN, &id, sizeof id));
    status = yl__cuda_check(cudaSetDevice(((yl__cuda_state *)s->device->state)->index), "ranks");
    if (status == YL_OK) status = check(nccl.init(&s->comm, via->size, id, via->rank), "joining");
    return agree(via, status);
}

} // namespace

yl_status yl__nccl_join(yl_device *device, yl_comm *via, yl_comm *out)
{
    state *s = (state *)calloc(1, sizeof *s);
    if (!s) return yl__fail(YL_MEMORY, "out of memory");
    s->device = device;
    yl_status status = join(s, via);
    if (status != YL_OK) {
        free(s);
        return status;
    }
    memset(out, 0, sizeof *out);
    out->name = "NCCL";
    out->rank = via->rank, out->size = via->size;
    out->add = add;
    out->share = share;
    out->state = s;
    return YL_OK;
}
