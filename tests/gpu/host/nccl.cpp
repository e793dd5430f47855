/* A double of NCCL for ranks that are processes of one machine: what the ranks send each other goes through sockets, when
 * the stream on which it was queued runs. YOLUA_NCCL names the file that this is linked into.
 *
 * What it checks, each with one sentence on standard error and an abort:
 *   - the communicator was joined with the size and id of the others, and a rank neither sends to itself nor to one that is
 *     not there;
 *   - calls between a group's begin and end are one exchange, and outside of a group there is none: two ranks that each
 *     send first would wait for ever on a GPU;
 *   - the bytes lie within an allocation of device memory, when a call is queued and when it runs;
 *   - of two ranks the n-th exchange is the same on both: as many messages, as many numbers, of the same type;
 *   - an exchange whose other side does not come ends after a minute. */
#include "double.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#define NCCL extern "C" __attribute__((visibility("default")))

struct ncclComm {
    int rank, size;
    std::vector<int> sockets; /* of the other ranks */
    std::vector<uint64_t> exchanges;
};

typedef int ncclResult_t;
typedef ncclComm *ncclComm_t;

struct ncclUniqueId {
    char internal[128];
};

using namespace cuda_double;

namespace
{

constexpr int MINUTE = 60000;
constexpr size_t SIZES[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2}; /* of its types: int8 ... float32 (7) ... */

struct message {
    bool sends;
    int peer;
    char *at;
    size_t count;
    int type;
};

struct header {
    uint64_t exchange, count;
    int32_t type, messages;
};

int depth;
std::map<std::pair<ncclComm_t, cudaStream_t>, std::vector<message>> group;

size_t bytes_of(const message &m)
{
    return m.count * SIZES[m.type];
}

/* ---- joining -------------------------------------------------------------------------------------------------------------------- */

sockaddr_un address_of(const ncclUniqueId &id, int rank)
{
    sockaddr_un a = {};
    a.sun_family = AF_UNIX;
    snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "%.80s-%d", id.internal, rank); /* abstract: no file */
    return a;
}

void wait_for(int fd, short events, const char *what)
{
    pollfd p = {fd, events, 0};
    if (poll(&p, 1, MINUTE) != 1) die("NCCL: %s: the other rank did not come within a minute", what);
}

void read_all(int fd, void *to, size_t bytes, const char *what)
{
    for (size_t at = 0; at < bytes;) {
        wait_for(fd, POLLIN, what);
        ssize_t n = read(fd, static_cast<char *>(to) + at, bytes - at);
        if (n == 0) die("NCCL: %s: the other rank has ended", what);
        if (n > 0) at += size_t(n);
    }
}

int connect_to(const ncclUniqueId &id, int rank, int self, int size)
{
    sockaddr_un a = address_of(id, rank);
    for (int tries = 0; tries < MINUTE / 10; tries++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), who[] = {self, size};
        if (connect(fd, reinterpret_cast<sockaddr *>(&a), sizeof a) == 0 && write(fd, who, sizeof who) == sizeof who)
            return fd;
        close(fd);
        usleep(10000);
    }
    die("NCCL: joining: rank %d did not come within a minute", rank);
}

void join(ncclComm &c, const ncclUniqueId &id)
{
    sockaddr_un a = address_of(id, c.rank);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, reinterpret_cast<sockaddr *>(&a), sizeof a) != 0 || listen(listener, 64) != 0)
        die("NCCL: rank %d joins twice", c.rank);
    for (int r = 0; r < c.rank; r++) c.sockets[size_t(r)] = connect_to(id, r, c.rank, c.size);
    for (int n = c.rank + 1; n < c.size; n++) {
        int who[2];
        wait_for(listener, POLLIN, "joining");
        int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        read_all(fd, who, sizeof who, "joining");
        if (who[1] != c.size) die("NCCL: rank %d joins %d ranks, and rank %d joins %d", who[0], who[1], c.rank, c.size);
        if (who[0] <= c.rank || who[0] >= c.size || c.sockets[size_t(who[0])] >= 0)
            die("NCCL: rank %d joins twice", who[0]);
        c.sockets[size_t(who[0])] = fd;
    }
    close(listener);
    for (int fd : c.sockets)
        if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* ---- an exchange: what one side of a pair has still to send and to receive ---------------------------------------------------------- */

struct side {
    int peer, fd;
    std::vector<char> out;
    std::vector<message> in;
    size_t sent = 0, next = 0, got = 0; /* next: message to come; got: bytes of its header, then of its numbers */
    int sends = 0;
    header head = {};
    bool done() const
    {
        return sent == out.size() && next == in.size();
    }
};

void check_header(const ncclComm &c, const side &s, uint64_t exchange)
{
    const message &m = s.in[s.next];
    if (s.head.exchange != exchange)
        die("NCCL: rank %d is in its exchange %llu with rank %d, which is in its %llu", c.rank,
            (unsigned long long)exchange, s.peer, (unsigned long long)s.head.exchange);
    if (s.head.type != m.type || s.head.count != m.count || size_t(s.head.messages) != s.in.size())
        die("NCCL: rank %d expects %zu numbers of type %d in %zu messages of rank %d, which sends %llu of type %d in "
            "%d",
            c.rank, m.count, m.type, s.in.size(), s.peer, (unsigned long long)s.head.count, s.head.type,
            s.head.messages);
}

