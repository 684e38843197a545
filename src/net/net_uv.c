/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (tidy: long because no header may name uv, and these are one object's calls.)
 *
 * The life of a connection:
 *
 *     accepted ── first byte ──> OPEN ──> net_close, error, end ──> CLOSING ──> closed()
 *     dialled ─── connected ───────^
 *
 * Frames are written straight into `out`. A flush tries to hand all of it to the kernel at once;
 * what the kernel does not take moves to `writing` and out of the caller's reach until the kernel
 * took it, and what comes meanwhile collects in `out` for one write. TLS would stand between `out`
 * and the kernel: nothing above would see it.
 *
 * One timer looks at all connections once a second while there are any; deadlines are that coarse.
 */
#include <uv.h>

#include "base/list.h"
#include "base/mem.h"
#include "net/net.h"
#include "net/net_complaint.h"
#include "net/net_deadline.h"
#include "net/net_frame.h"

#define LOG           "agent.server.net"
#define ACCEPTED_MAX  4096
#define PER_PEER_MAX  128
#define PROTOCOLS_MAX 8
#define LISTENERS_MAX 8
#define BACKLOG       512
#define READ_SIZE     ((size_t)64 << 10)
#define SWEEP         DURATION_S(1)
#define KEEPALIVE_S   15

struct net_conn {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct net *net;
    struct list link, dirty;
    const struct net_protocol *protocol; /* NULL: the first byte has not come */
    const struct net_handler *handler;
    void *data;
    struct addr addr;
    char peer[ADDR_TEXT_MAX];
    bool accepted, connected, in_write, paused, refused, leaving, resets, closing;
    int status;
    struct net_frame_reader reader;
    struct buf out, writing;
    size_t frame_at;
    struct net_deadline deadline;
};

struct net {
    uv_loop_t *loop;
    uv_prepare_t prepare;
    uv_tcp_t listeners[LISTENERS_MAX];
    int listener_n, handles_n, protocol_n;
    struct net_options options;
    struct timers *timers;
    struct timer sweep;
    struct net_complaint complaint;
    const struct net_protocol *protocols[PROTOCOLS_MAX];
    struct list conns, dirty;
    uint32_t accepted_n;
    uint16_t port;
    struct net_stats stats;
    bool stopping;
    void (*stopped)(void *data);
    void *stopped_data;
    char scratch[READ_SIZE];
};

static void conn_fail(struct net_conn *c, int status);
static void conn_flush(struct net_conn *c);
static void stop_if_done(struct net *n);

static void conn_bad(struct net_conn *c, int status, const char *what)
{
    if (c->closing)
        return;
    c->net->stats.bad++;
    net_complaint_say(&c->net->complaint, clock_now(), c->peer, what);
    conn_fail(c, status);
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *h)
{
    struct net_conn *c = h->data;
    struct net *n = c->net;

    list_remove(&c->link);
    n->stats.open--;
    if (c->accepted)
        n->accepted_n--;
    if (c->handler)
        c->handler->closed(c->data, c, c->status);
    net_frame_fini(&c->reader);
    buf_fini(&c->out);
    buf_fini(&c->writing);
    mem_free(c);
    stop_if_done(n);
}

static void conn_fail(struct net_conn *c, int status)
{
    if (c->closing)
        return;
    c->closing = true;
    c->status = status;
    list_remove(&c->dirty);
    if (!c->resets || uv_tcp_close_reset(&c->tcp, on_closed) < 0)
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void net_abort(struct net_conn *c)
{
    c->resets = c->connected;
    conn_fail(c, ERR_TIMEOUT);
}

void net_close(struct net_conn *c, bool graceful)
{
    if (c->closing || c->leaving)
        return;
    if (graceful && c->connected) {
        conn_flush(c);
        if (!c->closing && net_queued(c)) {
            c->leaving = true;
            uv_read_stop((uv_stream_t *)&c->tcp);
            return;
        }
    }
    conn_fail(c, 0);
}

/* ---- writing ---- */

size_t net_queued(const struct net_conn *c)
{
    return c->out.n + (c->in_write ? c->tcp.write_queue_size : 0);
}

static void after_write(struct net_conn *c)
{
    size_t left = net_queued(c);

    if (c->leaving && left == 0) {
        conn_fail(c, 0);
        return;
    }
    if (!c->refused || !c->protocol || left > c->protocol->queue_max / 2)
        return;
    c->refused = false;
    if (c->handler->drained)
        c->handler->drained(c->data, c);
}

static void on_written(uv_write_t *w, int status)
{
    struct net_conn *c = w->data;

    c->in_write = false;
    if (c->writing.cap > (size_t)1 << 20)
        buf_fini(&c->writing);
    else
        buf_clear(&c->writing);
    if (status < 0) {
        conn_fail(c, status);
        return;
    }
    if (c->closing)
        return;
    conn_flush(c);
    if (!c->closing)
        after_write(c);
}

static void conn_flush(struct net_conn *c)
{
    list_remove(&c->dirty);
    if (c->closing || c->in_write || !c->connected || c->out.n == 0)
        return;
    uv_buf_t b = uv_buf_init(c->out.p, (unsigned)c->out.n);
    int sent = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
        conn_fail(c, sent);
        return;
    }
    size_t n = sent > 0 ? (size_t)sent : 0;
    c->net->stats.bytes_out += c->out.n;
    if (n == c->out.n) {
        if (c->out.cap > (size_t)1 << 20)
            buf_fini(&c->out);
        else
            buf_clear(&c->out);
        return;
    }
    struct buf swap = c->writing;
    c->writing = c->out;
    c->out = swap;
    b = uv_buf_init(c->writing.p + n, (unsigned)(c->writing.n - n));
    c->in_write = true;
    c->write.data = c;
    int rc = uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written);
    if (rc < 0) {
        c->in_write = false;
        conn_fail(c, rc);
    }
}

