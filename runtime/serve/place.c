/* Reading "[ADDRESS:]PORT", and listening there. */
#define _GNU_SOURCE
#include "serve/place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static yl_status refuse(const char *text)
{
    return yl__fail(YL_INVALID,
                    "serve: expected [ADDRESS:]PORT with a port from 0 to 65535 and an address in numbers, such as "
                    "8080, 0.0.0.0:8080 "
                    "or [::1]:8080, got '%.100s'",
                    text);
}

static bool read_port(const char *text, uint16_t *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') return false;
    unsigned long port = strtoul(text, &end, 10);
    *out = htons((uint16_t)port);
    return *end == '\0' && port <= 65535;
}

yl_status yl__place_read(const char *text, yl_place *out)
{
    char host[INET6_ADDRSTRLEN] = "127.0.0.1";
    uint16_t port;
    const char *colon = strrchr(text, ':'), *first = text, *last = colon;
    *out = (yl_place){.listener = -1, .ipv6 = text[0] == '['};
    if (!read_port(colon ? colon + 1 : text, &port)) return refuse(text);
    if (out->ipv6) {
        if (!colon || colon[-1] != ']') return refuse(text);
        first = text + 1, last = colon - 1;
    }
    if (colon) {
        if (last - first >= (long)sizeof host || last <= first) return refuse(text);
        memcpy(host, first, (size_t)(last - first));
        host[last - first] = '\0';
    }
    if (out->ipv6) {
        out->at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
        out->size = sizeof out->at.v6;
        return inet_pton(AF_INET6, host, &out->at.v6.sin6_addr) == 1 ? YL_OK : refuse(text);
    }
    out->at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    out->size = sizeof out->at.v4;
    return inet_pton(AF_INET, host, &out->at.v4.sin_addr) == 1 ? YL_OK : refuse(text);
}

static void describe(const yl_place *place, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (place->ipv6) {
        inet_ntop(AF_INET6, &place->at.v6.sin6_addr, host, sizeof host);
        snprintf(out, size, "http://[%s]:%d/", host, ntohs(place->at.v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &place->at.v4.sin_addr, host, sizeof host);
        snprintf(out, size, "http://%s:%d/", host, ntohs(place->at.v4.sin_port));
    }
}

yl_status yl__place_listen(yl_place *place, char *address, size_t size)
{
    int yes = 1;
    describe(place, address, size);
    place->listener = socket(place->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (place->listener < 0) return yl__fail(YL_IO, "serve: %s: %s", address, strerror(errno));
    setsockopt(place->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); /* a port that a run has just left */
    if (bind(place->listener, &place->at.any, place->size) != 0 || listen(place->listener, 16) != 0) {
        int why = errno;
        yl__place_close(place);
        if (why == EADDRINUSE)
            return yl__fail(YL_IO, "serve: %s is in use by another program; expected a free port (0 finds one)",
                            address);
        return yl__fail(YL_IO, "serve: cannot listen at %s: %s", address, strerror(why));
    }
    getsockname(place->listener, &place->at.any, &place->size); /* where the port was 0 */
    describe(place, address, size);
    return YL_OK;
}

void yl__place_close(yl_place *place)
{
    if (place->listener >= 0) close(place->listener);
    place->listener = -1;
}
