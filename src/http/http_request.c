/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who owns what:
 *
 *     h2o request ── pool ──> anchor ──> http_call ──owns──> api_call
 *          ^                                 │
 *          └──────────── req ────────────────┘   NULL once the request is gone
 *
 * A call owns itself until it is both answered and no longer needed by h2o. The request owns only
 * the anchor, whose dispose is the one sign that the request died, whether it was answered or the
 * client left. What the core is doing then goes on unheard; a parked read ends.
 *
 * A reply that is there at once and small needs none of it: it is copied into the request's pool.
 */
#include "config.h"

#include "http/http_request.h"

#include <poll.h>

#include "api/api.h"
#include "http/http_head.h"

#define REPLY_COPY_MAX ((size_t)4096)
#define GZIP_SIZE_MIN  ((size_t)1400) /* consul: gziphandler's default, one packet */
#define CROWD_SIZE_MIN 1024 /* so many calls fewer than at the peak: their memory is given back */
#define GZIP_QUALITY   1

struct anchor {
    struct http_call *call; /* NULL: it has no more interest in the request */
};

struct http_call {
    struct list link; /* of server->calls while not answered */
    struct http_server *server;
    h2o_req_t *req; /* NULL: gone */
    struct anchor *anchor;
    struct api_call *api;
    h2o_generator_t generator;
    /* a stream: what waits, what h2o has */
    struct buf waiting, sending;
    bool answered, is_sending, is_over;
};

static int on_request(h2o_handler_t *handler, h2o_req_t *req);
static void on_request_gone(void *anchor);
static void on_answer(struct api_call *api);
static void send_reply(struct http_server *s, h2o_req_t *req, struct api_call *api,
                       struct http_call *call);
static void stream_begin(struct http_call *c);
static bool stream_push(struct api_call *api, struct str bytes);
static void stream_end(struct api_call *api);
static void stream_flush(struct http_call *c);
static void stream_lost(struct http_call *c);
static void end_lost(struct http_server *s);

static const struct api_stream_door stream_door = {stream_push, stream_end};

struct handler {
    h2o_handler_t super;
    struct http_server *server;
};

void http_request_init(struct http_server *s, struct env *env)
{
    s->env = env;
    s->call_n = s->call_n_peak = 0;
    list_init(&s->calls);
}

void http_request_register(struct http_server *s, h2o_hostconf_t *host)
{
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    struct handler *h = (struct handler *)(void *)h2o_create_handler(path, sizeof(*h));

    h->super.on_req = on_request;
    h->server = s;
}

/* ---- in ---- */

static struct http_call *call_new(struct http_server *s, h2o_req_t *req, struct api_call *api)
{
    struct http_call *c = mem_new(struct http_call);

    c->server = s;
    c->req = req;
    c->api = api;
    api->door = c;
    buf_init(&c->waiting, API_STREAM_BACKLOG_MAX);
    buf_init(&c->sending, API_STREAM_BACKLOG_MAX);
    list_push(&s->calls, &c->link);
    if (++s->call_n > s->call_n_peak)
        s->call_n_peak = s->call_n;
    c->anchor = h2o_mem_alloc_shared(&req->pool, sizeof(*c->anchor), on_request_gone);
    c->anchor->call = c;
    return c;
}

static void call_free(struct http_call *c)
{
    if (list_is_linked(&c->link)) {
        list_remove(&c->link);
        c->server->call_n--;
    }
    if (c->anchor)
        c->anchor->call = NULL;
    buf_fini(&c->waiting);
    buf_fini(&c->sending);
    api_call_free(c->api);
    mem_free(c);
}

static void refuse(h2o_req_t *req, struct http_server *s)
{
    struct api_call *api = api_call_new(s->env);

    req->http1_is_persistent = 0; /* where the next request starts is a matter of opinion */
    api_empty(api, 400);
    send_reply(s, req, api, NULL);
    api_call_free(api);
}

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    struct http_server *s = ((struct handler *)(void *)handler)->server;
    struct api_call *api;

    if (!http_head_is_sound(req)) {
        refuse(req, s);
        return 0;
    }
    api = api_call_new(s->env);
    http_head_read(req, &api->request);
    api->done = on_answer;
    api->stream_door = &stream_door;
    if (!api_start(api)) {
        call_new(s, req, api);
    } else if (api->reply.is_stream) {
        stream_begin(call_new(s, req, api));
    } else if (api->reply.body.n <= REPLY_COPY_MAX) {
        send_reply(s, req, api, NULL);
        api_call_free(api);
    } else {
        send_reply(s, req, api, call_new(s, req, api));
    }
    return 0;
}