void net_flush(struct net *n)
{
    struct list *l;

    while ((l = list_first(&n->dirty)) != NULL)
        conn_flush(LIST_ITEM(l, struct net_conn, dirty));
}

struct buf *net_begin(struct net_conn *c)
{
    c->frame_at = net_frame_begin(&c->out);
    return &c->out;
}

int net_end(struct net_conn *c)
{
    int rc = net_frame_end(&c->out, c->frame_at, c->protocol ? c->protocol->frame_max : 0);
    size_t size = c->out.n - c->frame_at;

    if (rc == 0 && (c->closing || c->leaving))
        rc = ERR_CLOSED;
    if (rc == 0 && net_queued(c) > c->protocol->queue_max && net_queued(c) > size) {
        c->refused = true;
        rc = ERR_BUSY;
    }
    if (rc < 0) {
        c->out.n = c->frame_at;
        return rc;
    }
    c->net->stats.frames_out++;
    if (!list_is_linked(&c->dirty))
        list_push(&c->net->dirty, &c->dirty);
    return 0;
}

int net_send(struct net_conn *c, struct str payload)
{
    buf_put_str(net_begin(c), payload);
    return net_end(c);
}

/* ---- reading ---- */

static int on_frame(void *data, struct str payload)
{
    struct net_conn *c = data;

    c->net->stats.frames_in++;
    c->handler->frame(c->data, c, payload);
    return c->closing || c->leaving ? ERR_CLOSED : 0;
}

static const struct net_protocol *protocol_find(const struct net *n, uint8_t byte)
{
    for (int i = 0; i < n->protocol_n; i++)
        if ((uint8_t)n->protocols[i]->byte == byte)
            return n->protocols[i];
    return NULL;
}

/* False: it is closed. */
static bool take_first_byte(struct net_conn *c, struct str *bytes)
{
    const struct net_protocol *p = protocol_find(c->net, (uint8_t)bytes->p[0]);

    if (!p || !p->accept) {
        conn_bad(c, ERR_CORRUPT, "its first byte is no protocol of this port");
        return false;
    }
    *bytes = str_drop(*bytes, 1);
    c->protocol = p;
    net_frame_init(&c->reader, p->frame_max);
    if (!p->accept(p->data, c, &c->handler, &c->data)) {
        c->handler = NULL;
        c->net->stats.refused++;
        conn_fail(c, 0);
    }
    return !c->closing;
}

static void take(struct net_conn *c, struct str bytes)
{
    c->net->stats.bytes_in += bytes.n;
    if (!c->protocol && !take_first_byte(c, &bytes))
        return;
    int rc = net_frame_feed(&c->reader, bytes, on_frame, c);
    if (rc == ERR_TOO_LARGE)
        conn_bad(c, rc, "a frame is larger than its protocol allows");
    else if (rc == ERR_CORRUPT)
        conn_bad(c, rc, "a frame is damaged");
    net_deadline_heard(&c->deadline, clock_now(), net_frame_is_partial(&c->reader));
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
    struct net_conn *c = h->data;

    (void)hint;
    *ret = uv_buf_init(c->net->scratch, READ_SIZE);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct net_conn *c = s->data;

    if (n > 0)
        take(c, (struct str){b->base, (size_t)n});
    else if (n == UV_EOF)
        conn_fail(c, c->protocol && net_frame_is_partial(&c->reader) ? ERR_CLOSED : 0);
    else if (n < 0)
        conn_fail(c, (int)n);
}

