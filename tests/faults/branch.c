/* Branches: each failing call gets a process of its own, forked off where the call happens, so that a job need not begin anew for every
 * one of thousands. The copy works in a copy of the working folder:
 *
 *   YOLUA_FAULT_BRANCHES=FOLDER   FOLDER/N/work, out, err: what the branch of the N-th call left and said
 *                                 FOLDER/outcomes: a line "N STATUS K" each, K being the first branch with this outcome;
 *                                 "N alone 0" where the process could not be copied: it had several threads, or
 *   YOLUA_FAULT_ALONE=1           is not to be
 *   YOLUA_FAULT_VOLATILE=NAMES    files whose contents do not count (times), each name followed by a comma
 *
 * Branches of the same status, text on standard error and files are one outcome, and of those only the first one's folder is kept. */
#define _GNU_SOURCE
#include "faults.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 600, BUSY_SECONDS = 60, OUTCOMES = 1 << 16, MOST_DESCRIPTORS = 64 };

static char folder[PATH_MAX], home[PATH_MAX],
    work[PATH_MAX]; /* home: the original's working folder; work: the copy's, or "" */
static size_t home_length;
static struct stat
    streams[3]; /* what standard output and error were at the start; other descriptors may be copies of them */
static uint64_t seen[OUTCOMES];
static long first_of[OUTCOMES];

bool faults_branching(void)
{
    const char *name = getenv("YOLUA_FAULT_BRANCHES");
    if (!name || !getcwd(home, sizeof home)) return false;
    home_length = strlen(home);
    fstat(STDOUT_FILENO, &streams[STDOUT_FILENO]);
    fstat(STDERR_FILENO, &streams[STDERR_FILENO]);
    snprintf(folder, sizeof folder, "%s", name);
    return true;
}

const char *faults_path(const char *path, char buffer[4096])
{
    if (!work[0] || !path || strncmp(path, home, home_length) != 0 || (path[home_length] && path[home_length] != '/'))
        return path;
    int n = snprintf(buffer, 4096, "%s%s", work, path + home_length);
    return n < 4096 ? buffer : path;
}

/* ---- folders: the calls are the kernel's own, since those of the C library may be the ones that fail ---------------------- */

static int open_file(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0666);
}

static void shut(int descriptor)
{
    syscall(SYS_close, descriptor);
}

static void copy_file(const char *from, const char *to)
{
    int in = open_file(from, O_RDONLY), out = open_file(to, O_WRONLY | O_CREAT | O_TRUNC);
    struct stat st;
    if (in >= 0 && out >= 0 && fstat(in, &st) == 0)
        for (off_t left = st.st_size; left > 0;) {
            ssize_t sent = sendfile(out, in, NULL, (size_t)left);
            if (sent <= 0) break;
            left -= sent;
        }
    if (in >= 0) shut(in);
    if (out >= 0) shut(out);
}

/* Calls `visit` for everything below, parents first, or last. */
static void walk(const char *path, bool last, void (*visit)(const char *path, bool is_folder, void *data), void *data)
{
    struct dirent **list;
    int n = scandir(path, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        char below[PATH_MAX];
        struct stat st;
        int length = snprintf(below, sizeof below, "%s/%s", path, name);
        bool take = strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && length < PATH_MAX &&
                    fstatat(AT_FDCWD, below, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (take && !last) visit(below, S_ISDIR(st.st_mode), data);
        if (take && S_ISDIR(st.st_mode)) walk(below, last, visit, data);
        if (take && last) visit(below, S_ISDIR(st.st_mode), data);
        free(list[i]);
    }
    if (n >= 0) free(list);
}

static void copy_one(const char *path, bool is_folder, void *data)
{
    char to[PATH_MAX * 2];
    (void)data;
    snprintf(to, sizeof to, "%s%s", work, path + home_length);
    if (is_folder)
        syscall(SYS_mkdir, to, 0777);
    else
        copy_file(path, to);
}

static void remove_one(const char *path, bool is_folder, void *data)
{
    (void)data;
    syscall(SYS_unlinkat, AT_FDCWD, path, is_folder ? AT_REMOVEDIR : 0);
}

/* ---- the copy ------------------------------------------------------------------------------------------------------------- */

/* A file of the branch's own, in place of standard output or error. */
static void redirect(int descriptor, long n, const char *name)
{
    char path[PATH_MAX * 2];
    snprintf(path, sizeof path, "%s/%ld/%s", folder, n, name);
    int fresh = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
    dup3(fresh, descriptor, descriptor > STDERR_FILENO ? O_CLOEXEC : 0);
    shut(fresh);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Open files get an offset of their own, and those of the working folder are the copy's. */
static void take_descriptor(int descriptor, long n)
{
    char link[64], path[PATH_MAX], moved[4096];
    struct stat st;
    if (fstat(descriptor, &st)) return;
    if (same_file(&st, &streams[STDOUT_FILENO]))
        redirect(descriptor, n, "out");
    else if (same_file(&st, &streams[STDERR_FILENO]))
        redirect(descriptor, n, "err");
    else if (S_ISREG(st.st_mode)) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
        ssize_t length = syscall(SYS_readlink, link, path, sizeof path - 1);
        path[length > 0 ? length : 0] = '\0';
        int flags = fcntl(descriptor, F_GETFL);
        int fresh = open_file(faults_path(path, moved), flags & (O_ACCMODE | O_APPEND | O_NONBLOCK));
        if (fresh < 0) return;
        lseek(fresh, lseek(descriptor, 0, SEEK_CUR), SEEK_SET);
        dup3(fresh, descriptor, fcntl(descriptor, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0);
        shut(fresh);
    }
}

static void become_copy(long n)
{
    char path[PATH_MAX * 2];
    snprintf(path, sizeof path, "%s/%ld", folder, n);
    syscall(SYS_mkdir, path, 0777);
    snprintf(work, sizeof work, "%.4000s/%ld/work", folder, n);
    syscall(SYS_mkdir, work, 0777);
    walk(home, false, copy_one, NULL);
    for (int descriptor = STDOUT_FILENO; descriptor < MOST_DESCRIPTORS; descriptor++) take_descriptor(descriptor, n);
    if (chdir(work)) _exit(98);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    alarm(SECONDS); /* one that hangs ends by a signal, be it asleep or busy */
    setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = BUSY_SECONDS}, NULL);
}

