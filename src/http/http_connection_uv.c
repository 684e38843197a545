/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/http_connection.h"

#define STUCK_SWEEPS_MAX 12 /* a minute */
#define IDLE_SWEEPS_MIN  2

struct connection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv; /* first: h2o gives it back to connection_free */
    struct list link;
    struct http_mark *mark;
    h2o_socket_t *socket;
    int idle_n;         /* sweeps in a row that found it idle */
    size_t unsent_size; /* at the last sweep */
    int stuck_n;        /* sweeps since it last was less */
};

void http_connection_init(struct http_connections *cs, void *uv_loop, h2o_context_t *context,
                          h2o_hostconf_t **hosts)
{
    *cs = (struct http_connections){.loop = uv_loop, .accept = {.ctx = context, .hosts = hosts}};
    list_init(&cs->all);
}

static struct connection *connection_new(struct http_connections *cs, bool is_unix)
{
    struct connection *c = mem_new(struct connection);

    list_init(&c->link);
    if (is_unix)
        uv_pipe_init(cs->loop, &c->uv.pipe, 0);
    else
        uv_tcp_init(cs->loop, &c->uv.tcp);
    return c;
}

static void connection_free(uv_handle_t *h)
{
    mem_free(h); /* the connection begins with it */
}

static void on_socket_closed(void *data)
{
    struct connection *c = data;

    list_remove(&c->link);
}

static h2o_socket_t *hand_to_h2o(struct http_connections *cs, struct connection *c,
                                 struct str input)
{
    h2o_socket_t *socket = h2o_uv_socket_create(&c->uv.stream, connection_free);

    c->socket = socket;
    list_push(&cs->all, &c->link);
    socket->on_close.cb = on_socket_closed;
    socket->on_close.data = c;
    if (input.n) {
        h2o_iovec_t space = h2o_buffer_reserve(&socket->input, input.n);

        memcpy(space.base, input.p, input.n);
        socket->input->size += input.n;
    }
    h2o_accept(&cs->accept, socket);
    return socket;
}

int http_connection_adopt(struct http_connections *cs, int fd, bool is_unix, struct str input,
                          struct http_mark *mark, h2o_socket_t **ret_socket)
{
    struct connection *c = connection_new(cs, is_unix);
    h2o_socket_t *socket;
    int r = is_unix ? uv_pipe_open(&c->uv.pipe, fd) : uv_tcp_open(&c->uv.tcp, fd);

    if (r) {
        uv_close(&c->uv.handle, connection_free);
        close(fd);
        return r;
    }
    c->mark = mark;
    socket = hand_to_h2o(cs, c, input);
    if (ret_socket)
        *ret_socket = socket;
    return 0;
}

struct http_mark *http_connection_take_mark(h2o_req_t *req)
{
    struct http_mark *mark;
    struct connection *c;

    if (req->version >= 0x200)
        return NULL;
    c = req->conn->callbacks->get_socket(req->conn)->on_close.data;
    mark = c->mark;
    c->mark = NULL;
    return mark;
}

/* h2o sets no time for a reply to be taken: a client that does not read would keep it for ever. */
void http_connection_cut_stuck(struct http_connections *cs)
{
    LIST_FOREACH (&cs->all, l) {
        struct connection *c = LIST_ITEM(l, struct connection, link);
        size_t unsent = uv_stream_get_write_queue_size(&c->uv.stream);
        uv_os_fd_t fd;

        c->stuck_n = unsent && unsent >= c->unsent_size ? c->stuck_n + 1 : 0;
        c->unsent_size = unsent;
        if (c->stuck_n >= STUCK_SWEEPS_MAX && uv_fileno(&c->uv.handle, &fd) == 0)
            shutdown(fd, SHUT_RDWR);
    }
}

/* HTTP/1, and nothing of a request read nor of a reply unsent. */
static bool is_idle(const h2o_socket_t *s, h2o_socket_cb on_read)
{
    return s->_cb.read == on_read && !s->_cb.write && s->input->size == 0 && !s->ssl;
}

void http_connection_take_idle(struct http_connections *cs, h2o_socket_cb on_read,
                               void (*take)(void *data, int fd, bool is_unix), void *data)
{
    LIST_FOREACH (&cs->all, l) {
        struct connection *c = LIST_ITEM(l, struct connection, link);
        bool is_unix = c->uv.handle.type == UV_NAMED_PIPE;
        int fd;

        c->idle_n = is_idle(c->socket, on_read) ? c->idle_n + 1 : 0;
        if (c->idle_n < IDLE_SWEEPS_MIN)
            continue;
        fd = fcntl(h2o_socket_get_fd(c->socket), F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return;
        on_read(c->socket, h2o_socket_error_closed);
        take(data, fd, is_unix);
    }
}

void http_connection_shut_all(struct http_connections *cs, int how)
{
    LIST_FOREACH (&cs->all, l) {
        struct connection *c = LIST_ITEM(l, struct connection, link);
        uv_os_fd_t fd;

        if (uv_fileno(&c->uv.handle, &fd) == 0)
            shutdown(fd, how);
    }
}
