/* Streams: whatever the bytes, the reader ends, numbers its frames one by one, names each that it refuses, and gives nothing after its
 * end. */
#define _GNU_SOURCE
#include "fuzz.h"
#include "image/stream.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A JPEG of 9 x 8 pixels, as in image.c. */
#define JPEG                                                                                                           \
    "\xff\xd8\xff\xe0\x00\x10\x4a\x46\x49\x46\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb\x00\x43"                 \
    "\x00\x0d\x09\x0a\x0b\x0a\x08\x0d\x0b\x0a\x0b\x0e\x0e\x0d\x0f\x13\x20\x15\x13\x12\x12\x13\x27\x1c"                 \
    "\x1e\x17\x20\x2e\x29\x31\x30\x2e\x29\x2d\x2c\x33\x3a\x4a\x3e\x33\x36\x46\x37\x2c\x2d\x40\x57\x41"                 \
    "\x46\x4c\x4e\x52\x53\x52\x32\x3e\x5a\x61\x5a\x50\x60\x4a\x51\x52\x4f\xff\xc0\x00\x0b\x08\x00\x08"                 \
    "\x00\x09\x01\x01\x11\x00\xff\xc4\x00\x15\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"                 \
    "\x00\x00\x00\x03\x04\xff\xc4\x00\x21\x10\x00\x02\x02\x01\x02\x07\x00\x00\x00\x00\x00\x00\x00\x00"                 \
    "\x00\x00\x01\x02\x04\x11\x03\x00\x12\x05\x13\x14\x22\x53\x81\x94\xff\xda\x00\x08\x01\x01\x00\x00"                 \
    "\x3f\x00\x0d\xab\x1a\x3f\x2c\xaa\xac\x6c\xab\x40\x2a\x1c\x28\xc7\x68\x5a\x55\x00\xe5\xc8\xb6\xdd"                 \
    "\xca\x68\x7a\xa2\x2b\xe8\x61\x78\x78\x6f\xc1\x27\x5f\xff\xd9"
#define PNG                                                                                                            \
    "\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x05\x00\x00\x00\x04"                 \
    "\x08\x02\x00\x00\x00\xc9\x51\x62\x17\x00\x00\x00\x1f\x49\x44\x41\x54\x78\x9c\x63\x64\x60\xe7\x13"                 \
    "\x45\x02\x2c\x99\x99\x99\xc8\x7c\xc6\x4b\x37\x1f\xa0\xf0\xad\x9d\x3c\x91\xf9\x00\x0e\x3b\x08\x99"                 \
    "\x64\x20\x09\x78\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82"

const fuzz_bytes fuzz_seeds[] = {
    FUZZ(JPEG JPEG),
    FUZZ(JPEG "\0\0" PNG JPEG),
    FUZZ(PNG PNG),
    FUZZ("YUV4MPEG2 W3 H3 F25:1 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL\nFRAME\n0123456789abcdefgFRAME Ip\n"
         "0123456789abcdefg"),
    FUZZ("YUV4MPEG2 W5 H2 C411\nFRAME\n0123456789abcdefgh"),
    FUZZ("YUV4MPEG2 W2 H2 Cmono\nFRAME\n0123FRAME\n4567"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("\xff\xd8\xff"),
    FUZZ("\xff\xd9"),
    FUZZ("\xff\xda"),
    FUZZ("\xff\xe1\x00\x04"),
    FUZZ("\x89PNG\r\n\x1a\n"),
    FUZZ("IEND"),
    FUZZ("FRAME\n"),
    FUZZ(" W65500"),
    FUZZ(" H0"),
    FUZZ(" C420paldv"),
    FUZZ(" C422"),
    FUZZ("\xff\xff\xff\xff"),
    FUZZ("YUV4MPEG2 "),
    FUZZ("\n"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yl_stream *s;
    yl_image image;
    yl_image_note note;
    int descriptor = open(fuzz_file(data, size), O_RDONLY);
    FUZZ_CHECK(descriptor >= 0);
    FUZZ_CHECK(yl_stream_open(descriptor, "fuzz", YL_YUV_AUTO, &s) == YL_OK);
    for (int64_t last = 0; !yl_stream_over(s); last = yl_stream_frame(s)) {
        yl_status status = yl_stream_next(s, &image, &note);
        FUZZ_CHECK(status == YL_OK || (status == YL_FORMAT && !image.data && strncmp(yl_error(), "fuzz: ", 6) == 0));
        FUZZ_CHECK(yl_stream_over(s) || yl_stream_frame(s) == last + 1);
        FUZZ_CHECK(yl_stream_frame(s) <= last + 1 && yl_stream_frame(s) <= (int64_t)size);
        yl_image_free(&image);
    }
    FUZZ_CHECK(yl_stream_next(s, &image, &note) == YL_OK && !image.data);
    yl_stream_free(s);
    close(descriptor);
    return 0;
}
