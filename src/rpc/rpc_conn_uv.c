/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames on TCP: the first byte of a connection says that it carries them, then each frame has its
 * size in front (4 bytes, big-endian).
 *
 * Small frames that are sent in one turn leave in one write: they are gathered in `out` until the
 * loop is about to look for events again.
 */
#include <uv.h>

#include "base/buf.h"
#include "base/mem.h"
#include "rpc/rpc_conn.h"
#include "rpc/rpc_listen.h"

#define FRAME_SIZE_MAX ((size_t)68 << 20)
#define READ_SIZE      ((size_t)64 << 10)
#define OUT_POLITE     ((size_t)8 << 20)
#define OUT_MAX        ((size_t)160 << 20)
#define BACKLOG        512

struct rpc_conn {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct rpc_conn_hooks hooks;
    struct buf in, out, sending;
    size_t handled; /* bytes of `in` */
    bool is_open, is_writing, is_closing, expects_byte;
    int status;
};

struct rpc_listener {
    uv_tcp_t tcp;
    struct rpc_server *server;
    void (*closed)(void *data);
    void *data;
};

static void flush(struct rpc_conn *c);

static uint32_t get_u32(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void put_u32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (24 - 8 * i));
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *h)
{
    struct rpc_conn *c = h->data;
    struct rpc_conn_hooks hooks = c->hooks;
    int status = c->status;
    buf_fini(&c->in);
    buf_fini(&c->out);
    buf_fini(&c->sending);
    mem_free(c);
    hooks.closed(hooks.data, status);
}

static void close_with(struct rpc_conn *c, int status)
{
    if (c->is_closing)
        return;
    c->is_closing = true;
    c->status = status;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void conn_close(struct rpc_conn *c)
{
    close_with(c, 0);
}

/* ---- in ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    struct rpc_conn *c = h->data;
    (void)suggested;
    size_t room = READ_SIZE;
    if (c->in.n >= 4 && get_u32(c->in.p) + 4 > c->in.n + room)
        room = get_u32(c->in.p) + 4 - c->in.n;
    char *p = buf_reserve(&c->in, room);
    *ret = uv_buf_init(p, p ? (unsigned)room : 0);
}

static bool take_byte(struct rpc_conn *c)
{
    if (!c->expects_byte || c->in.n == 0)
        return true;
    if (c->in.p[0] != RPC_LISTEN_BYTE)
        return false;
    c->expects_byte = false;
    c->handled = 1;
    return true;
}

static void take_frames(struct rpc_conn *c)
{
    c->handled = 0;
    if (!take_byte(c)) {
        close_with(c, ERR_CORRUPT);
        return;
    }
    while (!c->is_closing && c->in.n - c->handled >= 4) {
        uint32_t size = get_u32(c->in.p + c->handled);
        if (size > FRAME_SIZE_MAX) {
            close_with(c, ERR_TOO_LARGE);
            return;
        }
        if (c->in.n - c->handled - 4 < size)
            break;
        struct str frame = str_make(c->in.p + c->handled + 4, size);
        c->handled += 4 + (size_t)size;
        c->hooks.frame(c->hooks.data, frame);
    }
    memmove(c->in.p, c->in.p + c->handled, c->in.n - c->handled);
    c->in.n -= c->handled;
    if (c->in.n == 0)
        buf_fini(&c->in); /* thousands of connections sleep: none keeps a buffer */
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct rpc_conn *c = s->data;
    (void)b;
    if (n < 0) {
        close_with(c, ERR_CLOSED);
        return;
    }
    c->in.n += (size_t)n;
    if (n > 0)
        take_frames(c);
}

static void on_accepted(struct rpc_conn *c)
{
    c->is_open = true;
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, 15);
    if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read))
        close_with(c, ERR_CLOSED);
}

/* ---- out ---- */

static void on_written(uv_write_t *w, int status)
{
    struct rpc_conn *c = w->data;
    c->is_writing = false;
    buf_fini(&c->sending);
    if (status)
        close_with(c, ERR_CLOSED);
    else
        flush(c);
}

