/* JPEG files out of pictures, by libjpeg-turbo, in memory. */
#include "core/memory.h"
#include "image/encode.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

typedef struct writer {
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    jmp_buf back;
    struct jpeg_destination_mgr to;
    unsigned char *bytes;
    int64_t capacity, size;
    yl_status status;
    char message[JMSG_LENGTH_MAX];
} writer;

static void give_up(j_common_ptr info)
{
    writer *w = info->client_data;
    info->err->format_message(info, w->message);
    w->status =
        strstr(w->message, "memory") ? YL_MEMORY : YL_INVALID; /* its codes are in a header that is not installed */
    longjmp(w->back, 1);
}

/* The library's own destination in memory leaves a pointer to freed bytes where it cannot grow. */
static boolean grow(j_compress_ptr info)
{
    writer *w = info->client_data;
    int64_t used = w->capacity; /* all of it, when the library asks */
    if (yl__reserve(used + (1 << 14), &w->capacity, 1, &w->bytes)) {
        snprintf(w->message, sizeof w->message, "%s", yl_error());
        w->status = YL_MEMORY;
        longjmp(w->back, 1);
    }
    w->to.next_output_byte = w->bytes + used;
    w->to.free_in_buffer = (size_t)(w->capacity - used);
    return TRUE;
}

static void end_bytes(j_compress_ptr info)
{
    writer *w = info->client_data;
    w->size = w->capacity - (int64_t)w->to.free_in_buffer;
}

static void start_bytes(j_compress_ptr info)
{
    grow(info);
}

static void encode(writer *w, const yl_image *image, int quality)
{
    jpeg_create_compress(&w->info);
    w->to = (struct jpeg_destination_mgr){
        .init_destination = start_bytes, .empty_output_buffer = grow, .term_destination = end_bytes};
    w->info.dest = &w->to;
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

static yl_status run(writer *w, const yl_image *image, int quality)
{
    if (setjmp(w->back)) return yl__fail(w->status, "the JPEG encoder failed: %s", w->message);
    encode(w, image, quality);
    return YL_OK;
}

yl_status yl_image_encode_jpeg(const yl_image *image, int quality, void **bytes, int64_t *size)
{
    writer w;
    memset(&w, 0, sizeof w);
    if (quality < 1 || quality > 100)
        return yl__fail(YL_INVALID, "a JPEG's quality is a number from 1 to 100, got %d", quality);
    w.info.err = jpeg_std_error(&w.errors);
    w.errors.error_exit = give_up;
    w.info.client_data = &w;
    yl_status status = run(&w, image, quality);
    jpeg_destroy_compress(&w.info);
    if (status) yl__free(w.bytes);
    if (!status) *bytes = w.bytes, *size = w.size;
    return status;
}
