/* YUV4MPEG2: the line that begins such a stream, and its frames (yuv4mpeg(5) of mjpegtools; XCOLORRANGE is ffmpeg's). */
#ifndef YL_IMAGE_Y4M_H
#define YL_IMAGE_Y4M_H

#include "image/input.h"
#include "image/yuv.h"

/* The stream's own line, without its end, as a geometry. Required: W, H. C: 420 420jpeg 420mpeg2 420paldv 422 422jpeg 411 444 mono
 * mono (default 420jpeg: the format's). XCOLORRANGE: FULL or LIMITED (default LIMITED: ffmpeg's). F, I, A and other X words say
 * nothing about pixels, but for an I that is not progressive, which is warned of. Leaves `matrix` alone, since the format has no word
 * for it. Errors: FORMAT with the word. */
yl_status yl__y4m_head(const char *line, const char *name, yl_yuv *out);
/* Takes the head off the input. Errors: FORMAT, those of yl__input_need. */
yl_status yl__y4m_open(yl_input *in, yl_yuv *out);
/* The next frame as a picture; *there is false at the input's end. Errors: FORMAT (no frame's head, a frame that is cut), MEMORY, those of
 * yl__input_need. */
yl_status yl__y4m_next(yl_input *in, const yl_yuv *yuv, int64_t frame, yl_image *out, bool *there);

#endif
