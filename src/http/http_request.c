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

#include "agent/metrics.h"
#include "api/api.h"
#include "http/http_head.h"
#include "http/http_reply.h"

#define REPLY_COPY_MAX ((size_t)4096)
#define CROWD_SIZE_MIN 1024 /* so many calls fewer than at the peak: their memory is given back */

struct anchor {
    struct http_call *call; /* NULL: it has no more interest in the request */
};

struct http_call {
    struct list link; /* of a list of the server while not answered */
    struct http_server *server;
    h2o_req_t *req;            /* NULL: gone, or away */
    bool is_away;              /* the connection was taken out of h2o */
    struct http_parked parked; /* what there is of it then */
    struct http_mark mark;
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
static void take_out(struct http_call *c);
static void on_settle(struct timer *t, struct instant now);
static void on_lost(struct http_parked *p);
static void on_back(struct http_mark *mark, h2o_req_t *req);
static void come_back(struct http_call *c);

static const struct api_stream_door stream_door = {stream_push, stream_end};

struct handler {
    h2o_handler_t super;
    struct http_server *server;
};

void http_request_open(struct http_server *s, struct env *env, struct http_connections *cs)
{
    s->env = env;
    s->call_n = s->call_n_peak = s->taken_n = 0;
    list_init(&s->calls);
    list_init(&s->fresh);
    list_init(&s->away);
    s->settle.fire = on_settle;
    http_park_open(&s->park, cs, on_lost);
}

void http_request_close(struct http_server *s)
{
    timers_cancel(s->env->timers, &s->settle);
    http_park_close(&s->park);
}

void http_request_register(struct http_server *s, h2o_hostconf_t *host)
{
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    struct handler *h = (struct handler *)(void *)h2o_create_handler(path, sizeof(*h));

    h->super.on_req = on_request;
    h->server = s;
}

/* ---- in ---- */

static void anchor(struct http_call *c, h2o_req_t *req)
{
    c->req = req;
    c->anchor = h2o_mem_alloc_shared(&req->pool, sizeof(*c->anchor), on_request_gone);
    c->anchor->call = c;
}

static void unanchor(struct http_call *c)
{
    if (c->anchor)
        c->anchor->call = NULL;
    c->anchor = NULL;
    c->req = NULL;
}

static struct http_call *call_new(struct http_server *s, h2o_req_t *req, struct api_call *api)
{
    struct http_call *c = mem_new(struct http_call);

