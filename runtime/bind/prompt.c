/* Line editing for the prompt, on libedit: history, Ctrl-C, pasted text, and a completion hook that Lua fills.
 *
 * libedit's own reader retries a read that a signal broke, so we give it ours: a Ctrl-C while a line is being typed
 * ends that line and nothing else. Terminals put what is pasted between two marks where they are asked to (mode 2004 of xterm's
 * control sequences, "bracketed paste"); libedit does not know them, so they are bound to functions of ours as if they were keys. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "bind/prompt.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/threads.h"

#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define CLASS "yolua.prompt"
#define PASTE "\033[200~"   /* what the terminal sends before pasted text */
#define PASTED "\033[201~"  /* and after it */
#define PENDING "\033[299~" /* what we send ourselves to have the rest of a paste inserted; no terminal's key */

volatile sig_atomic_t yl__at_prompt;

typedef struct prompt {
    EditLine *el;
    History *history;
    char *history_file; /* NULL: none */
    const char *text;   /* what stands before the line, while it is read */
    lua_State *L;       /* the state of the read that is running */
    int complete;       /* registry reference of the completion function, or LUA_NOREF */
    bool marks;         /* the terminal is asked to mark pasted text */
    yl_text pasted;     /* whole lines of a paste, with what was typed before them; data is NULL where there was none */
    yl_text pending;    /* what a paste leaves for the next line */
} prompt;

static char *prompt_text(EditLine *el)
{
    prompt *p;
    el_get(el, EL_CLIENTDATA, &p);
    return (char *)p->text;
}

/* One character, from as many bytes as it takes; 0 at the end, -1 on a signal or an error. */
static int read_char(EditLine *el, wchar_t *out)
{
    (void)el;
    mbstate_t state;
    memset(&state, 0, sizeof state);
    for (;;) {
        char byte;
        ssize_t n = read(STDIN_FILENO, &byte, 1);
        if (n < 0 && errno == EINTR && !yl_interrupted()) continue;
        if (n <= 0) return (int)n;
        size_t used = mbrtowc(out, &byte, 1, &state);
        if (used == (size_t)-2) continue;
        if (used == (size_t)-1)
            memset(&state, 0, sizeof state);
        else
            return 1;
    }
}

/* The text that the completion function wants inserted at the cursor: f(line up to the cursor) -> text or nil (a beep). */
static unsigned char on_tab(EditLine *el, int key)
{
    (void)key;
    prompt *p;
    el_get(el, EL_CLIENTDATA, &p);
    const LineInfo *line = el_line(el);
    if (p->complete == LUA_NOREF) return CC_ERROR;
    lua_rawgeti(p->L, LUA_REGISTRYINDEX, p->complete);
    lua_pushlstring(p->L, line->buffer, (size_t)(line->cursor - line->buffer));
    unsigned char result = CC_ERROR;
    if (lua_pcall(p->L, 1, 1, 0) == LUA_OK && lua_type(p->L, -1) == LUA_TSTRING) {
        const char *text = lua_tostring(p->L, -1);
        fflush(stdout); /* the function may have listed what there is */
        result = *text == '\0' || el_insertstr(el, text) == 0 ? CC_REDISPLAY : CC_ERROR;
    }
    lua_pop(p->L, 1);
    return result;
}

/* ---- pasted text ---- */

/* Pasted characters up to the closing mark, line ends as \n. */
static yl_status read_pasted(EditLine *el, yl_text *out)
{
    const size_t mark = sizeof PASTED - 1;
    mbstate_t state;
    wchar_t c, before = 0;
    char bytes[MB_LEN_MAX];
    memset(&state, 0, sizeof state);
    while ((size_t)out->length < mark || memcmp(out->data + out->length - mark, PASTED, mark) != 0) {
        if (read_char(el, &c) <= 0) return yl__fail(YL_INTERRUPTED, "the paste did not end");
        bool second_half = c == L'\n' && before == L'\r';
        before = c;
        if (second_half) continue;
        size_t n = wcrtomb(bytes, c == L'\r' ? L'\n' : c, &state);
        if (n != (size_t)-1) YL_TRY(yl__text_append(out, bytes, (int64_t)n));
    }
    out->length -= (int64_t)mark;
    out->data[out->length] = '\0';
    return YL_OK;
}

