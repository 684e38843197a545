/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/http_park.h"

#define INPUT_SIZE_MAX ((size_t)2048) /* more costs as much as h2o does */
#define EVENTS_MAX     256

struct probe {
    struct http_mark mark;
    h2o_req_t *req;
};

static bool probe(struct http_park *park);

/* ---- who hung up ---- */

static void on_events(uv_poll_t *watch, int status, int uv_events)
{
    struct http_park *park = watch->data;
    struct epoll_event events[EVENTS_MAX];
    int n;

    (void)status;
    (void)uv_events;
    /* Level-triggered: what does not fit comes in the next turn. */
    n = epoll_wait(park->epoll, events, EVENTS_MAX, 0);
    for (int i = 0; i < n; i++) {
        struct http_parked *p = events[i].data.ptr;

        http_park_drop(p);
        park->lost(p);
    }
}

static void on_watch_closed(uv_handle_t *h)
{
    mem_free(h);
}

static int watch_open(struct http_park *park)
{
    uv_poll_t *watch;
    int r;

    park->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (park->epoll < 0)
        return -errno;
    watch = mem_new(uv_poll_t);
    r = uv_poll_init(park->connections->loop, watch, park->epoll);
    if (r) {
        mem_free(watch);
        close(park->epoll);
        park->epoll = -1;
        return r;
    }
    watch->data = park;
    park->watch = watch;
    return uv_poll_start(watch, UV_READABLE, on_events);
}

void http_park_open(struct http_park *park, struct http_connections *cs,
                    void (*lost)(struct http_parked *p))
{
    int r;

    *park = (struct http_park){.connections = cs, .epoll = -1, .lost = lost};
    r = watch_open(park);
    if (r || !probe(park)) {
        log_warn("agent.http", "waiting requests keep their libh2o connection: %s",
                 r ? error_text(r) : "this libh2o does not let go of it");
        park->on_read = NULL;
    }
}

void http_park_close(struct http_park *park)
{
    if (park->watch)
        uv_close(park->watch, on_watch_closed);
    if (park->epoll >= 0)
        close(park->epoll);
    *park = (struct http_park){.epoll = -1};
}

/* ---- out and back ---- */

void http_park_drop(struct http_parked *p)
{
    if (p->fd >= 0)
        close(p->fd); /* which also takes it off the epoll set: there is no other duplicate */
    p->fd = -1;
    mem_free(p->input);
    p->input = NULL;
}

/* Only where the bytes that h2o has read are still what the client sent (a body is decoded in its
 * place, HTTP/2 has other bytes), and nothing was answered yet. */
static bool can_take(const struct http_park *park, h2o_req_t *req, h2o_socket_t *socket)
{
    return park->on_read && req->version < 0x200 && !socket->ssl && !req->entity.base &&
           !req->upgrade.base && !socket->_cb.read && !socket->_cb.write && req->bytes_sent == 0 &&
           socket->input->size && socket->input->size <= INPUT_SIZE_MAX;
}

static int watch_add(struct http_park *park, struct http_parked *p)
{
    struct epoll_event e = {.events = EPOLLRDHUP, .data.ptr = p};

    return epoll_ctl(park->epoll, EPOLL_CTL_ADD, p->fd, &e) ? -errno : 0;
}

bool http_park_take(struct http_park *park, h2o_req_t *req, bool is_unix, struct http_parked *ret)
{
    h2o_socket_t *socket;

    if (req->version >= 0x200)
        return false;
    socket = req->conn->callbacks->get_socket(req->conn);
    if (!can_take(park, req, socket))
        return false;
    *ret = (struct http_parked){
        .fd = fcntl(h2o_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0),
        .is_unix = is_unix,
    };
    if (ret->fd < 0)
        return false;
    if (watch_add(park, ret)) {
        http_park_drop(ret);
        return false;
    }
    ret->input_n = socket->input->size;
    ret->input = mem_dup(socket->input->bytes, ret->input_n);
    park->on_read(socket, h2o_socket_error_closed);
    return true;
}

int http_park_give_back(struct http_park *park, struct http_parked *p, struct http_mark *mark)
{
    struct http_parked was = *p; /* whoever is handed the request may free p */
    struct str input = str_make(was.input, was.input_n);
    int r;

    p->fd = -1;
    p->input = NULL;
    /* Before libuv adds it to its own set, and it is no longer ours to watch. */
    (void)epoll_ctl(park->epoll, EPOLL_CTL_DEL, was.fd, NULL);
    r = http_connection_adopt(park->connections, was.fd, was.is_unix, input, mark, NULL);
    mem_free(was.input);
    return r;
}

/* ---- does this libh2o do as expected? ---- */

static void on_probe(struct http_mark *mark, h2o_req_t *req)
{
    LIST_ITEM(mark, struct probe, mark)->req = req;
}

static bool input_is(const h2o_socket_t *socket, struct str text)
{
    return socket->input->size == text.n && memcmp(socket->input->bytes, text.p, text.n) == 0;
}

/* A request is read, waits, and is taken out; is the descriptor then open, quiet and h2o's list
 * empty? And does a connection made of it find the request again? */
static bool probe_out_and_back(struct http_park *park, struct probe *p, h2o_socket_t *socket,
                               int peer)
{
    static const struct str text = {"GET /v1/probe HTTP/1.1\r\n\r\n", 26};
    h2o_iovec_t space = h2o_buffer_reserve(&socket->input, text.n);
    struct http_parked parked;
    char byte;

    memcpy(space.base, text.p, text.n);
    socket->input->size = text.n;
    park->on_read(socket, NULL);
    if (!p->req || !input_is(socket, text) || !http_park_take(park, p->req, true, &parked))
        return false;
    p->req = NULL;
    if (!h2o_linklist_is_empty(&park->connections->accept.ctx->http1._conns) ||
        recv(peer, &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN) {
        http_park_drop(&parked);
        return false;
    }
    if (http_park_give_back(park, &parked, &p->mark) || !p->req)
        return false;
    socket = p->req->conn->callbacks->get_socket(p->req->conn);
    if (!input_is(socket, text) || socket->_cb.read)
        return false;
    p->req = NULL;
    park->on_read(socket, h2o_socket_error_closed);
    return h2o_linklist_is_empty(&park->connections->accept.ctx->http1._conns);
}

static bool probe(struct http_park *park)
{
    struct probe p = {.mark.resume = on_probe};
    h2o_socket_t *socket;
    int pair[2];
    bool ok;

    if (H2O_VERSION_MAJOR != 2 || H2O_VERSION_MINOR != 2)
        return false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return false;
    if (http_connection_adopt(park->connections, pair[0], true, STR_NONE, &p.mark, &socket)) {
        close(pair[1]);
        return false;
    }
    park->on_read = socket->_cb.read;
    ok = park->on_read && probe_out_and_back(park, &p, socket, pair[1]);
    if (p.req) /* or it would wait for ever */
        h2o_send_error_503(p.req, "Service Unavailable", "", H2O_SEND_ERROR_HTTP1_CLOSE_CONNECTION);
    close(pair[1]);
    return ok;
}
