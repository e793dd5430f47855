/* Darknet weights: no file breaks the reader; one that is refused leaves the network alone, one that is taken has its
 * size. */
#include "fuzz.h"
#include "backend/device.h"
#include "formats/darknet.h"

#include <string.h>

/* 1 bias, 3 of the batch-norm, 2 weights; 1 bias, 1 weight: 8 numbers. */
static const char cfg[] =
    "[net]\nwidth=2\nheight=2\nchannels=2\n[convolutional]\nbatch_normalize=1\nfilters=1\nactivation=linear\n"
    "[convolutional]\nfilters=1\nactivation=linear\n";
#define EIGHT "\0\0\x80?\0\0\0@\0\0\x80?\0\0\0@\0\0\x80?\0\0\0@\0\0\x80?\0\0\0@"

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("\0\0\0\0\1\0\0\0\0\0\0\0\7\0\0\0" EIGHT),
    FUZZ("\0\0\0\0\2\0\0\0\5\0\0\0\7\0\0\0\0\0\0\0" EIGHT),
    FUZZ("\0\0\0\0\2\0\0\0\5\0\0\0\7\0\0\0\0\0\0\0" EIGHT EIGHT),
};
const fuzz_bytes fuzz_words[] = {FUZZ("\xff\xff\xff\xff"), FUZZ("\0\0\0\0"),   FUZZ("\0"),
                                 FUZZ("\0\0\xc0\x7f"),     FUZZ("\xe8\3\0\0"), FUZZ(EIGHT)};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static yl_net *net;
    yl_device *device;
    yl_darknet_header header;
    if (!net) {
        FUZZ_CHECK(yl_device_get("cpu", &device) == YL_OK);
        FUZZ_CHECK(yl_darknet_parse_cfg(device, cfg, (int64_t)strlen(cfg), "fuzz", &net) == YL_OK);
    }
    uint64_t before = net->ranges[0].version;
    yl_status status = yl_darknet_load_weights(net, fuzz_file(data, size), 0, &header);
    FUZZ_CHECK((status == YL_OK) == (net->ranges[0].version > before));
    if (status == YL_OK) {
        bool wide = (int64_t)header.major * 10 + header.minor >= 2 && header.major < 1000 && header.minor < 1000;
        FUZZ_CHECK(size == 32 + (wide ? 20u : 16u));
    } else
        FUZZ_CHECK(strncmp(yl_error(), "/proc/self/fd/", 14) == 0);
    return 0;
}
