/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One HTTP check, or gRPC's, as a request of libcurl's.
 *
 * consul: checks.CheckHTTP, checks.CheckGRPC
 */
#include <stdio.h>
#include <sys/socket.h>

#include "check/web_curl.h"

#define TIMEOUT       DURATION_S(10)       /* consul: the default of CheckHTTP */
#define BODY_READ_MAX ((uint64_t)16 << 20) /* a larger body is cut off: the status is known */

struct request {
    struct check_run run;
    struct web *web;
    const struct curl *curl;
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    struct buf url, method, output, status_line, body;
    uint64_t total;
    bool is_grpc, too_long, starting, ended;
    long grpc_status; /* -1: none came */
    char error[CURL_ERROR_SIZE];
};

static struct request *of(struct check_run *run)
{
    return LIST_ITEM(run, struct request, run);
}

static void request_free(struct request *q)
{
    struct buf *bufs[] = {&q->url, &q->method, &q->output, &q->status_line, &q->body};
    if (q->easy) {
        q->curl->multi_remove_handle(web_curl_multi(q->web), q->easy);
        q->curl->easy_cleanup(q->easy);
    }
    q->curl->slist_free_all(q->headers);
    q->curl->slist_free_all(q->connect_to);
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        buf_fini(bufs[i]);
    runner_end(&q->run);
    mem_free(q);
}

static void on_cancel(struct check_run *run)
{
    request_free(of(run));
}

static void on_timeout(struct timer *t, struct instant now)
{
    (void)now;
    struct request *q = of(runner_of_timer(t));
    runner_tellf(&q->run, CHECK_CRITICAL,
                 "%s \"%.600s\": context deadline exceeded (Client.Timeout exceeded while awaiting "
                 "headers)",
                 q->is_grpc ? "grpc" : buf_z(&q->method), buf_z(&q->url));
    request_free(q);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
    struct request *q = data;
    size_t max = q->run.output_max;
    size *= n;
    q->total += size;
    buf_put(&q->output, bytes, size);
    if (q->output.n > 2 * max + 4096) { /* the last bytes are wanted */
        memmove(q->output.p, q->output.p + (q->output.n - max), max);
        q->output.n = max;
    }
    q->too_long = q->total > BODY_READ_MAX;
    return q->too_long ? 0 : size;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *data)
{
    struct request *q = data;
    struct str line = str_trim(str_make(bytes, size * n)), name = STR_LIT("grpc-status:");
    if (str_has_prefix(line, STR_LIT("HTTP/"))) {
        buf_clear(&q->status_line);
        buf_put_str(&q->status_line, str_take(line, 256));
    } else if (line.n > name.n && str_eq_nocase(str_take(line, name.n), name)) {
        uint64_t status;
        if (str_to_u64(str_trim(str_drop(line, name.n)), &status) == 0 && status < 100)
            q->grpc_status = (long)status;
    }
    return size * n;
}

/* Nothing of it is for programs that scripts start. */
static curl_socket_t on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)data, (void)purpose;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- results ---- */

/* "200 OK" of "HTTP/1.1 200 OK". */
static struct str status_text(struct request *q)
{
    struct str line = buf_str(&q->status_line);
    return str_drop(line, str_find(line, ' ', 0) + 1);
}

static void tell_http(struct request *q, long code)
{
    struct str status = status_text(q);
    enum check_status s = code >= 200 && code <= 299 ? CHECK_PASSING
                          : code == 429              ? CHECK_WARNING
                                                     : CHECK_CRITICAL;
    struct buf text;
    buf_init(&text, 0);
    buf_putf(&text, "HTTP %s %s: %.*s Output: ", buf_z(&q->method), buf_z(&q->url),
             STR_ARG(status));
    struct str body = buf_str(&q->output);
    size_t max = q->run.output_max;
    buf_put_str(&text, body.n > max ? str_drop(body, body.n - max) : body);
    runner_tell(&q->run, s, buf_str(&text));
    buf_fini(&text);
}

static void tell_grpc(struct request *q, long code)
{
    struct str target = q->run.type->grpc;
    struct str body = buf_str(&q->output);
    /* frame: not compressed, length; message: field 1, a small number. An empty one is UNKNOWN. */
    int serving = body.n >= 7 && body.p[0] == 0 && body.p[5] == 0x08 ? body.p[6] : 0;
    if (code != 200 || q->grpc_status > 0)
        runner_tellf(&q->run, CHECK_CRITICAL, "gRPC check %.*s: HTTP status %ld, gRPC status %ld",
                     STR_ARG(target), code, q->grpc_status);
    else if (serving != 1)
        runner_tellf(&q->run, CHECK_CRITICAL,
                     "gRPC check %.*s: gRPC serving status %d, want 1 (SERVING)", STR_ARG(target),
                     serving);
    else
        runner_tellf(&q->run, CHECK_PASSING, "gRPC check %.*s: success", STR_ARG(target));
}

