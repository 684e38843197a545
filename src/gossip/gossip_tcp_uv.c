/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream's life:
 *
 *     incoming   READING --whole message--> WRITING --written--> LINGERING --end--> closed
 *     dialed     CONNECTING --> WRITING --> READING (when an answer is due) --> closed
 *
 * LINGERING waits for the peer to close (a reset would take the answer from
 * him). Every state ends at the deadline. A stream is freed in the callback of
 * its handle; a dial's end is told from a turn of the loop, never from within
 * the call that made it.
 */
#include <uv.h>

#include "base/list.h"
#include "base/mem.h"
#include "gossip/gossip_tcp.h"

#define BACKLOG     128
#define READ_SIZE   ((size_t)16 * 1024)
#define LINGER_TIME DURATION_MS(1000)

enum stream_state { STREAM_CONNECTING, STREAM_READING, STREAM_WRITING, STREAM_LINGERING };

struct gossip_tcp {
    uv_tcp_t handle;
    struct gossip_tcp_options o;
    struct list incoming, dials;
    size_t incoming_n, dial_n, handle_n, held;
    bool is_closing;
    void (*closed)(void *data);
    void *closed_data;
};

struct stream {
    uv_tcp_t handle;
    struct gossip_tcp *tcp;
    struct list link;
    struct timer deadline;
    enum stream_state state;
    struct addr peer;
    bool is_closing, is_dialed, is_answered, is_ended;
    uint64_t id;
    int status; /* of a dial that failed at once */
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct buf in, out;
    struct gossip_packet_stream reader;
};

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf);
static void on_written(uv_write_t *write, int status);

/* ---- ends ---- */

static void count_closed(struct gossip_tcp *t)
{
    if (--t->handle_n > 0 || !t->is_closing)
        return;
    t->closed(t->closed_data);
    mem_free(t);
}

static void on_stream_closed(uv_handle_t *handle)
{
    struct stream *s = handle->data;
    struct gossip_tcp *t = s->tcp;

    buf_fini(&s->in);
    buf_fini(&s->out);
    gossip_packet_stream_fini(&s->reader);
    mem_free(s);
    count_closed(t);
}

static void stream_close(struct stream *s)
{
    struct gossip_tcp *t = s->tcp;

    if (s->is_closing)
        return;
    s->is_closing = true;
    timers_cancel(t->o.timers, &s->deadline);
    list_remove(&s->link);
    t->held -= s->in.n;
    if (s->is_dialed)
        t->dial_n--;
    else
        t->incoming_n--;
    uv_close((uv_handle_t *)&s->handle, on_stream_closed);
}

/* A dial ends: the pool is told, once. The answer lives until then. */
static void end_dial(struct stream *s, int status, struct str answer)
{
    struct gossip_tcp *t = s->tcp;

    if (s->is_ended || s->is_closing)
        return;
    s->is_ended = true;
    stream_close(s);
    t->o.dialed(t->o.data, s->id, status, answer);
}

static void fail(struct stream *s, int why)
{
    if (s->is_closing)
        return;
    if (s->is_dialed) {
        end_dial(s, why, STR_NONE);
        return;
    }
    if (s->state != STREAM_LINGERING)
        s->tcp->o.dropped(s->tcp->o.data, &s->peer, why);
    stream_close(s);
}

static void on_deadline(struct timer *t, struct instant now)
{
    struct stream *s = LIST_ITEM(t, struct stream, deadline);

    (void)now;
    fail(s, s->status < 0 ? s->status : ERR_TIMEOUT);
}

static struct stream *stream_new(struct gossip_tcp *t, bool is_dialed, struct instant deadline)
{
    struct stream *s = mem_new(struct stream);