/* api's done: later than on_request, or from api_cancel. */
static void on_answer(struct api_call *api)
{
    struct http_call *c = api->door;

    if (!c->req) {
        if (api->reply.is_stream)
            api->stream_closed(api);
        call_free(c);
    } else if (api->reply.is_stream) {
        stream_begin(c);
    } else if (api->reply.body.n <= REPLY_COPY_MAX) {
        h2o_req_t *req = c->req;

        send_reply(c->server, req, api, NULL);
        call_free(c);
    } else {
        send_reply(c->server, c->req, api, c);
    }
}

static void on_request_gone(void *p)
{
    struct anchor *a = p;
    struct http_call *c = a->call;

    if (!c)
        return;
    a->call = NULL;
    c->anchor = NULL;
    c->req = NULL;
    if (c->api->reply.is_stream)
        stream_lost(c);
    else if (c->answered)
        call_free(c);
    else
        api_cancel(c->api); /* on_answer frees it, now or later */
}

/* ---- out ---- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {301, "Moved Permanently"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {413, "Request Entity Too Large"},
        {414, "Request URI Too Long"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Other";
}

/* HTTP/2 demands lower case; HTTP/1 is given the name as Consul writes it. */
static void put_header(h2o_req_t *req, const struct api_header *h)
{
    size_t n = strlen(h->name);
    char *lower = h2o_mem_alloc_pool(&req->pool, n + h->value.n + 1);

    str_lower(str_make(h->name, n), lower);
    if (h->value.n)
        memcpy(lower + n, h->value.p, h->value.n);
    h2o_add_header_by_str(&req->pool, &req->res.headers, lower, n, n <= 16, h->name, lower + n,
                          h->value.n);
}

static void put_head(h2o_req_t *req, const struct api_reply *r)
{
    req->res.status = r->status;
    req->res.reason = reason_of(r->status);
    for (int i = 0; i < r->header_n; i++)
        put_header(req, &r->headers[i]);
}

/* Whether the reply shall be sent compressed: consul does from one packet on. */
static bool is_compressed(h2o_req_t *req, const struct api_reply *r)
{
    if (r->body.n < GZIP_SIZE_MIN || !http_head_accepts_gzip(req))
        return false;
    for (int i = 0; i < r->header_n; i++)
        if (strcmp(r->headers[i].name, "Content-Encoding") == 0)
            return false;
    return true;
}

/* The body's pieces, in the request's pool, and their length. */
static h2o_iovec_t *compress(h2o_req_t *req, h2o_iovec_t body, size_t *ret_n, size_t *ret_size)
{
    h2o_compress_context_t *gzip = h2o_compress_gzip_open(&req->pool, GZIP_QUALITY);
    h2o_iovec_t *pieces;

    gzip->transform(gzip, &body, 1, H2O_SEND_STATE_FINAL, &pieces, ret_n);
    *ret_size = 0;
    for (size_t i = 0; i < *ret_n; i++)
        *ret_size += pieces[i].len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_ENCODING, "Content-Encoding",
                   H2O_STRLIT("gzip"));
    return pieces;
}

/* With a call its body is sent from where it is, and lives until the request is gone. */
static void send_reply(struct http_server *s, h2o_req_t *req, struct api_call *api,
                       struct http_call *call)
{
    const struct api_reply *r = &api->reply;
    h2o_iovec_t body = {r->body.p, r->body.n}, *pieces = &body;
    size_t piece_n = 1;

