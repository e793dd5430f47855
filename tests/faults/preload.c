/* Calls of the system that fail on purpose: a library for LD_PRELOAD. Only calls that the program or Lua's library makes itself count,
 * or (memory.libraries) those that other libraries make.
 *
 *   YOLUA_FAULT=KIND:N        the N-th call of that kind fails, once
 *   YOLUA_FAULT=KIND:N:M      the N-th and the M - 1 after it; M = 0: all from the N-th on
 *   YOLUA_FAULT=KIND:/S:M     each in turn, or each S-th, in a process of its own (see branch.c)
 *   YOLUA_FAULT=KIND:@D:M     number 1, 16, 256... of those to which the same D functions led (see ways.c), likewise
 *   YOLUA_FAULT=space:N       files take N bytes in all; the write that brings more is cut short, and all after it fail
 *   YOLUA_FAULT=kill:N        SIGKILL in place of the N-th call that concerns a file
 *   YOLUA_FAULT_SLOW=MS       a terminal takes so long to stop showing what is typed
 *   YOLUA_FAULT_COUNTS=FILE   at the end FILE says how many calls there were: a line "KIND COUNT" each
 *
 * Errors are such as the calls may really give, each kind's own (see the list), so that a test knows the sentence by it. */
#define _GNU_SOURCE
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* kind, its name, its error, whether it concerns a file */
#define KINDS(X)                                                                                                       \
    X(OPEN, "open", EMFILE, true)                                                                                      \
    X(READ, "read", EIO, true)                                                                                         \
    X(WRITE, "write", ENOSPC, true)                                                                                    \
    X(SHORT, "short", 0, false) /* write and pwrite that take half */                                                  \
    X(SYNC, "sync", EIO, true)                                                                                         \
    X(RENAME, "rename", EACCES, true)                                                                                  \
    X(MKDIR, "mkdir", EDQUOT, true)                                                                                    \
    X(MAP, "map", ENOMEM, false)                                                                                       \
    X(CLOSE, "close", EIO, true)                                                                                       \
    X(THREAD, "thread", EAGAIN, false)                                                                                 \
    X(MEMORY, "memory", ENOMEM, false)                                                                                 \
    X(LIBRARIES, "memory.libraries", ENOMEM, false)                                                                    \
    X(KILL, "kill", 0, false)

typedef enum kind {
#define X(kind, name, error, file) kind,
    KINDS(X)
#undef X
        KIND_COUNT
} kind;

static const struct {
    const char *name;
    int error;
    bool file;
} kinds[] = {
#define X(kind, name, error, file) {name, error, file},
    KINDS(X)
#undef X
};

static atomic_long counts[KIND_COUNT];
static int failing = -1;         /* a kind */
static long first_bad, last_bad; /* calls, from 1 */
static long stride, burst;       /* with branches: every how many, how many fail in one */
static long depth;               /* with branches by ways: of how many functions; 0: by stride */
static atomic_long space = -1;   /* bytes that files still take; below 0: no limit */
static bool counting;
static atomic_int threads; /* of the program's own that run now */
static const char *counts_file;

typedef struct range {
    uintptr_t start, end;
} range;
static range ours[2]; /* the program, Lua's library */
static int ours_count;

static bool is_within(range r, const void *address)
{
    return (uintptr_t)address >= r.start && (uintptr_t)address < r.end;
}

static bool is_ours(const void *address)
{
    for (int i = 0; i < ours_count; i++)
        if (is_within(ours[i], address)) return true;
    return false;
}

/* Those whose failures the program has to answer for. (Fontconfig and Cairo end the process where they find no memory, as thread
 * pools do.) */
static bool is_answerable(const void *address)
{
    static const char *const libraries[] = {"libyaml", "libspng", "libjpeg", "libz.", "libzstd"};
    Dl_info at;
    if (is_ours(address) || !dladdr(address, &at) || !at.dli_fname) return false;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (strstr(at.dli_fname, libraries[i])) return true;
    return false;
}

