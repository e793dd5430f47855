/* The server in a build that lacks its library. */
#include "serve/server.h"

bool yl_server_available(void)
{
    return false;
}

yl_status yl_server_start(const char *place, yl_server **out)
{
    (void)out;
    return yl__fail(
        YL_UNSUPPORTED,
        "serve=%s: this build cannot serve a page: install libmicrohttpd-dev, and configure and build again", place);
}

const char *yl_server_address(const yl_server *server)
{
    (void)server;
    return "";
}

yl_status yl_server_publish(yl_server *server, const char *path, const char *type, const void *bytes, int64_t size)
{
    (void)server, (void)path, (void)type, (void)bytes, (void)size;
    return YL_OK;
}

yl_status yl_server_publish_file(yl_server *server, const char *path, const char *type, const char *file)
{
    (void)server, (void)path, (void)type, (void)file;
    return YL_OK;
}

void yl_server_stop(yl_server *server)
{
    (void)server;
}