    put_head(req, r);
    req->res.content_length = body.len;
    if (call) {
        list_remove(&call->link);
        call->server->call_n--;
        call->answered = true;
    } else {
        body = h2o_strdup(&req->pool, body.base ? body.base : "", body.len);
    }
    if (is_compressed(req, r))
        pieces = compress(req, body, &piece_n, &req->res.content_length);
    if (api->request.method == API_HEAD)
        piece_n = 0;
    h2o_start_response(req, call ? &call->generator : &s->copied);
    h2o_send(req, pieces, piece_n, H2O_SEND_STATE_FINAL);
}

/* ---- streams ---- */

static struct http_call *call_of(h2o_generator_t *g)
{
    return LIST_ITEM(g, struct http_call, generator);
}

static void on_stream_sent(h2o_generator_t *g, h2o_req_t *req)
{
    struct http_call *c = call_of(g);

    (void)req;
    c->is_sending = false;
    buf_clear(&c->sending);
    if (c->req)
        stream_flush(c);
}

/* h2o: the client reset the stream; the request's end follows. */
static void on_stream_stopped(h2o_generator_t *g, h2o_req_t *req)
{
    (void)req;
    call_of(g)->req = NULL;
}

static void stream_begin(struct http_call *c)
{
    c->answered = true;
    c->generator.proceed = on_stream_sent;
    c->generator.stop = on_stream_stopped;
    put_head(c->req, &c->api->reply);
    c->req->http1_is_persistent = 0;
    h2o_start_response(c->req, &c->generator);
    buf_put_str(&c->waiting, buf_str(&c->api->reply.body));
    c->is_sending = true;
    h2o_send(c->req, NULL, 0, H2O_SEND_STATE_IN_PROGRESS);
}

static bool stream_push(struct api_call *api, struct str bytes)
{
    struct http_call *c = api->door;

    if (!c->req || c->is_over)
        return true;
    if (c->waiting.n + bytes.n > API_STREAM_BACKLOG_MAX)
        return false;
    buf_put_str(&c->waiting, bytes);
    stream_flush(c);
    return true;
}

static void stream_end(struct api_call *api)
{
    struct http_call *c = api->door;

    c->is_over = true;
    if (c->req)
        stream_flush(c);
}

static void stream_flush(struct http_call *c)
{
    struct buf full = c->waiting;
    h2o_iovec_t bytes = {full.p, full.n};

    if (c->is_sending || (full.n == 0 && !c->is_over))
        return;
    c->waiting = c->sending;
    c->sending = full;
    c->is_sending = true;
    h2o_send(c->req, &bytes, full.n ? 1 : 0,
             c->is_over ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

static void stream_lost(struct http_call *c)
{
    c->api->stream_closed(c->api);
    call_free(c);
}

/* ---- the dead and the end ---- */

static void end_call(struct http_call *c)
{
    if (!c->api->reply.is_stream)
        api_cancel(c->api);
    else
        stream_end(c->api);
}

void http_request_sweep(struct http_server *s)
{
    /* What the sweep before has ended is freed by now: h2o lets go when its write has failed. */
    if (s->call_n_peak - s->call_n >= CROWD_SIZE_MIN) {
        mem_trim();
        s->call_n_peak = s->call_n;
    }
    end_lost(s);
}

static void end_lost(struct http_server *s)
{
    struct pollfd *fds = mem_alloc(s->call_n * sizeof(*fds));
    struct http_call **calls = mem_alloc(s->call_n * sizeof(struct http_call *));
    nfds_t n = 0;

    LIST_FOREACH (&s->calls, l) {
        struct http_call *c = LIST_ITEM(l, struct http_call, link);

        if (!c->req || c->req->version >= 0x200 ||
            (!c->api->reply.is_stream && !api_is_parked(c->api)))
            continue;
        calls[n] = c;
        fds[n++] = (struct pollfd){
            .fd = h2o_socket_get_fd(c->req->conn->callbacks->get_socket(c->req->conn)),
            .events = POLLRDHUP,
        };
    }
    if (n && poll(fds, n, 0) > 0)
        for (nfds_t i = 0; i < n; i++)
            if (fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR))
                end_call(calls[i]);
    mem_free(fds);
    mem_free(calls);
}

void http_request_end_all(struct http_server *s)
{
    LIST_FOREACH (&s->calls, l) {
        end_call(LIST_ITEM(l, struct http_call, link));
    }
}
