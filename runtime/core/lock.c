/* Locks on files, by flock. */
#define _GNU_SOURCE
#include "core/lock.h"
#include "core/file.h"
#include "core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

yl_status yl__lock_take(const char *path, int *held)
{
    *held = -1;
    YL_TRY(yl__sandbox_writes(path));
    if (yl__file_writes_held()) { /* the process that writes has it */
        *held = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return YL_OK;
    }
    *held = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (*held < 0) return yl__fail(YL_IO, "cannot open %s: %s", path, strerror(errno));
    while (flock(*held, LOCK_EX | LOCK_NB)) {
        if (errno == EINTR) continue;
        int reason = errno;
        close(*held);
        *held = -1;
        if (reason == EWOULDBLOCK) return YL_OK;
        return yl__fail(YL_IO, "cannot lock %s: %s", path, strerror(reason));
    }
    return YL_OK;
}

void yl__lock_release(int held)
{
    if (held >= 0) close(held);
}
