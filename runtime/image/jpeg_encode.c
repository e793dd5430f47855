/* JPEG files out of pictures, by libjpeg-turbo, in memory. */
#include "core/memory.h"
#include "image/encode.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

typedef struct writer {
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    jmp_buf back;
    unsigned char *bytes; /* malloc'ed by the library */
    unsigned long size;
    char message[JMSG_LENGTH_MAX];
} writer;

static void give_up(j_common_ptr info)
{
    writer *w = info->client_data;
    info->err->format_message(info, w->message);
    longjmp(w->back, 1);
}

static void encode(writer *w, const yl_image *image, int quality)
{
    jpeg_create_compress(&w->info);
    jpeg_mem_dest(&w->info, &w->bytes, &w->size);
    w->info.image_width = (JDIMENSION)image->w;
    w->info.image_height = (JDIMENSION)image->h;
    w->info.input_components = 3;
    w->info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&w->info);
    jpeg_set_quality(&w->info, quality, TRUE);
    w->info.optimize_coding = TRUE;
    jpeg_start_compress(&w->info, TRUE);
    while (w->info.next_scanline < w->info.image_height) {
        JSAMPROW line = image->data + (int64_t)w->info.next_scanline * image->w * 3;
        jpeg_write_scanlines(&w->info, &line, 1);
    }
    jpeg_finish_compress(&w->info);
}

yl_status yl_image_encode_jpeg(const yl_image *image, int quality, void **bytes, int64_t *size)
{
    writer w;
    yl_status status = YL_OK;
    memset(&w, 0, sizeof w);
    if (quality < 1 || quality > 100)
        return yl__fail(YL_INVALID, "a JPEG's quality is a number from 1 to 100, got %d", quality);
    w.info.err = jpeg_std_error(&w.errors);
    w.errors.error_exit = give_up;
    w.info.client_data = &w;
    if (setjmp(w.back))
        status = yl__fail(YL_INVALID, "the JPEG encoder failed: %s", w.message);
    else
        encode(&w, image, quality);
    jpeg_destroy_compress(&w.info);
    if (!status) status = yl__alloc((int64_t)w.size, 1, bytes);
    if (!status) memcpy(*bytes, w.bytes, w.size), *size = (int64_t)w.size;
    free(w.bytes); /* the library's, not ours */
    return status;
}
