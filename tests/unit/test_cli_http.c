/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers are read whatever way their body ends, and errors say what was asked of whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/cli_dial.h"
#include "cli/cli_http.h"

/* A client whose peer has said `answer` already and, with `end`, nothing more to say. */
static struct cli_http *client(const char *answer, bool end, int *ret_peer)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[1], answer, strlen(answer)), strlen(answer));
    if (end)
        assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    *ret_peer = fds[1];
    return cli_http_adopt(fds[0]);
}

struct answer_case {
    const char *bytes;
    int status;       /* of cli_http_do */
    int reply_status; /* of HTTP */
    const char *body;
};

static const struct answer_case answer_cases[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntest", 0, 200, "test"},
    {"HTTP/1.1 200 OK\nContent-Length: 4\n\ntestmore", 0, 200, "test"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0, 404, ""},
    {"HTTP/1.1 204 None\r\n\r\n", 0, 204, ""},
    {"HTTP/1.0 200 OK\r\n\r\nto the end", 0, 200, "to the end"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
     "chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
     0, 200, "abc0123456789"},
    {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: "
     "1\r\n\r\n1\r\nx\r\n0\r\nTrailer: t\r\n\r\n",
     0, 200, "x"},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny", 0, 200, "y"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", ERR_CLOSED, 200, "cut"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", ERR_CLOSED, 200, "ab"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ERR_INVALID, 200, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n", ERR_INVALID, 0, ""},
    {"SSH-2.0-x\r\n", ERR_INVALID, 0, ""},
    {"HTTP/1.1 999 Odd\r\n\r\n", ERR_INVALID, 0, ""},
    {"", ERR_CLOSED, 0, ""},
};

static void test_answers(void **state)
{
    for (size_t i = 0; i < sizeof(answer_cases) / sizeof(*answer_cases); i++) {
        const struct answer_case *k = &answer_cases[i];
        struct error err = {0};
        struct cli_reply reply;
        int peer;
        struct cli_http *h = client(k->bytes, true, &peer);
        assert_int_equal(cli_http_do(h, "GET", STR_LIT("/v1/x"), NULL, &reply, &err), k->status);
        assert_int_equal(reply.status, k->reply_status);
        assert_true(str_eq_z(buf_str(&reply.body), k->body));
        if (k->status < 0)
            assert_non_null(strstr(err.text, "\"http://adopted/v1/x\": "));
        cli_reply_fini(&reply);
        cli_http_close(h);
        close(peer);
    }
    assert_int_equal(mem_outstanding(), 0);
}

/* What is sent, and that a kept connection serves a second request. */
static void test_request(void **state)
{
    static const char wanted[] =
        "PUT /v1/kv/a?flags=1 HTTP/1.1\r\nHost: adopted\r\nUser-Agent: disco\r\n"
        "Content-Length: 2\r\n\r\nhi";
    struct error err = {0};
    struct cli_reply reply;
    struct str body = STR_LIT("hi");
    char got[512];
    int peer;
    struct cli_http *h = client("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue", false, &peer);

    assert_int_equal(cli_http_do(h, "PUT", STR_LIT("/v1/kv/a?flags=1"), &body, &reply, &err), 0);
    assert_int_equal(read(peer, got, sizeof(got)), strlen(wanted));
    assert_memory_equal(got, wanted, strlen(wanted));
    cli_reply_fini(&reply);

    /* The peer leaves between two requests: noticed before anything is written. */
    close(peer);
    assert_int_equal(cli_http_do(h, "GET", STR_LIT("/v1/x"), NULL, &reply, &err), ERR_CLOSED);
    assert_string_equal(err.text, "Get \"http://adopted/v1/x\": closed");
    cli_reply_fini(&reply);
    cli_http_close(h);
    assert_int_equal(mem_outstanding(), 0);
}

static bool on_bytes(void *data, struct str bytes)
{
    buf_put_str(data, bytes);
    return ((struct buf *)data)->n < 5;
}

/* A stream ends when its reader has enough; another status is a plain reply. */
static void test_stream(void **state)
{
    struct error err = {0};
    struct cli_reply reply;
    struct buf got;
    int peer;

    buf_init(&got, 0);
    struct cli_http *h =
        client("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n3\r\n",
               false, &peer);
    assert_int_equal(cli_http_stream(h, "GET", STR_LIT("/v1/x"), on_bytes, &got, &reply, &err), 0);
    assert_true(str_eq_z(buf_str(&got), "abcdef"));
    cli_reply_fini(&reply);
    cli_http_close(h);
    close(peer);

    buf_clear(&got);
    h = client("HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno", false, &peer);
    assert_int_equal(cli_http_stream(h, "GET", STR_LIT("/v1/x"), on_bytes, &got, &reply, &err), 0);
    assert_int_equal(got.n, 0);
    assert_true(str_eq_z(buf_str(&reply.body), "no"));
    cli_reply_fini(&reply);
    cli_http_close(h);
    close(peer);
    buf_fini(&got);
    assert_int_equal(mem_outstanding(), 0);
}

static void test_params(void **state)
{
    struct buf url;

    buf_init(&url, 0);
    buf_put_z(&url, "/v1/kv/a");
    cli_http_param(&url, "recurse", NULL);
    cli_http_param(&url, "dc", "a&b");
    assert_true(str_eq_z(buf_str(&url), "/v1/kv/a?recurse&dc=a%26b"));
    buf_fini(&url);
}

static void test_addresses(void **state)
{
    static const struct {
        const char *address, *shown, *host, *port, *path;
    } cases[] = {
        {"127.0.0.1:8500", "127.0.0.1:8500", "127.0.0.1", "8500", NULL},
        {"http://h:1/", "h:1", "h", "1", NULL},
        {"tcp://h:1", "h:1", "h", "1", NULL},
        {"[::1]:8500", "[::1]:8500", "::1", "8500", NULL},
        {"h", "h:80", "h", "80", NULL},
        {"unix:///run/s", "%2Frun%2Fs", NULL, NULL, "/run/s"},
    };
    static const char *const bad[] = {"",        "h:0",     "h:65536",    "h:x",           ":80",
                                      "http://", "unix://", "http://h/p", "https://h:8501"};
    struct error err = {0};
    struct cli_dial d;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(cli_dial_parse(cases[i].address, &d, &err), 0);
        assert_string_equal(d.shown, cases[i].shown);
        assert_string_equal(d.host ? d.host : "", cases[i].host ? cases[i].host : "");
        assert_string_equal(d.port ? d.port : "", cases[i].port ? cases[i].port : "");
        assert_string_equal(d.path ? d.path : "", cases[i].path ? cases[i].path : "");
        cli_dial_fini(&d);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_true(cli_dial_parse(bad[i], &d, &err) < 0);
    assert_int_equal(mem_outstanding(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),   cmocka_unit_test(test_request),
        cmocka_unit_test(test_stream),    cmocka_unit_test(test_params),
        cmocka_unit_test(test_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