    s->tcp = t;
    s->is_dialed = is_dialed;
    s->handle.data = s;
    s->deadline.fire = on_deadline;
    buf_init(&s->in, GOSSIP_STREAM_INFLATED_MAX + READ_SIZE);
    buf_init(&s->out, GOSSIP_STREAM_INFLATED_MAX);
    gossip_packet_stream_init(&s->reader);
    list_push(is_dialed ? &t->dials : &t->incoming, &s->link);
    if (is_dialed)
        t->dial_n++;
    else
        t->incoming_n++;
    t->handle_n++;
    ASSERT(uv_tcp_init(t->o.loop, &s->handle) == 0);
    timers_set(t->o.timers, &s->deadline, deadline);
    return s;
}

/* ---- reading and writing ---- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct stream *s = handle->data;
    char *p = buf_reserve(&s->in, READ_SIZE);

    (void)size;
    *buf = uv_buf_init(p, p ? (unsigned)READ_SIZE : 0);
}

static void read_start(struct stream *s)
{
    int rc;

    s->state = STREAM_READING;
    rc = uv_read_start((uv_stream_t *)&s->handle, on_alloc, on_read);
    if (rc < 0)
        fail(s, rc);
}

static void write_start(struct stream *s)
{
    uv_buf_t b = uv_buf_init(s->out.p, (unsigned)s->out.n);
    int rc;

    s->state = STREAM_WRITING;
    if (s->out.failed || s->out.n == 0) {
        fail(s, ERR_TOO_LARGE);
        return;
    }
    rc = uv_write(&s->write, (uv_stream_t *)&s->handle, &b, 1, on_written);
    if (rc < 0)
        fail(s, rc);
}

static void on_shut_down(uv_shutdown_t *shutdown, int status)
{
    (void)shutdown;
    (void)status; /* closed by then, or by the deadline */
}

static void on_written(uv_write_t *write, int status)
{
    struct stream *s = write->handle->data;

    if (s->is_closing)
        return;
    if (status < 0) {
        fail(s, status);
    } else if (s->is_dialed && s->is_answered) {
        read_start(s);
    } else if (s->is_dialed) {
        /* Nothing comes back; closing sends what is written, and then the end. */
        end_dial(s, 0, STR_NONE);
    } else {
        s->state = STREAM_LINGERING;
        timers_set(s->tcp->o.timers, &s->deadline, instant_add(clock_now(), LINGER_TIME));
        uv_shutdown(&s->shutdown, (uv_stream_t *)&s->handle, on_shut_down);
    }
}

static void put_error(struct stream *s, int code)
{
    struct gossip_message m = {.kind = GOSSIP_ERROR};
    struct buf plain;

    m.u.error = str_z(gossip_packet_stream_refusal(s->tcp->o.packet, code, buf_str(&s->in)));
    buf_init(&plain, 0);
    gossip_message_encode(&m, &plain);
    gossip_packet_stream_seal(s->tcp->o.packet, buf_str(&plain), true, &s->out);
    buf_fini(&plain);
}

/* The first message of an incoming stream is there, or is none. */
static void respond(struct stream *s, int code)
{
    struct gossip_tcp *t = s->tcp;
    struct buf answer;

    if (code < 0) {
        t->o.dropped(t->o.data, &s->peer, code);
        put_error(s, code);
        write_start(s);
        return;
    }
    buf_init(&answer, GOSSIP_STREAM_INFLATED_MAX);
    code = t->o.answer(t->o.data, &s->peer, s->reader.message, &answer);
    if (code == 0 && answer.n > 0 && !answer.failed) {
        gossip_packet_stream_seal(t->o.packet, buf_str(&answer), true, &s->out);
        timers_set(t->o.timers, &s->deadline, instant_add(clock_now(), t->o.timeout));
        write_start(s);
    } else if (code < 0) {
        fail(s, code);
    } else {
        stream_close(s);
    }
    buf_fini(&answer);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = handle->data;
    int rc;

    (void)buf;
    if (n == 0 || s->is_closing)
        return;
    if (n == UV_EOF && s->state == STREAM_WRITING) {
        uv_read_stop(handle); /* it only has no more to say */
        return;
    }
    if (n < 0) {
        fail(s, n == UV_EOF ? ERR_CLOSED : (int)n);
        return;
    }
    if (s->state != STREAM_READING)
        return; /* bytes after the message: nobody asked for them */
    s->in.n += (size_t)n;
    s->tcp->held += (size_t)n;
    if (s->tcp->held > GOSSIP_TCP_HELD_MAX) {
        fail(s, ERR_BUSY);
        return;
    }
    rc = gossip_packet_stream_open(s->tcp->o.packet, &s->reader, buf_str(&s->in), s->is_dialed);
    if (rc == UV_EAGAIN)
        return;
    if (s->is_dialed)
        end_dial(s, rc, rc == 0 ? s->reader.message : STR_NONE);
    else
        respond(s, rc);
}