void receive(const ncclComm &c, side &s, uint64_t exchange)
{
    const message &m = s.in[s.next];
    bool in_head = s.got < sizeof s.head;
    char *to =
        in_head ? reinterpret_cast<char *>(&s.head) + s.got : static_cast<char *>(own(m.at)) + (s.got - sizeof s.head);
    size_t left = (in_head ? 0 : bytes_of(m)) + sizeof s.head - s.got;
    ssize_t n = read(s.fd, to, left);
    if (n == 0) die("NCCL: rank %d has ended in an exchange with rank %d", s.peer, c.rank);
    if (n < 0) return;
    s.got += size_t(n);
    if (in_head && s.got == sizeof s.head) check_header(c, s, exchange);
    if (s.got == sizeof s.head + bytes_of(m)) s.next++, s.got = 0;
}

void move(const ncclComm &c, std::vector<side> &sides)
{
    std::vector<pollfd> fds;
    for (const side &s : sides)
        fds.push_back({s.fd, short((s.sent < s.out.size() ? POLLOUT : 0) | (s.next < s.in.size() ? POLLIN : 0)), 0});
    if (poll(fds.data(), fds.size(), MINUTE) <= 0)
        die("NCCL: rank %d waits for an exchange that another rank did not begin within a minute", c.rank);
    for (size_t i = 0; i < sides.size(); i++) {
        side &s = sides[i];
        if (fds[i].revents & POLLOUT) {
            ssize_t n = send(s.fd, s.out.data() + s.sent, s.out.size() - s.sent, MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN) die("NCCL: rank %d has ended in an exchange with rank %d", s.peer, c.rank);
            if (n > 0) s.sent += size_t(n);
        }
        if ((fds[i].revents & (POLLIN | POLLHUP)) && s.next < s.in.size()) receive(c, s, c.exchanges[size_t(s.peer)]);
    }
}

void run(ncclComm &c, const std::vector<message> &messages)
{
    std::vector<side> sides;
    for (int r = 0; r < c.size; r++) {
        side s = {};
        s.peer = r, s.fd = c.sockets[size_t(r)];
        for (const message &m : messages) s.sends += m.peer == r && m.sends;
        for (const message &m : messages) {
            if (m.peer != r) continue;
            check_range(m.at, bytes_of(m), m.sends ? "what NCCL sends" : "what NCCL receives");
            if (!m.sends) {
                s.in.push_back(m);
                continue;
            }
            header h = {c.exchanges[size_t(r)], m.count, m.type, s.sends};
            const char *head = reinterpret_cast<const char *>(&h), *numbers = static_cast<const char *>(own(m.at));
            s.out.insert(s.out.end(), head, head + sizeof h);
            s.out.insert(s.out.end(), numbers, numbers + bytes_of(m));
        }
        if (s.out.size() + s.in.size() > 0) sides.push_back(std::move(s));
    }
    auto busy = [&] {
        for (const side &s : sides)
            if (!s.done()) return true;
        return false;
    };
    while (busy()) move(c, sides);
    for (const side &s : sides) c.exchanges[size_t(s.peer)]++;
}

ncclResult_t add_message(ncclComm_t comm, cudaStream_t stream, message m)
{
    if (depth == 0)
        die("NCCL: rank %d sends or receives outside of a group: the other rank may do the same first", comm->rank);
    if (m.peer < 0 || m.peer >= comm->size || m.peer == comm->rank)
        die("NCCL: rank %d exchanges with rank %d of %d", comm->rank, m.peer, comm->size);
    if (m.type < 0 || m.type > 9) die("NCCL: a type of number %d", m.type);
    check_range(m.at, bytes_of(m), m.sends ? "what NCCL sends" : "what NCCL receives");
    group[{comm, stream}].push_back(m);
    return 0;
}

} // namespace

/* ---- the library's functions that yolua calls ------------------------------------------------------------------------------------ */

NCCL ncclResult_t ncclGetVersion(int *version)
{
    *version = 22700;
    return 0;
}

NCCL const char *ncclGetErrorString(ncclResult_t)
{
    return "an error of the double";
}

NCCL ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    *id = {};
    snprintf(id->internal, sizeof id->internal, "yolua-double-%d-%lld", int(getpid()),
             (long long)t.tv_sec * 1000000000 + t.tv_nsec);
    return 0;
}

NCCL ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank)
{
    if (rank < 0 || rank >= ranks || strncmp(id.internal, "yolua-double-", 13) != 0)
        die("NCCL: rank %d of %d joins with an id that is not one", rank, ranks);
    *comm = new ncclComm{rank, ranks, std::vector<int>(size_t(ranks), -1), std::vector<uint64_t>(size_t(ranks), 0)};
    join(**comm, id);
    return 0;
}

NCCL ncclResult_t ncclGroupStart()
{
    depth++;
    return 0;
}

NCCL ncclResult_t ncclGroupEnd()
{
    if (depth == 0) die("NCCL: a group ends that never began");
    if (--depth > 0) return 0;
    for (auto &[where, messages] : group) {
        ncclComm_t comm = where.first;
        run_later(where.second, [comm, list = std::move(messages)] { run(*comm, list); });
    }
    group.clear();
    return 0;
}

NCCL ncclResult_t ncclSend(const void *from, size_t count, int type, int peer, ncclComm_t comm, cudaStream_t stream)
{
    return add_message(comm, stream, {true, peer, static_cast<char *>(const_cast<void *>(from)), count, type});
}

NCCL ncclResult_t ncclRecv(void *to, size_t count, int type, int peer, ncclComm_t comm, cudaStream_t stream)
{
    return add_message(comm, stream, {false, peer, static_cast<char *>(to), count, type});
}