/* ---- whether this call fails --------------------------------------------------------------------------------------------- */

static _Thread_local bool branching; /* its own calls do not count */

/* In the copy that the n-th call is to fail in, it and the others of its burst do. */
static void branch(long n)
{
    branching = true;
    if (faults_branch(n, atomic_load(&threads) > 0)) {
        first_bad = n;
        last_bad = burst == 0 ? INT64_MAX : n + burst - 1;
        stride = depth = 0;
        counts_file = NULL;
    }
    branching = false;
}

static bool counted(kind k, const void *caller)
{
    if (!counting || branching || (failing >= 0 && failing != (int)k)) return false;
    long n = atomic_fetch_add(&counts[k], 1) + 1;
    bool chosen = depth > 0 ? faults_way_chosen(depth, caller) : stride > 0 && n % stride == 0;
    if (failing == (int)k && chosen) branch(n);
    return failing == (int)k && n >= first_bad && n <= last_bad;
}

static bool fails(kind k, const void *caller)
{
    if (!counting || !is_ours(caller)) return false;
    if (kinds[k].file && counted(KILL, caller)) raise(SIGKILL);
    if (!counted(k, caller)) return false;
    errno = kinds[k].error;
    return true;
}

static bool no_memory(const void *caller)
{
    if (!counting) return false;
    if (fails(MEMORY, caller)) return true;
    if ((failing != LIBRARIES && failing >= 0) || branching || !is_answerable(caller)) return false;
    if (!counted(LIBRARIES, caller)) return false;
    errno = ENOMEM;
    return true;
}

/* How much of a write the disk takes. */
static size_t room(size_t wanted)
{
    long left = atomic_load(&space);
    if (left < 0 || (long)wanted <= left) {
        if (left >= 0) atomic_fetch_sub(&space, (long)wanted);
        return wanted;
    }
    atomic_store(&space, 0);
    return (size_t)left;
}

/* ---- start and end ------------------------------------------------------------------------------------------------------- */

static int find_range(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    bool *is_first = data;
    bool take = *is_first || strstr(info->dlpi_name, "/liblua");
    *is_first = false;
    if (!take || ours_count == 2) return 0;
    range r = {UINTPTR_MAX, 0};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        if (h->p_type != PT_LOAD) continue;
        uintptr_t start = info->dlpi_addr + h->p_vaddr;
        if (start < r.start) r.start = start;
        if (start + h->p_memsz > r.end) r.end = start + h->p_memsz;
    }
    ours[ours_count++] = r;
    return 0;
}

static int find_kind(const char *name, size_t length)
{
    for (int k = 0; k < KIND_COUNT; k++)
        if (strlen(kinds[k].name) == length && strncmp(kinds[k].name, name, length) == 0) return k;
    return -1;
}

static void read_fault(const char *text)
{
    char *end;
    size_t length = strcspn(text, ":");
    if (strncmp(text, "space:", 6) == 0) {
        atomic_store(&space, strtol(text + 6, &end, 10));
        return;
    }
    failing = find_kind(text, length);
    bool each = strncmp(text + length, ":/", 2) == 0, by_way = strncmp(text + length, ":@", 2) == 0;
    long n = strtol(text + length + (each || by_way ? 2 : text[length] == ':'), &end, 10);
    burst = *end == ':' ? strtol(end + 1, &end, 10) : 1;
    if (each)
        stride = n;
    else if (by_way)
        depth = n;
    else {
        first_bad = n;
        last_bad = burst == 0 ? INT64_MAX : n + burst - 1;
    }
    if (by_way) faults_ways_begin();
    if (failing < 0 || n < 1 || ((each || by_way) && !faults_branching())) {
        fprintf(stderr, "YOLUA_FAULT=%s: expected KIND:N, or KIND:/S or KIND:@D with YOLUA_FAULT_BRANCHES\n", text);
        _exit(99);
    }
}

