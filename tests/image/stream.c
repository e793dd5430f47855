/* Streams through a pipe: frames come as soon as they are whole, what is broken is passed over, and memory is bounded. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/threads.h"
#include "image/encode.h"
#include "image/stream.h"

typedef struct bytes {
    uint8_t data[1 << 16];
    size_t size;
} bytes;

static void add(bytes *b, const void *data, size_t size)
{
    assert_true(b->size + size <= sizeof b->data);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

/* A picture whose pixels are all about `grey`, noisy enough to have some length. Returns where it begins. */
static size_t add_picture(bytes *b, bool png, int grey)
{
    yl_image image;
    void *data;
    int64_t size;
    size_t start = b->size;
    assert_int_equal(yl_image_new(40, 24, &image), YL_OK);
    for (int64_t i = 0; i < yl_image_bytes(&image); i++) image.data[i] = (uint8_t)(grey + (i * 7919 >> 3) % 17);
    if (png) {
        assert_int_equal(yl_image_write_png("stream_test.png", &image), YL_OK);
        assert_int_equal(yl__file_read("stream_test.png", (char **)&data, &size), YL_OK);
        remove("stream_test.png");
    } else
        assert_int_equal(yl_image_encode_jpeg(&image, 90, &data, &size), YL_OK);
    add(b, data, (size_t)size);
    yl__free(data);
    yl_image_free(&image);
    return start;
}

static int feed(const bytes *b) /* the reading end of a pipe that holds the bytes and is closed behind them */
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 17);
    assert_int_equal(write(ends[1], b->data, b->size), (ssize_t)b->size);
    close(ends[1]);
    return ends[0];
}

/* "160" where a frame of that grey came, "x" where one could not be read; with the last sentence. */
static char last[600];
static const char *frames(const bytes *b)
{
    static char said[400];
    int descriptor = feed(b);
    yl_stream *s;
    yl_image image;
    yl_image_note note;
    said[0] = last[0] = '\0';
    assert_int_equal(yl_stream_open(descriptor, "test", YL_YUV_AUTO, &s), YL_OK);
    while (!yl_stream_over(s)) {
        yl_status status = yl_stream_next(s, &image, &note);
        size_t n = strlen(said);
        if (status) {
            assert_int_equal(status, YL_FORMAT);
            assert_null(image.data);
            snprintf(last, sizeof last, "%s", yl_error());
            snprintf(said + n, sizeof said - n, "x ");
        } else if (image.data)
            snprintf(said + n, sizeof said - n, "%d ", (image.data[0] + 8) / 20 * 20);
        yl_image_free(&image);
    }
    assert_int_equal(yl_stream_next(s, &image, &note), YL_OK); /* over is over */
    assert_null(image.data);
    yl_stream_free(s);
    close(descriptor);
    return said;
}

static void whole_streams(void **state)
{
    (void)state;
    bytes b = {.size = 0};
    for (int i = 1; i <= 3; i++) add_picture(&b, false, 40 * i);
    assert_string_equal(frames(&b), "40 80 120 ");
    for (int i = 1; i <= 3; i++) add_picture(&b, true, 40 * i);
    assert_string_equal(frames(&b), "40 80 120 40 80 120 ");
    add(&b, "\0\0\0\0", 4); /* filling */
    add_picture(&b, false, 160);
    add(&b, "\0\0", 2);
    assert_string_equal(frames(&b), "40 80 120 40 80 120 160 ");
    assert_string_equal(last, "");
}

static void a_broken_frame_costs_itself(void **state)
{
    (void)state;
    for (int png = 0; png < 2; png++) {
        bytes b = {.size = 0};
        size_t first = add_picture(&b, png, 40), second = add_picture(&b, png, 80), third = add_picture(&b, png, 120);
        bytes whole = b;
        b.data[second + (third - second) * 2 / 3] ^= 0x55; /* its data */
        if (png) assert_string_equal(frames(&b), "40 x 120 ");
        if (png) assert_non_null(strstr(last, "test: frame 2: "));
        b = whole; /* its head: no signature, so that its bytes are no picture */
        b.data[second] = 'x';
        assert_string_equal(frames(&b), "40 x 120 ");
        assert_non_null(strstr(last, "test: frame 2: "));
        assert_non_null(strstr(last, "are not JPEG or PNG"));
        b = whole; /* a length that leads into the next one */
        memcpy(b.data + second + (png ? 8 : 4), png ? "\0\0\x02\0" : "\x02\0", png ? 4 : 2);
        assert_string_equal(frames(&b), "40 x 120 ");
        b = whole; /* its second half is missing */
        memmove(b.data + second + (third - second) / 2, b.data + third, b.size - third);
        b.size -= third - second - (third - second) / 2;
        assert_string_equal(frames(&b), "40 x 120 ");
        assert_non_null(strstr(last, "test: frame 2: "));
        b = whole; /* the last one is cut */
        for (b.size--; b.size > third + 10; b.size -= 97) {
            assert_string_equal(frames(&b), "40 80 x ");
            assert_non_null(strstr(last, "test: frame 3 is cut: the stream ends after "));
        }
        b.size = first;
    }
}

/* Words between pictures, as servers of motion JPEG send them: told, and the picture behind them is found. */
static void words_between(void **state)
{
    (void)state;
    bytes b = {.size = 0};
    add_picture(&b, false, 40);
    add(&b, "--frame\r\nContent-Type: image/jpeg\r\n\r\n", 37);
    add_picture(&b, false, 80);
    add(&b, "--frame--\r\n", 11);
    assert_string_equal(frames(&b), "40 x 80 x ");
    assert_non_null(strstr(last, "test: frame 4: 11 bytes from byte"));
}