void net_pause(struct net_conn *c, bool paused)
{
    if (c->closing || c->leaving || !c->connected || c->paused == paused)
        return;
    c->paused = paused;
    if (paused)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* ---- opening ---- */

static struct net_conn *conn_new(struct net *n)
{
    struct net_conn *c = mem_new(struct net_conn);

    c->net = n;
    list_init(&c->dirty);
    list_push(&n->conns, &c->link);
    uv_tcp_init(n->loop, &c->tcp); /* without flags it only fills in the handle */
    c->tcp.data = c;
    net_deadline_begin(&c->deadline, clock_now());
    buf_init(&c->out, 0);
    buf_init(&c->writing, 0);
    n->stats.open++;
    if (!timers_is_set(&n->sweep))
        timers_set(n->timers, &n->sweep, instant_add(c->deadline.since, SWEEP));
    return c;
}

static void conn_begin(struct net_conn *c)
{
    c->connected = true;
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, KEEPALIVE_S);
    int rc = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    if (rc < 0)
        conn_fail(c, rc);
}

static uint32_t count_of(const struct net *n, const struct addr *a)
{
    struct addr x = *a, y;
    uint32_t count = 0;

    addr_set_port(&x, 0);
    LIST_FOREACH (&n->conns, l) {
        const struct net_conn *c = LIST_ITEM(l, struct net_conn, link);
        y = c->addr;
        addr_set_port(&y, 0);
        count += c->accepted && addr_eq(&x, &y);
    }
    return count;
}

static void on_connection(uv_stream_t *server, int status)
{
    struct net *n = server->data;
    int size = sizeof(struct addr);

    if (status < 0 || n->stopping)
        return;
    struct net_conn *c = conn_new(n);
    int rc = uv_accept(server, (uv_stream_t *)&c->tcp);
    if (rc == 0)
        rc = uv_tcp_getpeername(&c->tcp, &c->addr.u.sa, &size);
    if (rc < 0) {
        conn_fail(c, rc);
        return;
    }
    addr_format(&c->addr, c->peer);
    n->stats.accepted++;
    if (n->accepted_n >= n->options.accepted_max ||
        count_of(n, &c->addr) >= n->options.per_peer_max) {
        n->stats.refused++;
        net_complaint_say(&n->complaint, clock_now(), c->peer, "too many connections");
        conn_fail(c, ERR_BUSY);
        return;
    }
    c->accepted = true;
    n->accepted_n++;
    conn_begin(c);
}

static void on_connect(uv_connect_t *r, int status)
{
    struct net_conn *c = r->data;

    if (status < 0) {
        conn_fail(c, status);
        return;
    }
    if (c->closing)
        return;
    conn_begin(c);
    if (!c->closing && c->handler->opened)
        c->handler->opened(c->data, c);
    if (!c->closing)
        conn_flush(c);
}

struct net_conn *net_dial(struct net *n, const struct addr *a, enum net_byte protocol,
                          const struct net_handler *h, void *data)
{
    struct net_conn *c = conn_new(n);

    c->protocol = protocol_find(n, (uint8_t)protocol);
    ASSERT(c->protocol);
    c->handler = h;
    c->data = data;
    c->addr = *a;
    addr_format(a, c->peer);
    net_frame_init(&c->reader, c->protocol->frame_max);
    buf_put_u8(&c->out, (uint8_t)protocol);
    c->connect.data = c;
    n->stats.dialled++;
    int rc = n->stopping ? ERR_CLOSED : uv_tcp_connect(&c->connect, &c->tcp, &a->u.sa, on_connect);
    if (rc < 0)
        conn_fail(c, rc);
    return c;
}