/* Shows pasted lines as if they had been typed. */
static void echo(const char *text, int64_t length)
{
    for (int64_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            fputs(i + 1 < length ? "\r\n>> " : "\r\n", stdout);
        else
            fputc(text[i], stdout);
    }
    fflush(stdout);
}

/* Whole lines end the line that is being typed and go with it into p->pasted; what follows them waits for the next line. */
static unsigned char take_lines(EditLine *el, prompt *p, const yl_text *text, int64_t whole)
{
    const LineInfo *line = el_line(el);
    yl_status status = yl__text_append(&p->pasted, line->buffer, line->lastchar - line->buffer);
    if (!status) status = yl__text_append(&p->pasted, text->data, whole);
    if (!status) status = yl__text_append(&p->pending, text->data + whole, text->length - whole);
    if (status) return CC_ERROR;
    echo(text->data, whole);
    if (p->pending.length > 0) el_push(el, PENDING);
    return CC_NEWLINE;
}

static unsigned char on_paste(EditLine *el, int key)
{
    (void)key;
    prompt *p;
    yl_text text = {0};
    unsigned char result = CC_ERROR;
    el_get(el, EL_CLIENTDATA, &p);
    if (read_pasted(el, &text) == YL_OK) {
        int64_t whole = text.length;
        while (whole > 0 && text.data[whole - 1] != '\n') whole--;
        if (whole > 0)
            result = take_lines(el, p, &text, whole);
        else if (text.length == 0 || el_insertstr(el, text.data) == 0)
            result = CC_REFRESH;
    }
    yl__text_free(&text);
    return result;
}

static unsigned char on_pending(EditLine *el, int key)
{
    (void)key;
    prompt *p;
    el_get(el, EL_CLIENTDATA, &p);
    bool done = p->pending.length == 0 || el_insertstr(el, p->pending.data) == 0;
    yl__text_free(&p->pending);
    return done ? CC_REFRESH : CC_ERROR;
}

/* A closing mark without an opening one. */
static unsigned char on_stray_mark(EditLine *el, int key)
{
    (void)el;
    (void)key;
    return CC_NORM;
}

static void mark_pastes(const prompt *p, bool on)
{
    if (!p->marks) return;
    fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
    fflush(stdout);
}

/* ---- the object ---- */

static int prompt_close(lua_State *L)
{
    void **box = yl__check_object(L, 1, CLASS);
    prompt *p = *box;
    if (!p) return 0;
    HistEvent event;
    *box = NULL;
    if (p->history && p->history_file) history(p->history, &event, H_SAVE, p->history_file);
    if (p->history) history_end(p->history);
    if (p->el) el_end(p->el);
    luaL_unref(L, LUA_REGISTRYINDEX, p->complete);
    yl__text_free(&p->pasted);
    yl__text_free(&p->pending);
    yl__free(p->history_file);
    yl__free(p);
    return 0;
}