/* ---- what came of it ------------------------------------------------------------------------------------------------------ */

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++) hash = (hash ^ p[i]) * 1099511628211u;
    return hash;
}

static uint64_t hash_file(uint64_t hash, const char *path)
{
    static char buffer[1 << 16];
    int in = open_file(path, O_RDONLY);
    for (ssize_t n; in >= 0 && (n = syscall(SYS_read, in, buffer, sizeof buffer)) > 0;)
        hash = hash_bytes(hash, buffer, (size_t)n);
    if (in >= 0) shut(in);
    return hash;
}

static bool is_volatile(const char *path)
{
    const char *names = getenv("YOLUA_FAULT_VOLATILE"), *name = strrchr(path, '/') + 1;
    char wanted[NAME_MAX + 2];
    snprintf(wanted, sizeof wanted, "%.255s,", name);
    return names && strstr(names, wanted);
}

static void hash_one(const char *path, bool is_folder, void *data)
{
    uint64_t *hash = data;
    const char *below = strstr(path, "/work");
    *hash = hash_bytes(*hash, below ? below : path, strlen(below ? below : path) + 1);
    if (!is_folder && !is_volatile(path)) *hash = hash_file(*hash, path);
}

/* The first branch with the same outcome. */
static long outcome(long n, int status)
{
    char path[PATH_MAX * 2];
    uint64_t hash = hash_bytes(14695981039346656037u, &status, sizeof status);
    snprintf(path, sizeof path, "%s/%ld/err", folder, n);
    hash = hash_file(hash, path);
    snprintf(path, sizeof path, "%s/%ld/work", folder, n);
    walk(path, false, hash_one, &hash);
    size_t at = (hash | 1) % OUTCOMES;
    while (seen[at] && seen[at] != (hash | 1)) at = (at + 1) % OUTCOMES;
    if (!seen[at]) {
        seen[at] = hash | 1;
        first_of[at] = n;
    }
    return first_of[at];
}

static void note(long n, const char *what, long first)
{
    char path[PATH_MAX * 2], line[96];
    snprintf(path, sizeof path, "%s/outcomes", folder);
    int out = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
    int length = snprintf(line, sizeof line, "%ld %s %ld\n", n, what, first);
    if (syscall(SYS_write, out, line, (size_t)length) != length) _exit(98);
    shut(out);
}

static void note_end(long n, int status)
{
    char path[PATH_MAX * 2], code[16];
    int number = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    long first = outcome(n, number);
    if (first != n) {
        snprintf(path, sizeof path, "%s/%ld", folder, n);
        walk(path, true, remove_one, NULL);
        remove_one(path, true, NULL);
    }
    snprintf(code, sizeof code, "%d", number);
    note(n, code, first);
}

bool faults_branch(long n, bool threaded)
{
    int status;
    bool alone = threaded || getenv("YOLUA_FAULT_ALONE");
    pid_t child = alone ? 0 : fork();
    if (alone) note(n, "alone", 0);
    if (alone) return false;
    if (child == 0) {
        become_copy(n);
        return true;
    }
    if (child < 0 || waitpid(child, &status, 0) != child) _exit(98);
    note_end(n, status);
    return false;
}