int net_listen(struct net *n, const struct addr *a, struct error *err)
{
    char text[ADDR_TEXT_MAX];
    struct addr bound;
    int size = sizeof bound;

    addr_format(a, text);
    if (n->listener_n == LISTENERS_MAX)
        return error_set(err, ERR_TOO_LARGE, "server port %s: too many listeners", text);
    uv_tcp_t *t = &n->listeners[n->listener_n++];
    int rc = uv_tcp_init(n->loop, t);
    t->data = n;
    n->handles_n++;
    if (rc == 0)
        rc = uv_tcp_bind(t, &a->u.sa, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)t, BACKLOG, on_connection);
    if (rc == 0)
        rc = uv_tcp_getsockname(t, &bound.u.sa, &size);
    if (rc < 0)
        return error_set(err, rc, "server port: cannot listen on %s: %s", text, error_text(rc));
    n->port = addr_port(&bound);
    return 0;
}

/* ---- deadlines ---- */

static void conn_sweep(struct net_conn *c, struct instant now)
{
    enum net_deadline_state state = !c->connected  ? NET_DEADLINE_DIALLING
                                    : !c->protocol ? NET_DEADLINE_NAMELESS
                                                   : NET_DEADLINE_OPEN;
    struct duration idle = c->protocol ? c->protocol->idle : (struct duration){0};
    bool is_idle;

    const char *what =
        net_deadline_over(&c->deadline, state, c->paused, idle, net_queued(c), now, &is_idle);
    if (!what || c->closing)
        return;
    if (is_idle || state == NET_DEADLINE_DIALLING)
        conn_fail(c, ERR_TIMEOUT);
    else
        conn_bad(c, ERR_TIMEOUT, what);
}

static void sweep(struct timer *t, struct instant now)
{
    struct net *n = LIST_ITEM(t, struct net, sweep);

    LIST_FOREACH (&n->conns, l)
        conn_sweep(LIST_ITEM(l, struct net_conn, link), now);
    if (!list_is_empty(&n->conns))
        timers_set(n->timers, &n->sweep, instant_add(now, SWEEP));
}

/* ---- life ---- */

static void on_prepare(uv_prepare_t *h)
{
    net_flush(h->data);
}

struct net *net_open(void *uv_loop, struct timers *timers, const struct net_options *options)
{
    struct net *n = mem_new(struct net);

    n->loop = uv_loop;
    n->timers = timers;
    n->options = *options;
    if (!n->options.accepted_max)
        n->options.accepted_max = ACCEPTED_MAX;
    if (!n->options.per_peer_max)
        n->options.per_peer_max = PER_PEER_MAX;
    n->sweep.fire = sweep;
    net_complaint_init(&n->complaint, timers);
    list_init(&n->conns);
    list_init(&n->dirty);
    uv_prepare_init(n->loop, &n->prepare);
    n->prepare.data = n;
    uv_prepare_start(&n->prepare, on_prepare);
    uv_unref((uv_handle_t *)&n->prepare);
    n->handles_n = 1;
    return n;
}

static void on_handle_closed(uv_handle_t *h)
{
    struct net *n = h->data;

    n->handles_n--;
    stop_if_done(n);
}

static void stop_if_done(struct net *n)
{
    if (!n->stopping || n->handles_n > 0 || !list_is_empty(&n->conns))
        return;
    void (*stopped)(void *data) = n->stopped;
    void *data = n->stopped_data;
    timers_cancel(n->timers, &n->sweep);
    net_complaint_fini(&n->complaint);
    mem_free(n);
    stopped(data);
}

void net_stop(struct net *n, void (*cb)(void *data), void *data)
{
    ASSERT(!n->stopping);
    n->stopping = true;
    n->stopped = cb;
    n->stopped_data = data;
    net_flush(n);
    uv_close((uv_handle_t *)&n->prepare, on_handle_closed);
    for (int i = 0; i < n->listener_n; i++)
        uv_close((uv_handle_t *)&n->listeners[i], on_handle_closed);
    LIST_FOREACH (&n->conns, l)
        conn_fail(LIST_ITEM(l, struct net_conn, link), 0);
}

void net_serve(struct net *n, const struct net_protocol *p)
{
    ASSERT(n->protocol_n < PROTOCOLS_MAX && !protocol_find(n, (uint8_t)p->byte));
    n->protocols[n->protocol_n++] = p;
}

void net_set_handler(struct net_conn *c, const struct net_handler *h, void *data)
{
    c->handler = h;
    c->data = data;
}

uint16_t net_port(const struct net *n)
{
    return n->port;
}

const char *net_peer(const struct net_conn *c)
{
    return c->peer;
}

struct addr net_peer_addr(const struct net_conn *c)
{
    return c->addr;
}

void net_get_stats(const struct net *n, struct net_stats *ret)
{
    *ret = n->stats;
}