static void tell_failure(struct request *q, CURLcode rc)
{
    const char *why = q->error[0] ? q->error : q->curl->easy_strerror(rc);
    if (q->is_grpc)
        runner_tellf(&q->run, CHECK_CRITICAL, "gRPC check %.*s: %s", STR_ARG(q->run.type->grpc),
                     why);
    else
        runner_tellf(&q->run, CHECK_CRITICAL, "%s \"%.600s\": %s", buf_z(&q->method),
                     buf_z(&q->url), why);
}

void web_curl_done(CURL *easy, const struct curl *curl, CURLcode rc)
{
    struct request *q = NULL;
    long code = 0;
    curl->easy_getinfo(easy, CURLINFO_PRIVATE, &q);
    curl->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    if (rc == CURLE_WRITE_ERROR && q->too_long)
        rc = CURLE_OK;
    if (rc)
        tell_failure(q, rc);
    else if (q->is_grpc)
        tell_grpc(q, code);
    else
        tell_http(q, code);
    request_free(q);
}

/* ---- start ---- */

/* libcurl's notation: "Name: value", or "Name;" for an empty one. */
static void add_header(struct request *q, struct str name, struct str value)
{
    struct buf line;
    buf_init(&line, 0);
    buf_put_str(&line, name);
    buf_put_z(&line, value.n ? ": " : ";");
    buf_put_str(&line, value);
    struct str text = buf_str(&line);
    if (str_find(text, '\n', 0) == text.n && str_find(text, '\r', 0) == text.n)
        q->headers = q->curl->slist_append(q->headers, buf_z(&line));
    buf_fini(&line);
}

static bool has_header(const struct check_type *t, const char *name)
{
    for (size_t i = 0; i < t->header_n; i++)
        if (str_eq_nocase(t->headers[i].name, str_z(name)))
            return true;
    return false;
}

/* The name in the certificate and in SNI is the URL's for libcurl: so the URL gets the name, and
 * the connection goes to the URL's real host. */
static void set_server_name(struct request *q, struct str name)
{
    CURLU *u = q->curl->url();
    char *host = NULL, *port = NULL, *url = NULL;
    char server[256];
    if (u && str_copy_z(name, server, sizeof server) &&
        q->curl->url_set(u, CURLUPART_URL, buf_z(&q->url), 0) == CURLUE_OK &&
        q->curl->url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        q->curl->url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        q->curl->url_set(u, CURLUPART_HOST, server, 0) == CURLUE_OK &&
        q->curl->url_get(u, CURLUPART_URL, &url, 0) == CURLUE_OK) {
        struct buf to;
        buf_init(&to, 0);
        buf_putf(&to, "::%s:%s", host, port);
        q->connect_to = q->curl->slist_append(NULL, buf_z(&to));
        buf_fini(&to);
        q->curl->easy_setopt(q->easy, CURLOPT_CONNECT_TO, q->connect_to);
        q->curl->easy_setopt(q->easy, CURLOPT_URL, url);
        if (!has_header(q->run.type, "Host")) {
            buf_init(&to, 0);
            buf_putf(&to, "%s:%s", host, port);
            add_header(q, STR_LIT("Host"), buf_str(&to));
            buf_fini(&to);
        }
    }
    q->curl->free(host);
    q->curl->free(port);
    q->curl->free(url);
    q->curl->url_cleanup(u);
}

