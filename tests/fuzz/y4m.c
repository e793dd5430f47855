/* yuv4mpeg: whatever the bytes, a header that is taken has a size that a picture may have, frames are numbered one by one and have that
 * size, and a refusal names the stream. An input of one line is a header alone, without its magic word. */
#define _GNU_SOURCE
#include "fuzz.h"
#include "image/y4m.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

const fuzz_bytes fuzz_seeds[] = {
    FUZZ("YUV4MPEG2 W3 H3 F25:1 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=FULL\nFRAME\n0123456789abcdefgFRAME Ip\n"
         "0123456789abcdefg"),
    FUZZ("YUV4MPEG2 W5 H2 C411\nFRAME\n0123456789abcdefgh"),
    FUZZ("YUV4MPEG2 W2 H2 Cmono XCOLORRANGE=LIMITED\nFRAME\n0123FRAME\n4567FRAME\n89"),
    FUZZ("YUV4MPEG2 W4 H4 C420paldv It\nFRAME\n0123456789abcdef01234567"),
    FUZZ("YUV4MPEG2 W4 H1 C422\nFRAME\n01234567FRAME Xnote\n89abcdef"),
    FUZZ("YUV4MPEG2 W1 H1 C444\nFRAME\n012FRAME\n345"),
    FUZZ("W65500 H8 C422jpeg F30000:1001 Ib A128:117 Xa=b"),
};
const fuzz_bytes fuzz_words[] = {
    FUZZ("FRAME\n"),
    FUZZ(" W65500"),
    FUZZ(" H0"),
    FUZZ(" H65500"),
    FUZZ(" C420paldv"),
    FUZZ(" C422"),
    FUZZ(" C411"),
    FUZZ(" C420mpeg2"),
    FUZZ(" C444"),
    FUZZ(" Cmono"),
    FUZZ(" C420p10"),
    FUZZ(" Im"),
    FUZZ(" W-1"),
    FUZZ(" W1e3"),
    FUZZ("\n"),
    FUZZ("\0"),
    FUZZ(" XCOLORRANGE="),
    FUZZ("FULL"),
    FUZZ(" W2 W3"),
    FUZZ("YUV4MPEG2 "),
    FUZZ("\xff"),
    FUZZ(" "),
    FUZZ("FRAME "),
    FUZZ("\r\n"),
    FUZZ("99999999999999999999"),
};
const size_t fuzz_n_seeds = FUZZ_COUNT(fuzz_seeds), fuzz_n_words = FUZZ_COUNT(fuzz_words);

static void check_head(const yl_yuv *yuv)
{
    FUZZ_CHECK(yuv->w >= 1 && yuv->w <= YL_IMAGE_MAX_SIDE && yuv->h >= 1 && yuv->h <= YL_IMAGE_MAX_SIDE);
    FUZZ_CHECK(yuv->w * yuv->h <= YL_IMAGE_MAX_PIXELS);
    FUZZ_CHECK(yl_yuv_bytes(yuv) >= yuv->w * yuv->h && yl_yuv_bytes(yuv) <= 3 * (yuv->w + 3) * (yuv->h + 3));
}

static void one_line(const uint8_t *data, size_t size)
{
    yl_yuv yuv = {.matrix = YL_YUV_BT709};
    char *text = malloc(size + 1);
    FUZZ_CHECK(text);
    memcpy(text, data, size);
    text[size] = '\0';
    if (yl__y4m_head(text, "fuzz", &yuv) == YL_OK)
        check_head(&yuv);
    else
        FUZZ_CHECK(strncmp(yl_error(), "fuzz: ", 6) == 0);
    FUZZ_CHECK(yuv.matrix == YL_YUV_BT709);
    free(text);
}

static void frames(yl_input *in, const yl_yuv *yuv, size_t size)
{
    bool there = true;
    int64_t frame = 0;
    while (there) {
        yl_image image;
        yl_status status = yl__y4m_next(in, yuv, ++frame, &image, &there);
        FUZZ_CHECK(frame <= (int64_t)size + 1);
        if (status != YL_OK) {
            FUZZ_CHECK(status == YL_FORMAT && !image.data && strncmp(yl_error(), "fuzz: frame ", 12) == 0);
            return;
        }
        FUZZ_CHECK(there == (image.data != NULL));
        if (there) FUZZ_CHECK(image.w == yuv->w && image.h == yuv->h);
        yl_image_free(&image);
    }
    FUZZ_CHECK(in->closed && yl__input_have(in) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yl_yuv yuv = {.matrix = size ? data[size - 1] % 3 : 0};
    if (!memchr(data, '\n', size)) one_line(data, size);
    yl_input in = {.descriptor = open(fuzz_file(data, size), O_RDONLY), .name = "fuzz"};
    FUZZ_CHECK(in.descriptor >= 0);
    if (yl__y4m_open(&in, &yuv) == YL_OK) {
        check_head(&yuv);
        frames(&in, &yuv, size);
    } else
        FUZZ_CHECK(strncmp(yl_error(), "fuzz: ", 6) == 0 && in.taken == 0);
    yl__input_free(&in);
    close(in.descriptor);
    return 0;
}
