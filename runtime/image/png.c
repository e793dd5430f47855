/* PNG through libspng, reading and writing. */
#include "core/file.h"
#include "image/codec.h"
#include "image/encode.h"

#include <errno.h>
#include <spng.h>
#include <stdlib.h>

enum { PIXELS_PER_BYTE = 8 * 1032 }; /* one bit a pixel, at deflate's best */

/* Where zlib finds no memory, libspng blames the stream; errno, which was 0 before, knows. */
static yl_status refuse(const char *name, int code)
{
    if (errno == ENOMEM) return yl__fail(YL_MEMORY, "%s: out of memory for the PNG decoder", name);
    return yl__fail(code == SPNG_EMEM ? YL_MEMORY : YL_FORMAT, "%s: a damaged or unusual PNG: %s", name,
                    spng_strerror(code));
}

static int open_png(spng_ctx *ctx, const void *bytes, int64_t size, struct spng_ihdr *head)
{
    spng_set_crc_action(ctx, SPNG_CRC_ERROR, SPNG_CRC_ERROR);
    spng_set_chunk_limits(ctx, 1 << 24, 1 << 26); /* compressed text could unpack without end */
    int code = spng_set_png_buffer(ctx, bytes, (size_t)size);
    return code ? code : spng_get_ihdr(ctx, head);
}

static yl_status decode_pixels(spng_ctx *ctx, const char *name, yl_image *out)
{
    size_t need;
    int code = spng_decoded_image_size(ctx, SPNG_FMT_RGB8, &need);
    if (!code && need != (size_t)yl_image_bytes(out)) code = SPNG_EINTERNAL;
    if (!code) code = spng_decode_image(ctx, out->data, need, SPNG_FMT_RGB8, 0);
    if (!code) code = spng_decode_chunks(ctx); /* up to the end mark, so that a cut tail is noticed */
    return code ? refuse(name, code) : YL_OK;
}

yl_status yl__png_decode(const void *bytes, int64_t size, const char *name, bool probe, yl_image *out,
                         yl_image_note *note)
{
    struct spng_ihdr head;
    (void)note;
    spng_ctx *ctx = spng_ctx_new(0);
    if (!ctx) return yl__fail(YL_MEMORY, "%s: out of memory for the PNG decoder", name);
    errno = 0;
    int code = open_png(ctx, bytes, size, &head);
    yl_status status = code ? refuse(name, code) : YL_OK;
    if (!status) status = yl__image_check(name, head.width, head.height, probe ? INT64_MAX : size, PIXELS_PER_BYTE);
    if (!status && probe) *out = (yl_image){.w = head.width, .h = head.height};
    if (!status && !probe) {
        status = yl_image_new(head.width, head.height, out);
        status = status ? yl__fail_in(status, "%s", name) : decode_pixels(ctx, name, out);
    }
    spng_ctx_free(ctx);
    if (status) yl_image_free(out);
    return status;
}

static int encode(spng_ctx *ctx, const yl_image *image, void **bytes, size_t *size)
{
    struct spng_ihdr head = {.width = (uint32_t)image->w,
                             .height = (uint32_t)image->h,
                             .bit_depth = 8,
                             .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    int code = spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1);
    if (!code) code = spng_set_ihdr(ctx, &head);
    if (!code)
        code = spng_encode_image(ctx, image->data, (size_t)yl_image_bytes(image), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    if (!code) *bytes = spng_get_png_buffer(ctx, size, &code);
    return code;
}

yl_status yl_image_write_png(const char *path, const yl_image *image)
{
    void *bytes = NULL;
    size_t size = 0;
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    if (!ctx) return yl__fail(YL_MEMORY, "%s: out of memory for the PNG encoder", path);
    errno = 0;
    int code = encode(ctx, image, &bytes, &size);
    const char *reason = errno == ENOMEM ? "out of memory" : spng_strerror(code);
    spng_ctx_free(ctx);
    yl_status status = code ? yl__fail(YL_MEMORY, "%s: the PNG encoder failed: %s", path, reason)
                            : yl__file_write(path, bytes, (int64_t)size);
    free(bytes); /* libspng's, not ours */
    return status;
}