static void flush(struct rpc_conn *c)
{
    if (!c->is_open || c->is_writing || c->is_closing || c->out.n == 0)
        return;
    uv_buf_t b = uv_buf_init(c->out.p, (unsigned)c->out.n);
    c->is_writing = true;
    c->sending = c->out;
    buf_init(&c->out, OUT_MAX);
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written)) {
        c->is_writing = false;
        close_with(c, ERR_CLOSED);
    }
}

static int conn_send(struct rpc_conn *c, struct str head, struct str body)
{
    char size[4];
    if (c->is_closing)
        return ERR_CLOSED;
    if (head.n + body.n > FRAME_SIZE_MAX)
        return ERR_TOO_LARGE;
    if (c->out.n + head.n + body.n + 4 > OUT_MAX)
        return ERR_BUSY;
    put_u32(size, (uint32_t)(head.n + body.n));
    buf_put(&c->out, size, sizeof size);
    buf_put_str(&c->out, head);
    buf_put_str(&c->out, body);
    flush(c);
    return 0;
}

static bool conn_is_full(const struct rpc_conn *c)
{
    return c->out.n + c->sending.n > OUT_POLITE;
}

/* ---- life ---- */

static struct rpc_conn *conn_new(uv_loop_t *loop, const struct rpc_conn_hooks *hooks)
{
    struct rpc_conn *c = mem_new(struct rpc_conn);
    c->hooks = *hooks;
    buf_init(&c->in, FRAME_SIZE_MAX + READ_SIZE + 8);
    buf_init(&c->out, OUT_MAX);
    buf_init(&c->sending, OUT_MAX);
    uv_tcp_init(loop, &c->tcp);
    c->tcp.data = c;
    return c;
}

static void on_connected(uv_connect_t *q, int status)
{
    struct rpc_conn *c = q->data;
    if (status) {
        close_with(c, status);
        return;
    }
    on_accepted(c);
    if (c->is_closing)
        return;
    c->hooks.opened(c->hooks.data);
    flush(c);
}

static struct rpc_conn *conn_dial(void *net, const struct addr *to,
                                  const struct rpc_conn_hooks *hooks)
{
    struct rpc_conn *c = conn_new(net, hooks);
    char byte = RPC_LISTEN_BYTE;
    buf_put(&c->out, &byte, 1);
    c->connect.data = c;
    int rc = uv_tcp_connect(&c->connect, &c->tcp, &to->u.sa, on_connected);
    if (rc)
        close_with(c, rc);
    return c;
}

const struct rpc_transport rpc_conn_transport = {conn_dial, conn_send, conn_close, conn_is_full};

static void on_connection(uv_stream_t *s, int status)
{
    struct rpc_listener *l = s->data;
    void *client;
    if (status)
        return;
    struct rpc_conn_hooks hooks = rpc_server_accept(l->server, &client);
    struct rpc_conn *c = conn_new(s->loop, &hooks);
    rpc_server_set_conn(client, c);
    c->expects_byte = true;
    if (uv_accept(s, (uv_stream_t *)&c->tcp))
        close_with(c, ERR_CLOSED);
    else
        on_accepted(c);
}

static void on_listener_closed(uv_handle_t *h)
{
    struct rpc_listener *l = h->data;
    void (*closed)(void *data) = l->closed;
    void *data = l->data;
    mem_free(l);
    if (closed)
        closed(data);
}

int rpc_conn_listen(void *uv_loop, const struct addr *addr, struct rpc_server *server,
                    struct rpc_listener **ret, struct error *err)
{
    struct rpc_listener *l = mem_new(struct rpc_listener);
    char text[ADDR_TEXT_MAX];
    l->server = server;
    uv_tcp_init(uv_loop, &l->tcp);
    l->tcp.data = l;
    int rc = uv_tcp_bind(&l->tcp, &addr->u.sa, 0);
    if (!rc)
        rc = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
    if (!rc) {
        *ret = l;
        return 0;
    }
    addr_format(addr, text);
    uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
    return error_set(err, rc, "listen tcp %s: %s", text, uv_strerror(rc));
}

void rpc_conn_listen_close(struct rpc_listener *l, void (*cb)(void *data), void *data)
{
    l->closed = cb;
    l->data = data;
    uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
}
