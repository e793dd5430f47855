/* JPEG through libjpeg-turbo. Its errors come back by longjmp; its warnings about lost data are errors here, since a picture
 * that is half grey would train and score like any other. */
#include "image/codec.h"
#include "core/memory.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>

enum {
    MAX_SCANS = 500,       /* a progressive file with more only wastes time */
    PIXELS_PER_BYTE = 2048 /* one bit for each block of 8x8, in blocks that stand for 16 times as many pixels */
};

typedef struct reader {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    char message[JMSG_LENGTH_MAX];
    bool stray;   /* bytes were skipped on the way to a marker */
    uint8_t *row; /* one line of CMYK, where needed */
} reader;

static void give_up(j_common_ptr info)
{
    reader *r = info->client_data;
    info->err->format_message(info, r->message);
    longjmp(r->back, 1);
}

/* Level -1 is a warning. Two say nothing about the pixels: an unknown Adobe transform and a bad colour profile. Bytes before a
 * marker are told: what the picture is made of was all there. */
static void notice(j_common_ptr info, int level)
{
    int code = info->err->msg_code;
    reader *r = info->client_data;
    if (level < 0 && code == JWRN_EXTRANEOUS_DATA)
        r->stray = true;
    else if (level < 0 && code != JWRN_ADOBE_XFORM && code != JWRN_BOGUS_ICC)
        give_up(info);
}

static void count_scans(j_common_ptr info)
{
    reader *r = info->client_data;
    if (r->info.input_scan_number <= MAX_SCANS) return;
    snprintf(r->message, sizeof r->message, "more than %d scans", MAX_SCANS);
    longjmp(r->back, 1);
}

static void start(reader *r)
{
    r->info.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = give_up;
    r->errors.emit_message = notice;
    r->info.client_data = r;
    jpeg_create_decompress(&r->info);
    r->progress.progress_monitor = count_scans;
    r->info.progress = &r->progress;
}

/* Adobe's files hold inverted ink: 255 is none. RGB = paper seen through both inks. */
static void cmyk_to_rgb(const uint8_t *in, int64_t n, bool inverted, uint8_t *out)
{
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < 3; c++) {
            int ink = in[4 * i + c], black = in[4 * i + 3];
            if (!inverted) ink = 255 - ink, black = 255 - black;
            out[3 * i + c] = (uint8_t)((ink * black + 127) / 255);
        }
}

static yl_status read_lines(reader *r, yl_image *out)
{
    bool cmyk = r->info.out_color_space == JCS_CMYK;
    if (cmyk) YL_TRY(yl__alloc(out->w, 4, &r->row));
    while (r->info.output_scanline < r->info.output_height) {
        uint8_t *line = out->data + (int64_t)r->info.output_scanline * out->w * 3;
        JSAMPROW target = cmyk ? r->row : line;
        jpeg_read_scanlines(&r->info, &target, 1);
        if (cmyk) cmyk_to_rgb(r->row, out->w, r->info.saw_Adobe_marker, line);
    }
    return YL_OK;
}

/* Everything that may jump back to yl__jpeg_decode. */
static yl_status decode(reader *r, const void *bytes, int64_t size, const char *name, bool probe, yl_image *out)
{
    jpeg_mem_src(&r->info, bytes, (unsigned long)size);
    jpeg_read_header(&r->info, TRUE);
    YL_TRY(yl__image_check(name, r->info.image_width, r->info.image_height, probe ? INT64_MAX : size, PIXELS_PER_BYTE));
    if (probe) {
        *out = (yl_image){.w = r->info.image_width, .h = r->info.image_height};
        return YL_OK;
    }
    yl_status status = yl_image_new(r->info.image_width, r->info.image_height, out);
    if (status) return yl__fail_in(status, "%s", name);
    bool inks = r->info.jpeg_color_space == JCS_CMYK || r->info.jpeg_color_space == JCS_YCCK;
    r->info.out_color_space = inks ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&r->info);
    YL_TRY(read_lines(r, out));
    jpeg_finish_decompress(&r->info);
    return YL_OK;
}

yl_status yl__jpeg_decode(const void *bytes, int64_t size, const char *name, bool probe, yl_image *out,
                          yl_image_note *note)
{
    reader r;
    memset(&r, 0, sizeof r);
    yl_status status;
    if (setjmp(r.back))
        status = yl__fail(YL_FORMAT, "%s: a damaged or unusual JPEG: %s", name, r.message);
    else {
        start(&r);
        status = decode(&r, bytes, size, name, probe, out);
    }
    jpeg_destroy_decompress(&r.info);
    yl__free(r.row);
    note->stray = r.stray;
    if (status) yl_image_free(out);
    return status;
}
