/* The list of what may be touched, and Landlock, whose three calls the C library does not wrap. */
#define _GNU_SOURCE
#include "core/sandbox.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct place {
    char *path; /* without links, absolute */
    bool write;
} place;

static place *places;
static int64_t count, capacity;
static bool entered;

bool yl__sandboxed(void)
{
    return entered;
}

yl_status yl__sandbox_allow(const char *path, bool write)
{
    if (entered) return yl__fail(YL_INVALID, "the sandbox is closed already");
    char *real = realpath(path, NULL);
    if (!real) return YL_OK;
    yl_status status = yl__reserve(count + 1, &capacity, sizeof *places, &places);
    if (status == YL_OK) status = yl__strdup(real, &places[count].path);
    if (status == YL_OK) places[count++].write = write;
    free(real);
    return status;
}

/* ---- the check of a path ---------------------------------------------------------------------------------------------------------- */

static bool holds(const place *p, const char *path)
{
    size_t length = strlen(p->path);
    if (strcmp(p->path, "/") == 0) return true;
    return strncmp(p->path, path, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool is_allowed(const char *real, bool write)
{
    for (int64_t i = 0; i < count; i++)
        if ((!write || places[i].write) && holds(&places[i], real)) return true;
    return false;
}

static bool goes_up(const char *rest)
{
    for (; rest; rest = strchr(rest, '/')) {
        rest += *rest == '/';
        if (strncmp(rest, "..", 2) == 0 && (rest[2] == '/' || rest[2] == '\0')) return true;
    }
    return false;
}

/* The nearest folder above `path` that exists, without links; NULL where what follows it goes up again. Release with free. */
static char *nearest(const char *path)
{
    char *copy = strdup(path), *real = NULL;
    for (char *slash; copy && !real && (slash = strrchr(copy, '/'));) {
        slash[slash == copy] = '\0';
        real = realpath(copy, NULL);
        if (slash == copy) break;
    }
    if (copy && !real && path[0] != '/') real = realpath(".", NULL);
    bool up = real && goes_up(path + (copy && strchr(path, '/') ? strlen(copy) : 0));
    free(copy);
    if (!up) return real;
    free(real);
    return NULL;
}

static yl_status check(const char *path, bool write)
{
    if (!entered) return YL_OK;
    char *real = realpath(path, NULL);
    if (!real) real = nearest(path);
    bool fine = real && is_allowed(real, write);
    free(real);
    if (fine) return YL_OK;
    return yl__fail(YL_IO, "sandbox: %s may not be %s: expected %s", path, write ? "written" : "read",
                    write ? "a path in the run's folder"
                          : "a file or folder that the command line names, or the run's folder");
}

yl_status yl__sandbox_reads(const char *path)
{
    return check(path, false);
}

yl_status yl__sandbox_writes(const char *path)
{
    return check(path, true);
}

yl_status yl__sandbox_starts(const char *what)
{
    return entered ? yl__fail(YL_IO, "sandbox: %s would start another program", what) : YL_OK;
}

/* ---- the kernel's part ------------------------------------------------------------------------------------------------------------
 *
 * The layouts and numbers of linux/landlock.h, which older systems lack although their kernels may have it. */

enum {
    EXECUTE = 1 << 0,
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
    ALL_OF_THE_FIRST = (1 << 13) - 1,
    MAKE_AND_REMOVE = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8, /* folders and regular files */
    REFER = 1 << 13,                                     /* since 2 */
    TRUNCATE = 1 << 14,                                  /* since 3 */
    OF_FILES = WRITE_FILE | READ_FILE | TRUNCATE,
    CONNECT = 1 << 1, /* TCP, since 4 */
    RULE_PATH = 1,
};

typedef struct ruleset {
    uint64_t files, net;
} ruleset;

typedef struct __attribute__((packed)) path_rule {
    uint64_t allowed;
    int32_t parent;
} path_rule;

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 }; /* of every architecture */

static uint64_t handled(long version)
{
    return ALL_OF_THE_FIRST | (version >= 2 ? REFER : 0) | (version >= 3 ? TRUNCATE : 0);
}

static bool add_place(int rules, const place *p, uint64_t all)
{
    struct stat st;
    path_rule rule = {.parent = open(p->path, O_PATH | O_CLOEXEC)};
    if (rule.parent < 0) return errno == ENOENT || errno == EACCES;
    bool folder = fstat(rule.parent, &st) == 0 && S_ISDIR(st.st_mode);
    rule.allowed = READ_FILE | READ_DIR | (p->write ? WRITE_FILE | TRUNCATE | MAKE_AND_REMOVE | REFER : 0);
    rule.allowed &= folder ? all : all & OF_FILES;
    bool fine = syscall(ADD_RULE, rules, RULE_PATH, &rule, 0) == 0;
    close(rule.parent);
    return fine;
}

static yl_status hold_by_kernel(bool *kernel)
{
    long version = syscall(CREATE_RULESET, NULL, 0, 1);
    *kernel = version > 0;
    if (!*kernel) return YL_OK; /* a kernel without it, or where it is switched off */
    ruleset set = {handled(version), version >= 4 ? CONNECT : 0};
    int rules = (int)syscall(CREATE_RULESET, &set, version >= 4 ? sizeof set : sizeof set.files, 0);
    bool fine = rules >= 0;
    for (int64_t i = 0; fine && i < count; i++) fine = add_place(rules, &places[i], set.files);
    fine = fine && syscall(RESTRICT_SELF, rules, 0) == 0;
    yl_status status = fine ? YL_OK : yl__fail(YL_IO, "the sandbox cannot be closed: %s", strerror(errno));
    if (rules >= 0) close(rules);
    return status;
}

/* How much private memory this process has mapped, and how many threads it has. */
static bool look(long long *bytes, int *threads)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "re");
    *bytes = *threads = -1;
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "VmData:", 7) == 0) *bytes = strtoll(line + 7, NULL, 10) * 1024;
        if (strncmp(line, "Threads:", 8) == 0) *threads = (int)strtol(line + 8, NULL, 10);
    }
    if (f) fclose(f);
    return *bytes >= 0 && *threads > 0;
}

yl_status yl__sandbox_enter(int64_t bytes, bool *kernel)
{
    long long now;
    int threads;
    *kernel = false;
    if (entered) return yl__fail(YL_INVALID, "the sandbox is closed already");
    if (!look(&now, &threads))
        return yl__fail(YL_IO, "the sandbox cannot be closed: /proc/self/status does not say what runs");
    if (threads > 1)
        return yl__fail(YL_UNSUPPORTED, "the sandbox cannot be closed: expected one thread, %d run already", threads);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return yl__fail(YL_IO, "the sandbox cannot be closed: %s", strerror(errno));
    YL_TRY(hold_by_kernel(kernel));
    entered = true;
    struct rlimit limit = {(rlim_t)(now + bytes), (rlim_t)(now + bytes)};
    if (setrlimit(RLIMIT_DATA, &limit))
        return yl__fail(YL_IO, "the limit on memory cannot be set: %s", strerror(errno));
    return YL_OK;
}
