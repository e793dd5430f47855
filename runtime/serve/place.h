/* Where a server listens: "[ADDRESS:]PORT". */
#ifndef YL_SERVE_PLACE_H
#define YL_SERVE_PLACE_H

#include "core/status.h"

#include <netinet/in.h>
#include <sys/socket.h>

typedef struct yl_place {
    bool ipv6;
    int listener; /* the open socket; -1: none yet */
    socklen_t size;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
} yl_place;

/* Errors: INVALID, with what was expected. */
yl_status yl__place_read(const char *text, yl_place *out);
/* Opens the socket and listens; writes the address that a browser takes. Errors: IO where the port is in use, or not permitted. */
yl_status yl__place_listen(yl_place *place, char *address, size_t size);
void yl__place_close(yl_place *place);

#endif
