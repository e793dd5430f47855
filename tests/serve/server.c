/* The server over a loopback socket: what was published and nothing else, whatever is asked. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/memory.h"
#include "serve/server.h"

static yl_server *start(const char *place)
{
    yl_server *server = NULL;
    if (yl_server_start(place, &server) != YL_OK) fail_msg("%s", yl_error());
    return server;
}

static int port_of(const yl_server *server)
{
    return (int)strtol(strrchr(yl_server_address(server), ':') + 1, NULL, 10);
}

/* Sends a request as it stands, and reads the answer to its end. */
static char *ask(int port, const char *request)
{
    static char answer[1 << 16];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval limit = {20, 0};
    size_t used = 0;
    ssize_t got;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(s, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(s, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while (used + 1 < sizeof answer && (got = recv(s, answer + used, sizeof answer - 1 - used, 0)) > 0)
        used += (size_t)got;
    answer[used] = '\0';
    close(s);
    return answer;
}

static char *ask_for(int port, const char *path)
{
    char request[512];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    return ask(port, request);
}

static void expect(int port, const char *path, const char *status, const char *text)
{
    const char *answer = ask_for(port, path);
    if (!strstr(answer, status) || !strstr(answer, text))
        fail_msg("%s: expected %s and %s, got %s", path, status, text, answer);
}

static void test_pages(void **state)
{
    (void)state;
    yl_server *server = start("0");
    int port = port_of(server);
    assert_string_equal(
        strncmp(yl_server_address(server), "http://127.0.0.1:", 17) == 0 ? "" : yl_server_address(server), "");
    assert_int_equal(yl_server_publish(server, "/", "text/html", "<p>one", 6), YL_OK);
    assert_int_equal(yl_server_publish(server, "/empty", "text/plain", "", 0), YL_OK);
    expect(port, "/", " 200 ", "\r\n\r\n<p>one");
    expect(port, "/?a=1", " 200 ", "<p>one");
    expect(port, "/", "Content-Type: text/html", "Content-Security-Policy: default-src 'none'");
    expect(port, "/", "Cache-Control: no-store", "nosniff");
    expect(port, "/empty", " 200 ", "Content-Length: 0");
    assert_int_equal(yl_server_publish(server, "/", "text/plain", "second", 6), YL_OK);
    expect(port, "/", "Content-Type: text/plain", "second");
    expect(port, "/none", " 404 ", "not found");
    yl_server_stop(server);
}

/* Files of a fixed list, read when they are asked for; no path leads anywhere else. */
static void test_files(void **state)
{
    char folder[] = "serve-XXXXXX", path[64], secret[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log.txt", folder);
    snprintf(secret, sizeof secret, "%s/secret.txt", folder);
    assert_int_equal(yl__file_write(secret, "hidden", 6), YL_OK);
    yl_server *server = start("127.0.0.1:0");
    int port = port_of(server);
    assert_int_equal(yl_server_publish_file(server, "/log.txt", "text/plain", path), YL_OK);
    expect(port, "/log.txt", " 404 ", "this file is not there yet");
    assert_int_equal(yl__file_write(path, "line 1\n", 7), YL_OK);
    expect(port, "/log.txt", " 200 ", "line 1\n");
    assert_int_equal(yl__file_write(path, "line 2\n", 7), YL_OK);
    expect(port, "/log.txt", " 200 ", "line 2\n");
    const char *const others[] = {
        "/secret.txt", "/../secret.txt", "/log.txt/../secret.txt", "/%2e%2e/secret.txt", "//log.txt", "/log.txt/",
        secret,        "/etc/passwd",    "/../../../../etc/passwd"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const char *answer = ask_for(port, others[i]);
        if (strstr(answer, "hidden") || strstr(answer, "root:") || strstr(answer, " 200 "))
            fail_msg("%s: got %s", others[i], answer);
    }
    yl_server_stop(server);
    remove(path);
    remove(secret);
    rmdir(folder);
}

static void test_other_requests(void **state)
{
    (void)state;
    yl_server *server = start("0");
    int port = port_of(server);
    assert_int_equal(yl_server_publish(server, "/", "text/plain", "page", 4), YL_OK);
    const char *answer = ask(port, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(answer, " 200 "));
    assert_null(strstr(answer, "page"));
    answer = ask(port, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    assert_non_null(strstr(answer, " 405 "));
    ask(port, "nonsense\r\n\r\n");
    ask(port, "GET\r\n\r\n");
    expect(port, "/", " 200 ", "page"); /* it is still there */
    yl_server_stop(server);
}

/* Reads while another thread writes: every answer is one of the snapshots, whole. */
static void *read_often(void *context)
{
    const int *port = context;
    size_t good = 0;
    for (int i = 0; i < 60; i++) {
        char answer[8192];
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
        const char *request = "GET /s HTTP/1.0\r\n\r\n", *body;
        size_t used = 0;
        ssize_t got;
        int s = socket(AF_INET, SOCK_STREAM, 0);
        inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
        if (connect(s, (struct sockaddr *)&at, sizeof at) != 0 || send(s, request, strlen(request), MSG_NOSIGNAL) < 0)
            break;
        while (used + 1 < sizeof answer && (got = recv(s, answer + used, sizeof answer - 1 - used, 0)) > 0)
            used += (size_t)got;
        answer[used] = '\0';
        close(s);
        body = strstr(answer, "\r\n\r\n");
        good += body && strlen(body + 4) == 4000 && strspn(body + 4, (char[]){body[4], 0}) == 4000;
    }
    return (void *)good;
}

static void test_snapshots(void **state)
{
    (void)state;
    char bytes[4000];
    yl_server *server = start("0");
    int port = port_of(server);
    pthread_t reader;
    void *good;
    memset(bytes, 'a', sizeof bytes);
    assert_int_equal(yl_server_publish(server, "/s", "text/plain", bytes, sizeof bytes), YL_OK);
    assert_int_equal(pthread_create(&reader, NULL, read_often, &port), 0);
    for (int i = 0; i < 5000; i++) {
        memset(bytes, 'a' + i % 26, sizeof bytes);
        assert_int_equal(yl_server_publish(server, "/s", "text/plain", bytes, sizeof bytes), YL_OK);
    }
    pthread_join(reader, &good);
    assert_int_equal((size_t)good, 60);
    yl_server_stop(server);
}

static void refused(const char *place, yl_status status, const char *sentence)
{
    yl_server *server = NULL;
    assert_int_equal(yl_server_start(place, &server), status);
    assert_null(server);
    if (!strstr(yl_error(), sentence)) fail_msg("%s: %s", place, yl_error());
}

static void test_places(void **state)
{
    (void)state;
    const char *const bad[] = {"",      "web",  "80 80", "70000",    "-1",    "localhost:80", "1.2.3:80", "::1:80",
                               "[::1]", "[::1", ":",     "1.2.3.4:", ":8080", "[x]:8080",     "8080x"};
    char place[64];
    int64_t held = yl__alloc_held();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(bad[i], YL_INVALID, "serve: expected [ADDRESS:]PORT");
    yl_server *server = start("0.0.0.0:0");
    assert_non_null(strstr(yl_server_address(server), "http://0.0.0.0:"));
    snprintf(place, sizeof place, "0.0.0.0:%d", port_of(server));
    refused(place, YL_IO, "is in use by another program");
    yl_server_stop(server);
    yl_server_stop(start(place)); /* and free again */
    assert_int_equal(yl__alloc_held(), held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pages), cmocka_unit_test(test_files),
                                       cmocka_unit_test(test_other_requests), cmocka_unit_test(test_snapshots),
                                       cmocka_unit_test(test_places)};
    yl_server *none;
    if (!yl_server_available()) {
        bool said = yl_server_start("0", &none) == YL_UNSUPPORTED && strstr(yl_error(), "install libmicrohttpd-dev");
        printf("skipped: this build lacks libmicrohttpd\n");
        return said ? 77 : 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
