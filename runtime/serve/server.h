/* A small web server for looking at a run: it answers GET with what was published under an address. Its thread never asks anybody:
 * a published text is an immutable snapshot, replaced as a whole, and a file is read when it is asked for. Only addresses that were
 * published exist, so no path of a request ever reaches the file system. */
#ifndef YL_SERVE_SERVER_H
#define YL_SERVE_SERVER_H

#include "core/status.h"

typedef struct yl_server yl_server;

/* Whether this build can serve. */
bool yl_server_available(void);

/* Starts answering at `place`, "[ADDRESS:]PORT": a numeric address, 127.0.0.1 if there is none, "[::1]:8080" for IPv6; port 0: a free
 * one. Errors: INVALID for another place; IO where the port is in use or not permitted; UNSUPPORTED if the build or the machine lacks the
 * library. */
yl_status yl_server_start(const char *place, yl_server **out);
/* "http://127.0.0.1:8080/" */
const char *yl_server_address(const yl_server *server);
/* Publishes a copy of the bytes under `path` ("/state.json"), in place of what was there. `type`: "text/html; charset=utf-8". */
yl_status yl_server_publish(yl_server *server, const char *path, const char *type, const void *bytes, int64_t size);
/* Publishes the file `file` as it is whenever it is asked for; a request for one that is missing is answered with 404. */
yl_status yl_server_publish_file(yl_server *server, const char *path, const char *type, const char *file);
/* Answers what has been asked, and no more. NULL is fine. */
void yl_server_stop(yl_server *server);

#endif