__attribute__((constructor)) static void begin(void)
{
    const char *fault = getenv("YOLUA_FAULT");
    bool is_first = true;
    counts_file = getenv("YOLUA_FAULT_COUNTS");
    if (!fault && !counts_file) return;
    dl_iterate_phdr(find_range, &is_first);
    if (fault) read_fault(fault);
    unsetenv("LD_PRELOAD"); /* programs that this one starts are themselves */
    counting = true;
}

__attribute__((destructor)) static void end(void)
{
    if (!counting || !counts_file) return;
    counting = false;
    FILE *f = fopen(counts_file, "w");
    if (!f) return;
    for (int k = 0; k < KIND_COUNT; k++) fprintf(f, "%s %ld\n", kinds[k].name, atomic_load(&counts[k]));
    fclose(f);
}

/* ---- the calls ----------------------------------------------------------------------------------------------------------- */

#define CALLER __builtin_return_address(0)
#define REAL(name)                                                                                                     \
    static __typeof__(&name) real;                                                                                     \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define HERE(path) faults_path(path, (char[4096]){0})

#define OPENER(name)                                                                                                   \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        REAL(name);                                                                                                    \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;                                      \
        va_end(list);                                                                                                  \
        return fails(OPEN, CALLER) ? -1 : real(HERE(path), flags, mode);                                               \
    }
OPENER(open)
OPENER(open64)

#define STREAM_OPENER(name)                                                                                            \
    FILE *name(const char *path, const char *mode)                                                                     \
    {                                                                                                                  \
        REAL(name);                                                                                                    \
        return fails(OPEN, CALLER) ? NULL : real(HERE(path), mode);                                                    \
    }
STREAM_OPENER(fopen)
STREAM_OPENER(fopen64)

DIR *opendir(const char *path)
{
    REAL(opendir);
    return fails(OPEN, CALLER) ? NULL : real(HERE(path));
}

static bool is_regular(int descriptor)
{
    struct stat st;
    return fstat(descriptor, &st) == 0 && S_ISREG(st.st_mode);
}

/* How many bytes of a write are taken; -1: it fails. */
static ssize_t taken(int descriptor, size_t size, const void *caller)
{
    if (fails(WRITE, caller)) return -1;
    if (size > 1 && fails(SHORT, caller)) return (ssize_t)(size / 2);
    size_t fits = counting && is_ours(caller) && is_regular(descriptor) ? room(size) : size;
    if (fits == 0 && size > 0) errno = ENOSPC;
    return fits == 0 && size > 0 ? -1 : (ssize_t)fits;
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    REAL(write);
    ssize_t fits = taken(descriptor, size, CALLER);
    return fits < 0 ? -1 : real(descriptor, data, (size_t)fits);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t at)
{
    REAL(pwrite);
    ssize_t fits = taken(descriptor, size, CALLER);
    return fits < 0 ? -1 : real(descriptor, data, (size_t)fits, at);
}

ssize_t read(int descriptor, void *data, size_t size)
{
    REAL(read);
    return fails(READ, CALLER) ? -1 : real(descriptor, data, size);
}

ssize_t pread(int descriptor, void *data, size_t size, off_t at)
{
    REAL(pread);
    return fails(READ, CALLER) ? -1 : real(descriptor, data, size, at);
}

/* A stream whose writes fail says so to ferror. */
static bool spoiled(FILE *f, kind k, const void *caller)
{
    if (!fails(k, caller)) return false;
    f->_flags |= 0x20; /* glibc's error flag */
    return true;
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *f)
{
    REAL(fwrite);
    return f != stderr && spoiled(f, WRITE, CALLER) ? 0 : real(data, size, count, f);
}

size_t fread(void *data, size_t size, size_t count, FILE *f)
{
    REAL(fread);
    return spoiled(f, READ, CALLER) ? 0 : real(data, size, count, f);
}

