/* The yolua program: a Lua state, the library, the signals; lua/yolua/cli.lua does the rest.
 *
 * The first Ctrl-C asks running work to stop after its step; the second raises an error in Lua; the third ends the
 * process. SIGTERM asks work that heeds it to stop, and ends the process otherwise. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "bind/prompt.h"
#include "comm/comm.h"
#include "core/log.h"
#include "core/process.h"
#include "core/threads.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- how OpenMP's threads wait -----------------------------------------------------------------------------------------
 *
 * Left alone, libgomp's threads spin for milliseconds at the end of every parallel region, which takes the cores from whoever
 * has work: from other processes, and from our own threads that wait for a core. To wake one that sleeps takes 50 us, and a small
 * network has 200 regions. A forward pass, 2 threads on 2 cores (AMD EPYC of the fourth generation), in ms, by GOMP_SPINCOUNT:
 *
 *                           nobody else           a process on one core     on both
 *   spins                   0     300   1000      0     300   1000          0     300   500
 *   Yolo-Fastest at 320     7.0   2.5   2.1       4.7   6.3   10.4          12.5  12.5  11.8
 *   YOLOv3-tiny at 416      15.2  14.7  14.3      27.7  28.1  29.6          45    48    48
 *
 * With 30000 and more (libgomp's own choice) a pass on a busy machine takes up to hundreds. So threads spin for a few microseconds and
 * then sleep, unless the environment says otherwise. libgomp reads the environment in its constructor: before main, and before the
 * C library takes the environment up, so that setenv comes too late or too early. What works is to start the program anew with
 * the variable, before any constructor has run (.preinit_array); that costs 4 ms. */

static bool names(const char *entry, const char *variable)
{
    size_t length = strlen(variable);
    return strncmp(entry, variable, length) == 0 && entry[length] == '=';
}

static const char *value_of(char **environment, const char *variable)
{
    for (; *environment; environment++)
        if (names(*environment, variable)) return *environment + strlen(variable) + 1;
    return NULL;
}

/* OpenBLAS takes 128 MiB of addresses per thread when it is loaded and asks without end where a limit (ulimit -v) lets it have
 * none: said here instead, before it can. */
static void check_addresses(char **environment)
{
    static const char sentence[] =
        "yolua: the limit on memory (ulimit -v) leaves OpenBLAS less than 128 MiB per thread: expected a "
        "higher limit, or a lower OMP_NUM_THREADS\n";
    const char *asked = value_of(environment, "OMP_NUM_THREADS");
    long threads = yl__processors(), wanted = asked ? strtol(asked, NULL, 10) : 0;
    if (wanted > 0 && wanted < threads) threads = wanted;
    size_t bytes = ((size_t)threads * 128 + 8) << 20;
    void *probe = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED) {
        ssize_t said = write(STDERR_FILENO, sentence, sizeof sentence - 1);
        _exit(said < 0 ? 2 : 1);
    }
    munmap(probe, bytes);
}

/* GOMP_SPINCOUNT where nothing was said. AT_BASE is 0 where the loader was called by name: then /proc/self/exe is not
 * this program. If the start fails, nothing changes. */
static void wait_briefly(int argc, char **argv, char **environment)
{
    enum { MOST = 4096 };
    static char *with[MOST + 2], spins[] = "GOMP_SPINCOUNT=" YL__SPINS, path[4096];
    int count = 0;
    (void)argc;
    for (; environment[count]; count++) {
        const char *entry = environment[count];
        if (names(entry, "OMP_WAIT_POLICY") || names(entry, "GOMP_SPINCOUNT") || count == MOST) return;
        with[count] = environment[count];
    }
    with[count] = spins;
    ssize_t length = getauxval(AT_BASE) ? readlink("/proc/self/exe", path, sizeof path - 1) : -1;
    if (length > 0) execve(path, argv, with);
}

static void before_libraries(int argc, char **argv, char **environment)
{
    check_addresses(environment);
    wait_briefly(argc, argv, environment);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_constructors)(int, char **,
                                                                                          char **) = before_libraries;

