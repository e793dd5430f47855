/* Work that may break the process, done in a copy of it first. */
#define _GNU_SOURCE
#include "core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What this process maps; 0: not known. */
static int64_t mapped_bytes(void)
{
    char line[80];
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    long long pages = fgets(line, sizeof line, file) ? strtoll(line, NULL, 10) : 0;
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Lowers the limit, never raises it. */
static void lower(int which, int64_t most)
{
    struct rlimit limit;
    if (getrlimit(which, &limit) != 0 || limit.rlim_cur <= (rlim_t)most) return;
    limit.rlim_cur = (rlim_t)most;
    setrlimit(which, &limit);
}

/* Signals end the copy, but Ctrl-C is for the process that waits; it prints nothing and leaves no core. */
static void settle(yl_child_limits limits, int64_t mapped)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGALRM, SIGTERM};
    sigset_t none;
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) signal(deadly[i], SIG_DFL);
    signal(SIGINT, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++) {
        if (nowhere < 0 || dup2(nowhere, i) < 0) close(i);
    }
    lower(RLIMIT_CORE, 0);
    lower(RLIMIT_CPU, limits.seconds);
    if (mapped > 0) lower(RLIMIT_AS, mapped + limits.bytes);
    alarm((unsigned)limits.clock);
}

yl_status yl__child_try(yl_status (*work)(void *data), void *data, yl_child_limits limits, char *how, size_t how_size)
{
    int end;
    int64_t mapped = mapped_bytes();
    pid_t got, id = fork();
    *how = '\0';
    if (id < 0) return yl__fail(YL_IO, "cannot start a copy of this process: %s", strerror(errno));
    if (id == 0) {
        settle(limits, mapped);
        (void)work(data);
        _exit(0);
    }
    do got = waitpid(id, &end, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) return yl__fail(YL_IO, "the end of a copy of this process is not known: %s", strerror(errno));
    if (WIFSIGNALED(end))
        snprintf(how, how_size, "signal %d (%s)", WTERMSIG(end), strsignal(WTERMSIG(end)));
    else if (WEXITSTATUS(end) != 0)
        snprintf(how, how_size, "status %d", WEXITSTATUS(end));
    return YL_OK;
}