static void set_up(prompt *p)
{
    HistEvent event;
    const char *term = getenv("TERM");
    p->marks = term && *term && strcmp(term, "dumb") != 0;
    el_set(p->el, EL_CLIENTDATA, p);
    el_set(p->el, EL_PROMPT, prompt_text);
    el_set(p->el, EL_EDITOR, "emacs");
    el_set(p->el, EL_SIGNAL, 0);
    el_set(p->el, EL_GETCFN, read_char);
    el_wset(p->el, EL_ADDFN, L"yolua-complete", L"complete the word", on_tab);
    el_set(p->el, EL_BIND, "^I", "yolua-complete", NULL);
    el_set(p->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_wset(p->el, EL_ADDFN, L"yolua-paste", L"take pasted text", on_paste);
    el_wset(p->el, EL_ADDFN, L"yolua-pending", L"insert the rest of a paste", on_pending);
    el_wset(p->el, EL_ADDFN, L"yolua-pasted", L"the end of pasted text", on_stray_mark);
    el_set(p->el, EL_BIND, PASTE, "yolua-paste", NULL);
    el_set(p->el, EL_BIND, PENDING, "yolua-pending", NULL);
    el_set(p->el, EL_BIND, PASTED, "yolua-pasted", NULL);
    el_source(p->el, NULL);
    history(p->history, &event, H_SETSIZE, 2000);
    history(p->history, &event, H_SETUNIQUE, 1);
    if (p->history_file) history(p->history, &event, H_LOAD, p->history_file);
    el_set(p->el, EL_HIST, history, p->history);
}

/* open([history file]) -> prompt */
static int prompt_open(lua_State *L)
{
    const char *file = yl__opt_string(L, 1, NULL);
    void **box = yl__new_object(L, CLASS);
    prompt *p;
    yl__check(L, yl__calloc(1, sizeof *p, &p));
    *box = p;
    p->complete = LUA_NOREF;
    if (file) yl__check(L, yl__strdup(file, &p->history_file));
    p->history = history_init();
    p->el = el_init("yolua", stdin, stdout, stderr);
    if (!p->history || !p->el) return yl__error(L, "cannot start the line editor");
    set_up(p);
    return 1;
}

/* Whether the work that Ctrl-C interrupts continues afterwards: everywhere except in the wait for a character. */
static void restart_after_interrupt(bool restart)
{
    struct sigaction action;
    if (sigaction(SIGINT, NULL, &action)) return;
    action.sa_flags = restart ? action.sa_flags | SA_RESTART : action.sa_flags & ~SA_RESTART;
    sigaction(SIGINT, &action, NULL);
}

/* Pushes pasted lines, and whether more of the paste waits for the next read. */
static int give_pasted(lua_State *L, prompt *p)
{
    lua_pushlstring(L, p->pasted.data, (size_t)p->pasted.length);
    lua_pushboolean(L, p->pending.length > 0);
    yl__text_free(&p->pasted);
    return 2;
}

/* p:read(text) -> line; nil at the end of the input; false where Ctrl-C ended the line. After a paste of several lines: its whole
 * lines, and whether more of it waits, with which the next read begins. */
static int prompt_read(lua_State *L)
{
    prompt *p = yl__object(L, 1, CLASS);
    int length;
    p->text = yl__check_string(L, 2);
    p->L = L;
    yl_clear_interrupt();
    yl__at_prompt = 1;
    mark_pastes(p, true);
    restart_after_interrupt(false);
    el_set(p->el, EL_PREP_TERM,
           1); /* el_gets does it after the prompt is shown: keys pressed meanwhile would be seen twice */
    const char *line = el_gets(p->el, &length);
    restart_after_interrupt(true);
    mark_pastes(p, false);
    yl__at_prompt = 0;
    if (p->pasted.data) return give_pasted(L, p); /* the line itself may be empty */
    if (line && length > 0) {
        lua_pushlstring(L, line, (size_t)(line[length - 1] == '\n' ? length - 1 : length));
    } else if (yl_interrupted()) {
        fputc('\n', stdout);
        yl_clear_interrupt();
        el_reset(p->el);
        yl__text_free(&p->pending);
        lua_pushboolean(L, 0);
    } else
        lua_pushnil(L);
    return 1;
}

/* p:add(entry): into the history, and at once into its file: a session may be killed */
static int prompt_add(lua_State *L)
{
    prompt *p = yl__object(L, 1, CLASS);
    HistEvent event;
    history(p->history, &event, H_ENTER, yl__check_string(L, 2));
    if (p->history_file) history(p->history, &event, H_SAVE, p->history_file);
    return 0;
}

/* p:complete(f): f(line up to the cursor) returns the text to insert, or nil */
static int prompt_complete(lua_State *L)
{
    prompt *p = yl__object(L, 1, CLASS);
    yl__check_type(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    luaL_unref(L, LUA_REGISTRYINDEX, p->complete);
    p->complete = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* interactive() -> whether both ends are a terminal */
static int prompt_interactive(lua_State *L)
{
    lua_pushboolean(L, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
    return 1;
}

void yl__bind_prompt(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"read", prompt_read},
        {"add", prompt_add},
        {"complete", prompt_complete},
        {"close", prompt_close},
        {"__gc", prompt_close},
        {"__close", prompt_close},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {{"open", prompt_open}, {"interactive", prompt_interactive}, {NULL, NULL}};
    yl__class(L, CLASS, methods);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "prompt");
}
