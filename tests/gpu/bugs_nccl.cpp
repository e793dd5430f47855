// Mistakes in exchanges between two ranks, which the double of NCCL catches.
#include "bugs.h"

#include <sys/wait.h>
#include <unistd.h>

/* Of NCCL, as tests/gpu/host/nccl.cpp has it. */
struct nccl_comm;
struct nccl_id {
    char bytes[128];
};
enum { NCCL_FLOAT = 7 };
extern "C" {
int ncclGetUniqueId(nccl_id *id);
int ncclCommInitRank(nccl_comm **comm, int ranks, nccl_id id, int rank);
int ncclGroupStart();
int ncclGroupEnd();
int ncclSend(const void *from, size_t count, int type, int peer, nccl_comm *comm, cudaStream_t stream);
int ncclRecv(void *to, size_t count, int type, int peer, nccl_comm *comm, cudaStream_t stream);
}

namespace
{

constexpr int N = 1000;

enum exchange_bug { RIGHT, COUNT, MESSAGES, NO_GROUP, HOST };

// This process is rank 0, and one more is rank 1, which is right.
bool exchanged(exchange_bug bug)
{
    nccl_id id;
    nccl_comm *comm;
    ncclGetUniqueId(&id);
    pid_t other = fork();
    int rank = other == 0, status = 0;
    std::vector<float> x(N);
    for (int i = 0; i < N; i++) x[size_t(i)] = float(i * 7 % 101);
    device_array from(N), to(N);
    give(from.at, x);
    ncclCommInitRank(&comm, 2, id, rank);
    bool wrong = rank == 0, two = bug == MESSAGES && wrong;
    if (bug != NO_GROUP || !wrong) ncclGroupStart();
    size_t count = bug == COUNT && wrong ? N - 1 : N, first = two ? N / 2 : count;
    ncclSend(from.at, first, NCCL_FLOAT, 1 - rank, comm, stream_a);
    if (two) ncclSend(from.at + first, count - first, NCCL_FLOAT, 1 - rank, comm, stream_a);
    ncclRecv(bug == HOST && wrong ? x.data() : to.at, N, NCCL_FLOAT, 1 - rank, comm, stream_a);
    ncclGroupEnd();
    bool right = same(take(to.at, N), x);
    if (rank == 1) _exit(0);
    waitpid(other, &status, 0);
    return right && status == 0;
}

template <exchange_bug b> bool wrong(bool bug)
{
    return exchanged(bug ? b : RIGHT);
}

} // namespace

const std::vector<test> &nccl_tests()
{
    static const std::vector<test> tests = {
        {"NCCL: exchange of unequal counts", wrong<COUNT>,
         "expects 1000 numbers of type 7 in 1 messages of rank 0, which sends 999 of type 7 in 1"},
        {"NCCL: exchange in two messages", wrong<MESSAGES>, "which sends 500 of type 7 in 2"},
        {"NCCL: exchange outside of a group", wrong<NO_GROUP>, "sends or receives outside of a group"},
        {"NCCL: exchange of host memory", wrong<HOST>, "what NCCL receives"},
    };
    return tests;
}