static lua_State *the_state;
static lua_Hook kept_hook; /* what counted instructions before a Ctrl-C */
static int kept_mask, kept_count;

static void handle_signals(void);

/* What takes the rest of a progress line away, whose cursor waits at its start (lua/yolua/terminal/progress.lua); "" where standard error is
 * no terminal. */
static const char *clear_line = "";

static void warn(void *user, const char *sentence)
{
    (void)user;
    fprintf(stderr, "%syolua: warning: %s\n", clear_line, sentence);
}

static void raise_in_lua(lua_State *L, lua_Debug *at)
{
    (void)at;
    lua_sethook(L, kept_hook, kept_mask, kept_count);
    yl_clear_interrupt();
    handle_signals();
    lua_pushliteral(L, "interrupted");
    yl__throw(L, YL_INTERRUPTED, "interrupted"); /* no fault of the code: it prints without a traceback */
}

static void on_interrupt(int number)
{
    static const char note[] = "\nyolua: stopping after this step; Ctrl-C again stops now\n";
    if (!yl_interrupted() || yl__at_prompt) {
        yl_interrupt();
        if (yl__at_prompt || write(STDERR_FILENO, clear_line, strlen(clear_line)) < 0) return;
        if (write(STDERR_FILENO, note, sizeof note - 1) < 0) return;
        return;
    }
    signal(number, SIG_DFL);
    lua_State *L = yl__layer_running ? yl__layer_running : the_state;
    kept_hook = lua_gethook(L);
    kept_mask = lua_gethookmask(L);
    kept_count = lua_gethookcount(L);
    lua_sethook(L, raise_in_lua, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/* What a scheduler, or `kill`, sends. */
static void on_terminate(int number)
{
    if (yl_interrupt_is_heeded()) {
        yl_interrupt();
        return;
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* A scheduler's warning before the time limit: work that looks at the flag saves and stops. */
static void on_warning(int number)
{
    (void)number;
    yl_interrupt_at_limit();
}

static void handle_signals(void)
{
    /* Writes continue; only the prompt's read returns. */
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = on_terminate;
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = on_warning;
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_DFL); /* `yolua ... | head` ends without a word */
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of that write */
}

/* Runs cli.main with the arguments; its result is the exit status. */
static int run(lua_State *L)
{
    char **argv = lua_touserdata(L, 1);
    int argc = (int)lua_tointeger(L, 2);
    luaL_openlibs(L);
    yl__open_library(L);
    luaL_checkstack(L, argc + 4, "too many arguments");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "yolua.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    for (int i = 1; i < argc; i++) lua_pushstring(L, argv[i]);
    lua_call(L, argc - 1, 1);
    return 1;
}

/* A stream that the caller closed would lend its number to the next file, and what is printed would land there. In its place is
 * one that gives nothing and takes nothing. */
static void hold_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) return;
}

int main(int argc, char **argv)
{
    hold_streams();
    setlocale(LC_CTYPE, ""); /* the prompt edits UTF-8; numbers are read and printed without the locale */
    const char *term = getenv("TERM");
    if (isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0) clear_line = "\033[K";
    yl_set_warn_hook(warn, NULL);
    the_state = luaL_newstate();
    if (!the_state) {
        fprintf(stderr, "yolua: out of memory\n");
        return 1;
    }
    handle_signals();
    yl__process_follow();
    lua_pushcfunction(the_state, run);
    lua_pushlightuserdata(the_state, argv);
    lua_pushinteger(the_state, argc);
    int bad = lua_pcall(the_state, 2, 1, 0);
    if (bad) fprintf(stderr, "yolua: %s\n", luaL_tolstring(the_state, -1, NULL));
    int status = bad ? 1 : (int)lua_tointeger(the_state, -1);
    lua_close(the_state);
    yl_comm_here()->close(yl_comm_here()); /* no thread adds gradients any more */
    bool unwritten =
        fflush(stdout) || ferror(stdout); /* a result that was not written is a failed job; one sentence is enough */
    if (unwritten && !status) fprintf(stderr, "yolua: cannot write standard output\n");
    return unwritten && !status ? 1 : status;
}
