/* The server over GNU libmicrohttpd, which is opened with the first page: linked to the program it would lengthen every start. server.h
 * says what is served. */
#define _GNU_SOURCE
#include "serve/server.h"
#include "core/file.h"
#include "core/memory.h"
#include "serve/place.h"

#include <dlfcn.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { MOST_CONNECTIONS = 32, TIMEOUT_S = 15 };

/* clang-format off */
#define CALLS(X) \
    X(MHD_start_daemon) X(MHD_stop_daemon) X(MHD_create_response_from_buffer) X(MHD_add_response_header) X(MHD_queue_response) \
    X(MHD_destroy_response)
/* clang-format on */
#define FIELD(name) __typeof__(name) *name;
#define FIND(name) find(library, #name, &mhd.name, sizeof mhd.name) &&

static struct {
    CALLS(FIELD)
} mhd;

static bool find(void *library, const char *name, void *out, size_t size)
{
    void *symbol = dlsym(library, name);
    memcpy(out, &symbol, size);
    return symbol != NULL;
}

/* What stands under an address. */
typedef struct page {
    char *path, *type, *file; /* file: read when it is asked for; NULL: `bytes` */
    void *bytes;
    int64_t size;
    struct page *next;
} page;

struct yl_server {
    struct MHD_Daemon *daemon;
    pthread_mutex_t mutex; /* over `pages` */
    page *pages;
    char address[96];
};

bool yl_server_available(void)
{
    return true;
}

static yl_status open_library(void)
{
    static bool opened;
    if (opened) return YL_OK;
    void *library = dlopen(YL_MICROHTTPD_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) return yl__fail(YL_UNSUPPORTED, "serve: libmicrohttpd cannot be opened: %s", dlerror());
    opened = CALLS(FIND) true;
    return opened
               ? YL_OK
               : yl__fail(YL_UNSUPPORTED, "serve: %s is no libmicrohttpd that this build knows", YL_MICROHTTPD_LIBRARY);
}

/* ---- pages --------------------------------------------------------------------------------------------------------- */

static void free_page(page *p)
{
    yl__free(p->path);
    yl__free(p->type);
    yl__free(p->file);
    yl__free(p->bytes);
    yl__free(p);
}

static yl_status new_page(const char *path, const char *type, page **out)
{
    page *p;
    YL_TRY(yl__calloc(1, sizeof *p, &p));
    yl_status status = yl__strdup(path, &p->path);
    if (status == YL_OK) status = yl__strdup(type, &p->type);
    if (status == YL_OK)
        *out = p;
    else
        free_page(p);
    return status;
}

/* Puts the page in the place of the one under its path. */
static void put(yl_server *server, page *made)
{
    page **at = &server->pages, *old;
    pthread_mutex_lock(&server->mutex);
    while (*at && strcmp((*at)->path, made->path) != 0) at = &(*at)->next;
    old = *at;
    made->next = old ? old->next : NULL;
    *at = made;
    pthread_mutex_unlock(&server->mutex);
    if (old) free_page(old);
}

yl_status yl_server_publish(yl_server *server, const char *path, const char *type, const void *bytes, int64_t size)
{
    page *p;
    YL_TRY(new_page(path, type, &p));
    yl_status status = yl__alloc(size, 1, &p->bytes);
    if (status != YL_OK) {
        free_page(p);
        return status;
    }
    if (size > 0) memcpy(p->bytes, bytes, (size_t)size);
    p->size = size;
    put(server, p);
    return YL_OK;
}

yl_status yl_server_publish_file(yl_server *server, const char *path, const char *type, const char *file)
{
    page *p;
    YL_TRY(new_page(path, type, &p));
    yl_status status = yl__strdup(file, &p->file);
    if (status == YL_OK)
        put(server, p);
    else
        free_page(p);
    return status;
}

/* ---- answers: on the server's thread --------------------------------------------------------------------------------- */

/* What is answered: copies, so that nothing is locked while they are sent. */
typedef struct answer {
    unsigned status;
    char type[64];
    char *bytes;
    int64_t size;
} answer;

static yl_status say(answer *a, unsigned status, const char *text)
{
    *a = (answer){.status = status, .type = "text/plain; charset=utf-8", .size = (int64_t)strlen(text)};
    return yl__strdup(text, &a->bytes);
}