    c->server = s;
    c->api = api;
    api->door = c;
    buf_init(&c->waiting, API_STREAM_BACKLOG_MAX);
    buf_init(&c->sending, API_STREAM_BACKLOG_MAX);
    list_push(&s->calls, &c->link);
    if (++s->call_n > s->call_n_peak)
        s->call_n_peak = s->call_n;
    c->parked.fd = -1;
    c->mark.resume = on_back;
    anchor(c, req);
    return c;
}

static void call_free(struct http_call *c)
{
    if (list_is_linked(&c->link)) {
        list_remove(&c->link);
        c->server->call_n--;
    }
    unanchor(c);
    if (c->is_away)
        metrics_add(c->server->env->metrics, METRIC_HTTP_AWAY, -1);
    http_park_drop(&c->parked);
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

/* Within h2o's handler the connection cannot be taken out: in the next turn, if it still waits. */
static void wait_for_answer(struct http_call *c)
{
    struct http_server *s = c->server;

    if (!api_is_parked(c->api) || !s->park.on_read || c->req->version >= 0x200)
        return;
    list_remove(&c->link);
    list_push(&s->fresh, &c->link);
    if (!timers_is_set(&s->settle))
        timers_set(s->env->timers, &s->settle, s->env->now);
}

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    struct http_server *s = ((struct handler *)(void *)handler)->server;
    struct http_mark *mark = http_connection_take_mark(req);
    struct api_call *api;

    if (mark) {
        mark->resume(mark, req);
        return 0;
    }
    if (!http_head_is_sound(req)) {
        refuse(req, s);
        return 0;
    }
    api = api_call_new(s->env);
    http_head_read(req, &api->request);
    api->done = on_answer;
    api->stream_door = &stream_door;
    if (!api_start(api)) {
        wait_for_answer(call_new(s, req, api));
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

static void answer(struct http_call *c)
{
    struct api_call *api = c->api;

    if (api->reply.is_stream) {
        stream_begin(c);
    } else if (api->reply.body.n <= REPLY_COPY_MAX) {
        h2o_req_t *req = c->req;

        /* First: what h2o does with the reply may be the request's end. */
        unanchor(c);
        send_reply(c->server, req, api, NULL);
        call_free(c);
    } else {
        send_reply(c->server, c->req, api, c);
    }
}

/* api's done: later than on_request, or from api_cancel. */
static void on_answer(struct api_call *api)
{
    struct http_call *c = api->door;

    if (c->is_away && c->parked.fd >= 0) {
        come_back(c);
    } else if (c->req) {
        answer(c);
    } else {
        if (api->reply.is_stream)
            api->stream_closed(api);
        call_free(c);
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

/* With a call its body is sent from where it is, and lives until the request is gone. */
static void send_reply(struct http_server *s, h2o_req_t *req, struct api_call *api,
                       struct http_call *call)
{
    const struct api_reply *r = &api->reply;
    h2o_iovec_t body = {r->body.p, r->body.n}, *pieces = &body;
    size_t piece_n = 1;

    http_reply_put_head(req, r);
    req->res.content_length = body.len;
    if (call) {
        list_remove(&call->link);
        call->server->call_n--;
        call->answered = true;
    } else {
        body = h2o_strdup(&req->pool, body.base ? body.base : "", body.len);
    }
    if (http_reply_is_compressed(req, r))
        pieces = http_reply_compress(req, body, &piece_n, &req->res.content_length);
    if (api->request.method == API_HEAD || r->status == 304)
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
    http_reply_put_head(c->req, &c->api->reply);
    c->req->http1_is_persistent = 0;
    h2o_start_response(c->req, &c->generator);
    buf_put_str(&c->waiting, buf_str(&c->api->reply.body));
    c->is_sending = true;
    http_reply_send_head(c->req);
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
    if (s->call_n_peak - s->call_n >= CROWD_SIZE_MIN || s->taken_n >= CROWD_SIZE_MIN) {
        mem_trim(); /* a crowd that came at once filled h2o's memory, and left it when it parked */
        s->call_n_peak = s->call_n;
        s->taken_n = 0;
    }
    end_lost(s);
    LIST_FOREACH (&s->calls, l) { /* those that were at the core before they were parked */
        take_out(LIST_ITEM(l, struct http_call, link));
    }
}

/* Does it wait where h2o sees no hang-up? */
static bool waits_blindly(const struct http_call *c)
{
    return c->req && c->req->version < 0x200 && (c->api->reply.is_stream || api_is_parked(c->api));
}

static void end_lost(struct http_server *s)
{
    struct pollfd *fds = mem_alloc(s->call_n * sizeof(*fds));
    struct http_call **calls = mem_alloc(s->call_n * sizeof(struct http_call *));
    nfds_t n = 0;

    LIST_FOREACH (&s->calls, l) {
        struct http_call *c = LIST_ITEM(l, struct http_call, link);

        if (!waits_blindly(c))
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

static void end_list(struct list *calls)
{
    LIST_FOREACH (calls, l) {
        end_call(LIST_ITEM(l, struct http_call, link));
    }
}

void http_request_end_all(struct http_server *s)
{
    timers_cancel(s->env->timers, &s->settle);
    end_list(&s->fresh);
    end_list(&s->away);
    end_list(&s->calls);
}

/* ---- away ---- */

/* Takes the connection of a parked read out of h2o, if that is possible. */
static void take_out(struct http_call *c)
{
    struct http_server *s = c->server;
    struct anchor *a = c->anchor;

    if (!c->req || !api_is_parked(c->api))
        return;
    a->call = NULL; /* that the request goes now means nothing */
    if (!http_park_take(&s->park, c->req, c->api->request.is_unix, &c->parked)) {
        a->call = c;
        return;
    }
    c->anchor = NULL;
    c->req = NULL;
    c->is_away = true;
    s->taken_n++;
    metrics_add(s->env->metrics, METRIC_HTTP_AWAY, 1);
    list_remove(&c->link);
    list_push(&s->away, &c->link);
}

static void on_settle(struct timer *t, struct instant now)
{
    struct http_server *s = LIST_ITEM(t, struct http_server, settle);
    struct list *link;

    (void)now;
    while ((link = list_pop(&s->fresh)) != NULL) {
        list_push(&s->calls, link);
        take_out(LIST_ITEM(link, struct http_call, link));
    }
}

void http_request_settle(struct http_server *s)
{
    if (timers_is_set(&s->settle)) {
        timers_cancel(s->env->timers, &s->settle);
        on_settle(&s->settle, s->env->now);
    }
}

static void on_lost(struct http_parked *p)
{
    api_cancel(LIST_ITEM(p, struct http_call, parked)->api); /* on_answer frees it */
}

static void come_back(struct http_call *c)
{
    c->is_away = false;
    metrics_add(c->server->env->metrics, METRIC_HTTP_AWAY, -1);
    /* on_back answers; when h2o did not come to that, nobody can be told. */
    if (http_park_give_back(&c->server->park, &c->parked, &c->mark))
        call_free(c);
}

static void on_back(struct http_mark *mark, h2o_req_t *req)
{
    struct http_call *c = LIST_ITEM(mark, struct http_call, mark);

    anchor(c, req);
    answer(c);
}