/* A preview in the EXIF block is no frame, whole or not. */
static void previews(void **state)
{
    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        bytes preview = {.size = 0}, picture = {.size = 0}, b = {.size = 0};
        add_picture(&preview, false, 200);
        add_picture(&picture, false, 40);
        size_t length = preview.size + 8;
        add(&b, picture.data, 2);
        add(&b, (uint8_t[]){0xff, 0xe1, (uint8_t)(length >> 8), (uint8_t)length, 'E', 'x', 'i', 'f', 0, 0}, 10);
        add(&b, preview.data, preview.size);
        add(&b, picture.data + 2, (picture.size - 2) / (broken ? 2 : 1));
        add_picture(&b, false, 80);
        assert_string_equal(frames(&b), broken ? "x 80 " : "40 80 ");
    }
}

static void yuv(void **state)
{
    (void)state;
    bytes b = {.size = 0};
    const char head[] = "YUV4MPEG2 W5 H3 F25:1 C420jpeg XCOLORRANGE=FULL\n";
    add(&b, head, sizeof head - 1);
    for (int i = 1; i <= 3; i++) {
        uint8_t frame[15 + 12];
        memset(frame, 40 * i, 15);
        memset(frame + 15, 128, 12);
        add(&b, i == 2 ? "FRAME Ip\n" : "FRAME\n", i == 2 ? 9 : 6);
        add(&b, frame, sizeof frame);
    }
    assert_string_equal(frames(&b), "40 80 120 ");
    bytes whole = b;
    for (b.size--; b.size > whole.size - 33; b.size--) {
        assert_string_equal(frames(&b), "40 80 x ");
        assert_non_null(strstr(last, "test: frame 3 is cut: the stream ends after "));
    }
    b = whole;
    b.data[sizeof head - 1 + 33] = 'f';
    assert_string_equal(frames(&b), "40 x ");
    assert_non_null(strstr(last, "test: frame 2: expected the word FRAME at byte"));
    b.size = 20;
    assert_string_equal(frames(&b), "x ");
    assert_non_null(strstr(last, "the yuv4mpeg header does not end"));
    b.size = sizeof head - 1;
    assert_string_equal(frames(&b), ""); /* no frame is no fault */
}

static void other_streams(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *said;
    } cases[] = {
        {"", 0, "the stream is empty"},
        {"\xff", 1, "the stream begins with byte 0xff"},
        {"hello", 5, "the stream begins with byte 0x68"},
        {"\0\0\0\x18"
         "ftypisom",
         12, "the stream is MP4: expected JPEG or PNG pictures"},
        {"RIFF\x24\0\0\0WEBPVP8 ", 16, "the stream is WebP"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes b = {.size = 0};
        add(&b, cases[i].bytes, cases[i].size);
        assert_string_equal(frames(&b), "x ");
        assert_non_null(strstr(last, cases[i].said));
    }
}

/* The frame is there as soon as its last byte was written: with nothing behind it, and the pipe still open. */
static void frames_come_at_once(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        bytes b = {.size = 0};
        int ends[2];
        yl_stream *s;
        yl_image image;
        yl_image_note note;
        if (kind == 2) {
            uint8_t frame[6 + 3] = "FRAME\n";
            add(&b, "YUV4MPEG2 W1 H1 C444\n", 21);
            add(&b, frame, sizeof frame);
        } else
            add_picture(&b, kind, 40);
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(yl_stream_open(ends[0], "test", YL_YUV_AUTO, &s), YL_OK);
        assert_int_equal(write(ends[1], b.data, b.size), (ssize_t)b.size);
        assert_int_equal(yl_stream_next(s, &image, &note), YL_OK);
        assert_non_null(image.data);
        assert_false(yl_stream_over(s));
        yl_image_free(&image);
        yl_interrupt(); /* a wait for more ends when the user asks to stop */
        assert_int_equal(yl_stream_next(s, &image, &note), YL_INTERRUPTED);
        yl_clear_interrupt();
        yl_stream_free(s);
        close(ends[0]);
        close(ends[1]);
    }
}

/* 2000 frames, and a broken one in each hundred: memory stays that of one. */
static void memory_is_bounded(void **state)
{
    (void)state;
    bytes one = {.size = 0};
    add_picture(&one, false, 40);
    FILE *f = fopen("stream_test.mjpeg", "wb");
    assert_non_null(f);
    for (int i = 0; i < 2000; i++) {
        size_t size = i % 100 == 50 ? one.size / 2 : one.size;
        assert_int_equal(fwrite(one.data, 1, size, f), size);
    }
    fclose(f);
    int descriptor = open("stream_test.mjpeg", O_RDONLY), read_well = 0, broken = 0;
    yl_stream *s;
    yl_image image;
    yl_image_note note;
    assert_int_equal(yl_stream_open(descriptor, "test", YL_YUV_AUTO, &s), YL_OK);
    int64_t allocations = 0;
    while (!yl_stream_over(s)) {
        int64_t before = yl__alloc_count();
        yl_status status = yl_stream_next(s, &image, &note);
        if (read_well + broken > 10 && yl__alloc_count() - before > allocations)
            allocations = yl__alloc_count() - before;
        broken += status == YL_FORMAT;
        read_well += status == YL_OK && image.data;
        yl_image_free(&image);
    }
    assert_true(read_well == 1980 && broken == 20 && yl_stream_frame(s) == 2000);
    assert_int_equal(allocations, 1); /* the picture: the window has its size */
    yl_stream_free(s);
    close(descriptor);
    remove("stream_test.mjpeg");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_streams),
        cmocka_unit_test(a_broken_frame_costs_itself),
        cmocka_unit_test(words_between),
        cmocka_unit_test(previews),
        cmocka_unit_test(yuv),
        cmocka_unit_test(other_streams),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(frames_come_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