static yl_status copy_page(const page *p, answer *a, char **file)
{
    *a = (answer){.status = MHD_HTTP_OK, .size = p->size};
    strncpy(a->type, p->type, sizeof a->type - 1);
    if (p->file) return yl__strdup(p->file, file);
    YL_TRY(yl__alloc(p->size, 1, &a->bytes));
    if (p->size > 0) memcpy(a->bytes, p->bytes, (size_t)p->size);
    return YL_OK;
}

static yl_status look_up(yl_server *server, const char *path, answer *a)
{
    char *file = NULL;
    pthread_mutex_lock(&server->mutex);
    const page *p = server->pages;
    while (p && strcmp(p->path, path) != 0) p = p->next;
    yl_status status = p ? copy_page(p, a, &file) : say(a, MHD_HTTP_NOT_FOUND, "not found\n");
    pthread_mutex_unlock(&server->mutex);
    if (file && yl__file_read(file, &a->bytes, &a->size) != YL_OK)
        status = say(a, MHD_HTTP_NOT_FOUND, "this file is not there yet\n");
    yl__free(file);
    return status;
}

static const char *const headers[][2] = {
    {"Cache-Control", "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Content-Security-Policy",
     "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; "
     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
};

static enum MHD_Result send_answer(struct MHD_Connection *connection, const answer *a)
{
    struct MHD_Response *response =
        mhd.MHD_create_response_from_buffer((size_t)a->size, a->bytes, MHD_RESPMEM_MUST_COPY);
    if (!response) return MHD_NO;
    mhd.MHD_add_response_header(response, "Content-Type", a->type);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        mhd.MHD_add_response_header(response, headers[i][0], headers[i][1]);
    enum MHD_Result sent = mhd.MHD_queue_response(connection, a->status, response);
    mhd.MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result answer_request(void *context, struct MHD_Connection *connection, const char *url,
                                      const char *method, const char *version, const char *upload, size_t *upload_size,
                                      void **request)
{
    answer a = {.bytes = NULL};
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    (void)version, (void)upload;
    if (*upload_size > 0) { /* what is sent is not looked at */
        *upload_size = 0;
        return MHD_YES;
    }
    if (!*request) { /* the headers alone: the answer follows */
        *request = &mhd;
        return MHD_YES;
    }
    yl_status status =
        reads ? look_up(context, url, &a) : say(&a, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is answered\n");
    enum MHD_Result sent = status == YL_OK ? send_answer(connection, &a) : MHD_NO;
    yl__free(a.bytes);
    return sent;
}

/* ---- start and end ----------------------------------------------------------------------------------------------------- */

/* Its threads are not to take the program's signals. */
static struct MHD_Daemon *start_daemon(yl_server *server, int listener, bool ipv6)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = mhd.MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | (ipv6 ? MHD_USE_IPv6 : 0), 0, NULL, NULL, answer_request, server,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MOST_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

yl_status yl_server_start(const char *place, yl_server **out)
{
    yl_server *server;
    yl_place where;
    YL_TRY(yl__place_read(place, &where));
    YL_TRY(open_library());
    YL_TRY(yl__calloc(1, sizeof *server, &server));
    yl_status status = yl__place_listen(&where, server->address, sizeof server->address);
    if (status != YL_OK) {
        yl__free(server);
        return status;
    }
    pthread_mutex_init(&server->mutex, NULL);
    server->daemon = start_daemon(server, where.listener, where.ipv6);
    if (server->daemon) {
        *out = server;
        return YL_OK;
    }
    pthread_mutex_destroy(&server->mutex);
    yl__free(server);
    return yl__fail(YL_IO, "serve=%s: libmicrohttpd did not start", place);
}

const char *yl_server_address(const yl_server *server)
{
    return server->address;
}

void yl_server_stop(yl_server *server)
{
    if (!server) return;
    mhd.MHD_stop_daemon(server->daemon);
    for (page *p = server->pages, *next; p; p = next) {
        next = p->next;
        free_page(p);
    }
    pthread_mutex_destroy(&server->mutex);
    yl__free(server);
}