static void set_common(struct request *q)
{
    const struct check_type *t = q->run.type;
    CURL *e = q->easy;
    q->curl->easy_setopt(e, CURLOPT_PRIVATE, q);
    q->curl->easy_setopt(e, CURLOPT_ERRORBUFFER, q->error);
    q->curl->easy_setopt(e, CURLOPT_URL, buf_z(&q->url));
    q->curl->easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    q->curl->easy_setopt(e, CURLOPT_PROXY, "");
    q->curl->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    q->curl->easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    q->curl->easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    q->curl->easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    q->curl->easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    q->curl->easy_setopt(e, CURLOPT_WRITEDATA, q);
    q->curl->easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    q->curl->easy_setopt(e, CURLOPT_HEADERDATA, q);
    if (t->tls_skip_verify) {
        q->curl->easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        q->curl->easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (t->tls_server_name.n)
        set_server_name(q, t->tls_server_name);
}

static void set_http(struct request *q)
{
    const struct check_type *t = q->run.type;
    CURL *e = q->easy;
    for (size_t i = 0; i < t->header_n; i++)
        add_header(q, t->headers[i].name, t->headers[i].value);
    if (!has_header(t, "User-Agent"))
        add_header(q, STR_LIT("User-Agent"), STR_LIT("Consul Health Check"));
    if (!has_header(t, "Accept"))
        add_header(q, STR_LIT("Accept"), STR_LIT("text/plain, text/*, */*"));
    if (!has_header(t, "Connection"))
        add_header(q, STR_LIT("Connection"), STR_LIT("close"));
    if (!has_header(t, "Content-Type"))
        q->headers = q->curl->slist_append(q->headers, "Content-Type:");
    q->headers = q->curl->slist_append(q->headers, "Expect:");
    if (!has_header(t, "Accept-Encoding"))
        q->curl->easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
    q->curl->easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    if (t->body.n) {
        q->curl->easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.n);
        q->curl->easy_setopt(e, CURLOPT_POSTFIELDS, t->body.p);
    }
    if (str_eq_z(buf_str(&q->method), "HEAD"))
        q->curl->easy_setopt(e, CURLOPT_NOBODY, 1L);
    else
        q->curl->easy_setopt(e, CURLOPT_CUSTOMREQUEST, buf_z(&q->method));
}

/* "host:port/service" */
static void set_grpc(struct request *q)
{
    struct str target = q->run.type->grpc, service = target;
    struct str host = str_split(&service, '/');
    CURL *e = q->easy;
    buf_clear(&q->url);
    buf_putf(&q->url, "%s://%.*s/grpc.health.v1.Health/Check",
             q->run.type->grpc_use_tls ? "https" : "http", STR_ARG(host));
    q->curl->easy_setopt(e, CURLOPT_URL, buf_z(&q->url));
    service = str_take(service.p ? service : STR_LIT(""), 127);
    buf_put_u8(&q->body, 0);
    buf_put_u32(&q->body, service.n ? (uint32_t)service.n + 2 : 0);
    if (service.n) {
        buf_put_u8(&q->body, 0x0a);
        buf_put_u8(&q->body, (uint8_t)service.n);
        buf_put_str(&q->body, service);
    }
    q->curl->easy_setopt(e, CURLOPT_HTTP_VERSION,
                         q->run.type->grpc_use_tls ? CURL_HTTP_VERSION_2TLS
                                                   : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    q->curl->easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
    q->curl->easy_setopt(e, CURLOPT_POSTFIELDS, q->body.p);
    q->headers = q->curl->slist_append(q->headers, "Content-Type: application/grpc");
    q->headers = q->curl->slist_append(q->headers, "TE: trailers");
}

struct check_run *web_start(const struct check_run *run)
{
    struct web *w = runner_web(run->runner);
    const char *why;
    const struct curl *curl = web_curl_get(w, &why);
    if (!curl) {
        run->done(run->done_data, CHECK_CRITICAL, str_z(why));
        return NULL;
    }
    struct request *q = mem_new(struct request);
    const struct check_type *t = run->type;
    struct buf *bufs[] = {&q->url, &q->method, &q->output, &q->status_line, &q->body};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        buf_init(bufs[i], 0);
    q->run = *run;
    q->run.cancel = on_cancel;
    q->web = w;
    q->curl = curl;
    q->grpc_status = -1;
    q->is_grpc = t->http.n == 0;
    q->easy = q->curl->easy_init();
    buf_put_str(&q->url, t->http);
    buf_put_str(&q->method, t->method.n ? t->method : STR_LIT("GET"));
    runner_begin(run->runner, &q->run);
    ASSERT(q->easy);
    if (q->is_grpc)
        set_grpc(q);
    set_common(q);
    if (!q->is_grpc)
        set_http(q);
    q->curl->easy_setopt(q->easy, CURLOPT_HTTPHEADER, q->headers);
    runner_set_timeout(&q->run, TIMEOUT, on_timeout);
    /* it sets a timeout of 0 and does nothing yet: no result comes from inside */
    if (q->curl->multi_add_handle(web_curl_multi(q->web), q->easy) != CURLM_OK) {
        runner_tell(&q->run, CHECK_CRITICAL, STR_LIT("libcurl does not take the request"));
        request_free(q);
        return NULL;
    }
    return &q->run;
}