/* ---- incoming ---- */

static void on_connection(uv_stream_t *server, int status)
{
    struct gossip_tcp *t = server->data;
    struct stream *s;
    int n = sizeof(s->peer), rc;

    if (status < 0)
        return;
    s = stream_new(t, false, instant_add(clock_now(), t->o.timeout));
    rc = uv_accept(server, (uv_stream_t *)&s->handle);
    if (rc == 0)
        rc = uv_tcp_getpeername(&s->handle, &s->peer.u.sa, &n);
    if (rc == 0 && t->incoming_n > GOSSIP_TCP_INCOMING_MAX)
        rc = ERR_BUSY;
    if (rc < 0)
        fail(s, rc);
    else
        read_start(s);
}

int gossip_tcp_open(const struct gossip_tcp_options *o, const struct addr *bind,
                    struct gossip_tcp **ret)
{
    struct gossip_tcp *t = mem_new(struct gossip_tcp);
    int rc = uv_tcp_init(o->loop, &t->handle);

    if (rc < 0) {
        mem_free(t);
        return rc;
    }
    t->o = *o;
    t->handle.data = t;
    t->handle_n = 1;
    list_init(&t->incoming);
    list_init(&t->dials);
    rc = uv_tcp_bind(&t->handle, &bind->u.sa, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&t->handle, BACKLOG, on_connection);
    *ret = t; /* a handle needs its turn to close: gossip_tcp_close, whatever the result */
    return rc;
}

/* ---- dials ---- */

static void on_connected(uv_connect_t *connect, int status)
{
    struct stream *s = connect->handle->data;

    if (s->is_closing)
        return;
    if (status < 0)
        fail(s, status);
    else
        write_start(s);
}

void gossip_tcp_dial(struct gossip_tcp *t, uint64_t id, const struct addr *to, struct str message,
                     bool is_answered, struct instant deadline)
{
    struct stream *s = stream_new(t, true, deadline);

    s->id = id;
    s->peer = *to;
    s->is_answered = is_answered;
    s->state = STREAM_CONNECTING;
    gossip_packet_stream_seal(t->o.packet, message, false, &s->out);
    s->status = t->dial_n > GOSSIP_TCP_DIALS_MAX
                    ? ERR_BUSY
                    : uv_tcp_connect(&s->connect, &s->handle, &to->u.sa, on_connected);
    if (s->status < 0)
        timers_set(t->o.timers, &s->deadline, (struct instant){0}); /* told in the next turn */
}

void gossip_tcp_hang_up(struct gossip_tcp *t, uint64_t id)
{
    LIST_FOREACH (&t->dials, l) {
        struct stream *s = LIST_ITEM(l, struct stream, link);

        if (s->id == id)
            stream_close(s);
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    count_closed(handle->data);
}

void gossip_tcp_close(struct gossip_tcp *t, void (*closed)(void *data), void *data)
{
    t->is_closing = true;
    t->closed = closed;
    t->closed_data = data;
    LIST_FOREACH (&t->dials, l)
        stream_close(LIST_ITEM(l, struct stream, link));
    LIST_FOREACH (&t->incoming, l)
        stream_close(LIST_ITEM(l, struct stream, link));
    uv_close((uv_handle_t *)&t->handle, on_listener_closed);
}
