/* core.stream: frames out of a file, a pipe or standard input. */
#define _GNU_SOURCE
#include "bind/fields.h"
#include "bind/image_objects.h"
#include "core/sandbox.h"
#include "image/exif.h"
#include "image/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define STREAM_CLASS "yolua.stream"

typedef struct lua_stream {
    yl_stream *stream;
    int descriptor;
} lua_stream;

static int stream_close(lua_State *L)
{
    lua_stream *s = yl__check_object(L, 1, STREAM_CLASS);
    yl_stream_free(s->stream);
    if (s->descriptor > STDERR_FILENO) close(s->descriptor);
    *s = (lua_stream){NULL, -1};
    return 0;
}

static lua_stream *check_stream(lua_State *L)
{
    lua_stream *s = yl__check_object(L, 1, STREAM_CLASS);
    if (!s->stream) yl__error(L, "the stream is closed");
    return s;
}

static int open_source(lua_State *L, const char *path)
{
    if (strcmp(path, "-") == 0) return STDIN_FILENO;
    yl__check(L, yl__sandbox_reads(path));
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) yl__error(L, "cannot open %s: %s", path, strerror(errno));
    return descriptor;
}

typedef struct stream_options {
    yl_yuv_matrix matrix;
} stream_options;

static const yl_field fields[] = {
    {"matrix", YL_OPTION_ENUM, "auto", "",
     "colours of yuv4mpeg; auto: BT.709 from 1280 wide or more than 576 high, else BT.601", 0, 0, "auto|bt601|bt709",
     NULL, YL_MEMBER(stream_options, matrix)},
};
static const yl_field_table table = YL_FIELD_TABLE("stream", fields);

/* core.stream(path or "-", {fields of "stream"}) */
static int stream_new(lua_State *L)
{
    stream_options o;
    const char *path = yl__check_string(L, 1);
    yl__read_options(L, 2, YL__FILL({&table, &o}), NULL);
    lua_stream *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (lua_stream){NULL, -1};
    luaL_setmetatable(L, STREAM_CLASS);
    s->descriptor = open_source(L, path);
    const char *name = s->descriptor == STDIN_FILENO ? "standard input" : path;
    yl__check(L, yl_stream_open(s->descriptor, name, o.matrix, &s->stream));
    return 1;
}

/* stream:next([upright]) -> image, EXIF orientation; nil, sentence for a frame that cannot be read (others may follow); nil at the end */
static int stream_next(lua_State *L)
{
    lua_stream *s = check_stream(L);
    bool upright = lua_toboolean(L, 2);
    yl_image_note note;
    yl_image *image = yl__push_image(L);
    yl_status status = yl_stream_next(s->stream, image, &note);
    if (status == YL_OK && upright) status = yl_image_turn(image, note.orientation);
    if (status != YL_FORMAT) yl__check(L, status);
    if (status == YL_OK && image->data) return lua_pushinteger(L, note.orientation), 2;
    lua_pushnil(L);
    if (status == YL_OK) return 1;
    lua_pushstring(L, yl_error());
    return 2;
}

/* stream:frame() -> the number of the frame that next dealt with last */
static int stream_frame(lua_State *L)
{
    lua_pushinteger(L, yl_stream_frame(check_stream(L)->stream));
    return 1;
}

/* stream:over() -> whether nothing can follow */
static int stream_over(lua_State *L)
{
    lua_pushboolean(L, yl_stream_over(check_stream(L)->stream));
    return 1;
}

void yl__bind_stream(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"next", stream_next},  {"frame", stream_frame},   {"over", stream_over}, {"close", stream_close},
        {"__gc", stream_close}, {"__close", stream_close}, {NULL, NULL},
    };
    yl__class(L, STREAM_CLASS, methods);
    lua_pushcfunction(L, stream_new);
    lua_setfield(L, -2, "stream");
    yl__offer_fields(L, &table);
}
