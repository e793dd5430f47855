/* Fuzz inputs as files: an anonymous file in memory, read through its name in /proc. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) fd = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0);
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(fd, data + done, size - done, (off_t)done);
        FUZZ_CHECK(put > 0);
        done += (size_t)put;
    }
    return path;
}

const char *fuzz_headed_file(const char *header, size_t length, const uint8_t *data, size_t size)
{
    uint8_t *file = malloc(8 + length + size);
    FUZZ_CHECK(file);
    for (int i = 0; i < 8; i++) file[i] = (uint8_t)((uint64_t)length >> 8 * i);
    memcpy(file + 8, header, length);
    if (size) memcpy(file + 8 + length, data, size);
    const char *path = fuzz_file(file, 8 + length + size);
    free(file);
    return path;
}

const char *fuzz_safetensors_file(const uint8_t *data, size_t size)
{
    const uint8_t *stop = size && *data == '{' ? memchr(data, '\n', size) : NULL;
    if (!stop) return fuzz_file(data, size);
    size_t header = (size_t)(stop - data);
    return fuzz_headed_file((const char *)data, header, stop + 1, size - header - 1);
}