int fflush(FILE *f)
{
    REAL(fflush);
    return f && f != stderr && spoiled(f, WRITE, CALLER) ? EOF : real(f);
}

int fclose(FILE *f)
{
    REAL(fclose);
    bool bad = fails(CLOSE, CALLER);
    int status = real(f);
    if (bad) errno = kinds[CLOSE].error;
    return bad ? EOF : status;
}

int close(int descriptor)
{
    REAL(close);
    bool bad = fails(CLOSE, CALLER);
    int status = real(descriptor);
    if (bad) errno = kinds[CLOSE].error;
    return bad ? -1 : status;
}

#define SYNCER(name)                                                                                                   \
    int name(int descriptor)                                                                                           \
    {                                                                                                                  \
        REAL(name);                                                                                                    \
        return fails(SYNC, CALLER) ? -1 : real(descriptor);                                                            \
    }
SYNCER(fsync)
SYNCER(fdatasync)

int rename(const char *from, const char *to)
{
    REAL(rename);
    return fails(RENAME, CALLER) ? -1 : real(HERE(from), HERE(to));
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    REAL(renameat2);
    return fails(RENAME, CALLER) ? -1 : real(from_folder, HERE(from), to_folder, HERE(to), flags);
}

int tcsetattr(int descriptor, int when, const struct termios *set)
{
    static int (*real)(int, int, const struct termios *);
    const char *slow = getenv("YOLUA_FAULT_SLOW");
    struct timespec wait = {0, slow ? strtol(slow, NULL, 10) * 1000000 : 0};
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "tcsetattr");
    if (!(set->c_lflag & ECHO)) nanosleep(&wait, NULL);
    return real(descriptor, when, set);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    return fails(MKDIR, CALLER) ? -1 : real(HERE(path), mode);
}

/* These do not fail, but name files. */
#define NAMER(result, name, parameters, ...)                                                                           \
    result name parameters                                                                                             \
    {                                                                                                                  \
        REAL(name);                                                                                                    \
        return real(__VA_ARGS__);                                                                                      \
    }
NAMER(int, stat, (const char *path, struct stat *st), HERE(path), st)
NAMER(int, lstat, (const char *path, struct stat *st), HERE(path), st)
NAMER(int, access, (const char *path, int mode), HERE(path), mode)
NAMER(int, unlink, (const char *path), HERE(path))
NAMER(int, rmdir, (const char *path), HERE(path))
NAMER(int, remove, (const char *path), HERE(path))
NAMER(char *, realpath, (const char *path, char *out), HERE(path), out)

void *mmap(void *address, size_t size, int protection, int flags, int descriptor, off_t at)
{
    REAL(mmap);
    return fails(MAP, CALLER) ? MAP_FAILED : real(address, size, protection, flags, descriptor, at);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *data)
{
    REAL(pthread_create);
    if (fails(THREAD, CALLER)) return EAGAIN;
    int status = real(thread, attributes, start, data);
    if (status == 0 && is_ours(CALLER)) atomic_fetch_add(&threads, 1);
    return status;
}

int pthread_join(pthread_t thread, void **result)
{
    REAL(pthread_join);
    int status = real(thread, result);
    if (status == 0 && is_ours(CALLER)) atomic_fetch_sub(&threads, 1);
    return status;
}

void *malloc(size_t size)
{
    REAL(malloc);
    return no_memory(CALLER) ? NULL : real(size);
}

void *calloc(size_t count, size_t size)
{
    REAL(calloc);
    return no_memory(CALLER) ? NULL : real(count, size);
}

void *realloc(void *old, size_t size)
{
    REAL(realloc);
    return no_memory(CALLER) ? NULL : real(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    REAL(aligned_alloc);
    return no_memory(CALLER) ? NULL : real(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    REAL(posix_memalign);
    return no_memory(CALLER) ? ENOMEM : real(out, alignment, size);
}
