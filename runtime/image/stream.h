/* Frames out of a stream: concatenated JPEG or PNG pictures, or yuv4mpeg, told apart by the first bytes. */
#ifndef YL_IMAGE_STREAM_H
#define YL_IMAGE_STREAM_H

#include "image/decode.h"
#include "image/yuv.h"

typedef struct yl_stream yl_stream;

/* descriptor: stays the caller's. name: what sentences call the stream, copied. matrix: of yuv4mpeg (AUTO: by the frames' size).
 * Errors: MEMORY. */
yl_status yl_stream_open(int descriptor, const char *name, yl_yuv_matrix matrix, yl_stream **out);
void yl_stream_free(yl_stream *stream); /* NULL is fine */

/* The next frame, as soon as its last byte is there; out->data is NULL at the stream's end. Memory is bounded by one frame. Failures:
 * FORMAT, a frame that is broken or cut: it counts as a frame, its sentence names it, and the call may be repeated for the frames
 * behind it until yl_stream_over says that nothing can follow. IO, MEMORY, INTERRUPTED. */
yl_status yl_stream_next(yl_stream *stream, yl_image *out, yl_image_note *note);
/* The number of the frame that next dealt with last, from 1. */
int64_t yl_stream_frame(const yl_stream *stream);
bool yl_stream_over(const yl_stream *stream);

#endif
