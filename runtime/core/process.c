/* Other processes of this program. */
#define _GNU_SOURCE
#include "core/process.h"
#include "core/memory.h"
#include "core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARENT "YOLUA_PARENT" /* tells a process who started it */

static yl_status failed(int reason, const char *output)
{
    return yl__fail(YL_IO, "cannot start a process that prints to %s: %s", output, strerror(reason));
}

/* Signals as they are when a program starts, and its own process group. */
static int settle_attributes(posix_spawnattr_t *attributes)
{
    sigset_t ordinary, none;
    sigemptyset(&none);
    sigemptyset(&ordinary);
    int const numbers[] = {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(&ordinary, numbers[i]);
    int bad = posix_spawnattr_setsigdefault(attributes, &ordinary);
    if (!bad) bad = posix_spawnattr_setsigmask(attributes, &none);
    if (!bad) bad = posix_spawnattr_setpgroup(attributes, 0);
    if (bad) return bad;
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

static int settle_streams(posix_spawn_file_actions_t *actions, const char *output)
{
    int bad = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!bad)
        bad = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (!bad) bad = posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
    return bad;
}

/* The link leads to this very program, also where its file has been replaced meanwhile. */
static int spawn(const char *const *words, const char *output, char **environment, pid_t *id)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int bad = posix_spawnattr_init(&attributes);
    if (bad) return bad;
    bad = posix_spawn_file_actions_init(&actions);
    if (!bad) {
        bad = settle_attributes(&attributes);
        if (!bad) bad = settle_streams(&actions, output);
        if (!bad) bad = posix_spawn(id, "/proc/self/exe", &actions, &attributes, (char *const *)words, environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return bad;
}

yl_status yl__process_start(const char *const *words, const char *output, int64_t *id)
{
    char parent[40], **environment;
    size_t count = 0;
    pid_t started;
    YL_TRY(yl__sandbox_starts("a trial"));
    while (environ[count]) count++;
    YL_TRY(yl__alloc((int64_t)count + 2, sizeof *environment, &environment));
    snprintf(parent, sizeof parent, PARENT "=%ld", (long)getpid());
    environment[0] = parent;
    memcpy(environment + 1, environ, (count + 1) * sizeof *environment);
    int bad = spawn(words, output, environment, &started);
    yl__free(environment);
    if (bad) return failed(bad, output);
    *id = started;
    return YL_OK;
}

yl_status yl__process_ended(int64_t id, bool *ended, int *status)
{
    int how;
    pid_t got;
    do got = waitpid((pid_t)id, &how, WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got < 0) return yl__fail(YL_IO, "process %lld was not started here, or its end is known", (long long)id);
    *ended = got > 0;
    if (*ended) *status = WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
    return YL_OK;
}

void yl__process_interrupt(int64_t id)
{
    if (id > 1) kill((pid_t)id, SIGINT);
}

void yl__process_rest(double seconds)
{
    if (!(seconds > 0)) return;
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

void yl__process_follow(void)
{
    const char *text = getenv(PARENT);
    long parent = text ? strtol(text, NULL, 10) : 0;
    unsetenv(PARENT); /* it is meant for this process, not for those that it starts */
    if (parent <= 0) return;
    prctl(PR_SET_PDEATHSIG, SIGINT);
    if (getppid() != parent) raise(SIGINT);
}
