/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection is in one of three states:
 *
 *     READING --question--> WAITING --answer--> WRITING --written--> READING
 *        |  answer at once: straight to WRITING           |
 *        +--- idle, error, end, too long a question ------+---> closed
 *
 * Only in READING does it read, so a client that sends much and takes little
 * costs one buffer, and a client that is gone is noticed at the latest when
 * its answer is written or the timer runs out.
 */
#include <unistd.h>
#include <uv.h>

#include "agent/metrics.h"
#include "base/mem.h"
#include "dns/dns_tcp.h"

#define LENGTH_SIZE     2
#define DNS_HEADER_SIZE 12
#define BACKLOG         128

enum conn_state { CONN_READING, CONN_WAITING, CONN_WRITING };

struct dns_tcp {
    uv_tcp_t handle;
    struct dns_worker *worker;
    struct list conns; /* the longest without activity first */
    size_t conn_n, handle_n;
    bool is_stopped;
    void (*closed)(void *data);
    void *data;
};

struct conn {
    uv_tcp_t handle;
    struct dns_tcp *tcp;
    struct list link;
    struct timer idle;
    enum conn_state state;
    bool is_closing; /* freed when neither the handle nor a recursor holds it */
    bool is_handle_open;
    struct dns_pending pending;
    uv_write_t write;
    uint8_t *out; /* owned; being written */
    size_t in_n;
    char in[LENGTH_SIZE + DNS_TCP_QUESTION_MAX];
};

static void on_connection(uv_stream_t *server, int status);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void on_idle(struct timer *t, struct instant now);
static void process(struct conn *c);
static bool take(struct conn *c);
static void take_source(struct conn *c);
static void on_done(struct dns_pending *p, const uint8_t *answer, size_t n);
static void on_written(uv_write_t *write, int status);
static void respond(struct conn *c, const uint8_t *answer, size_t n);
static void conn_close(struct conn *c);

/* ---- the listener ---- */

static void on_failed_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

int dns_tcp_open(struct dns_worker *w, int fd, struct dns_tcp **ret)
{
    struct dns_tcp *t = mem_new(struct dns_tcp);
    int status = uv_tcp_init(w->loop, &t->handle);

    if (status != 0) {
        close(fd);
        mem_free(t);
        return status;
    }
    t->handle.data = t;
    t->worker = w;
    list_init(&t->conns);
    status = uv_tcp_open(&t->handle, fd);
    if (status != 0)
        close(fd);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&t->handle, BACKLOG, on_connection);
    if (status != 0) {
        uv_close((uv_handle_t *)&t->handle, on_failed_closed);
        return status;
    }
    t->handle_n = 1;
    *ret = t;
    return 0;
}

void dns_tcp_stop(struct dns_tcp *t)
{
    t->is_stopped = true; /* libuv has no way to stop listening but to close */
    LIST_FOREACH (&t->conns, l) {
        struct conn *c = LIST_ITEM(l, struct conn, link);
        if (c->state == CONN_READING)
            conn_close(c);
    }
}

static void handle_closed(struct dns_tcp *t)
{
    if (--t->handle_n > 0)
        return;
    void (*closed)(void *) = t->closed;
    void *data = t->data;
    mem_free(t);
    closed(data);
}

static void on_listener_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

void dns_tcp_close(struct dns_tcp *t, void (*closed)(void *data), void *data)
{
    t->is_stopped = true;
    t->closed = closed;
    t->data = data;
    LIST_FOREACH (&t->conns, l)
        conn_close(LIST_ITEM(l, struct conn, link));
    uv_close((uv_handle_t *)&t->handle, on_listener_closed);
}

/* ---- connections ---- */

static void touch(struct conn *c)
{
    struct dns_tcp *t = c->tcp;
    list_remove(&c->link);
    list_push(&t->conns, &c->link);
    timers_set(t->worker->env->timers, &c->idle,
               instant_add(env_now(t->worker->env), DNS_TCP_IDLE));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->in + c->in_n, (unsigned)(sizeof(c->in) - c->in_n));
}

static void make_room(struct dns_tcp *t)
{
    LIST_FOREACH (&t->conns, l) {
        struct conn *c = LIST_ITEM(l, struct conn, link);
        if (c->state == CONN_READING) {
            conn_close(c);
            return;
        }
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    struct dns_tcp *t = server->data;

    if (status != 0)
        return;
    struct conn *c = mem_new(struct conn);
    c->tcp = t;
    c->handle.data = c;
    c->idle.fire = on_idle;
    list_init(&c->link);
    if (t->conn_n >= DNS_TCP_CONNECTIONS_MAX)
        make_room(t);
    if (uv_tcp_init(t->worker->loop, &c->handle) != 0) {
        mem_free(c);
        return;
    }
    c->is_handle_open = true;
    t->handle_n++;
    t->conn_n++;
    list_push(&t->conns, &c->link);
    if (uv_accept(server, (uv_stream_t *)&c->handle) != 0 || t->is_stopped ||
        t->conn_n > DNS_TCP_CONNECTIONS_MAX) {
        conn_close(c);
        return;
    }
    touch(c);
    if (uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read) != 0)
        conn_close(c);
}

static void conn_release(struct conn *c)
{
    if (c->is_handle_open || c->state == CONN_WAITING)
        return;
    struct dns_tcp *t = c->tcp;
    mem_free(c->out);
    mem_free(c);
    handle_closed(t);
}

static void on_conn_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;
    c->is_handle_open = false;
    conn_release(c);
}

static void conn_close(struct conn *c)
{
    if (c->is_closing)
        return;
    c->is_closing = true;
    list_remove(&c->link);
    c->tcp->conn_n--;
    timers_cancel(c->tcp->worker->env->timers, &c->idle);
    uv_close((uv_handle_t *)&c->handle, on_conn_closed);
}

static void on_idle(struct timer *t, struct instant now)
{
    (void)now;
    conn_close(LIST_ITEM(t, struct conn, idle));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;

    (void)buf;
    if (n == 0)
        return;
    if (n < 0) {
        conn_close(c);
        return;
    }
    c->in_n += (size_t)n;
    touch(c);
    process(c);
}

/* Answers what whole questions there are, until one must wait; then reads on. */
static void process(struct conn *c)
{
    while (!c->is_closing && c->state == CONN_READING && take(c))
        continue;
    if (c->is_closing || c->state != CONN_READING)
        return;
    if (c->tcp->is_stopped)
        conn_close(c);
    else
        (void)uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read);
}

/* One question of the buffer, if there is a whole one. */
static bool take(struct conn *c)
{
    struct dns_worker *w = c->tcp->worker;
    struct dns_chase chase;
    struct view view;
    uint64_t seed;
    size_t size = 0;

    if (c->in_n < LENGTH_SIZE)
        return false;
    size_t n = (size_t)(uint8_t)c->in[0] << 8 | (uint8_t)c->in[1];
    if (n < DNS_HEADER_SIZE || n > DNS_TCP_QUESTION_MAX) {
        conn_close(c);
        return false;
    }
    if (c->in_n < LENGTH_SIZE + n)
        return false;
    uv_read_stop((uv_stream_t *)&c->handle);
    struct str packet = str_make(c->in + LENGTH_SIZE, n);
    struct view *v = dns_worker_begin(w, STR_NONE, &view);
    take_source(c);
    enum dns_outcome outcome = dns_worker_answer(w, v, packet, true, &chase, &seed, w->out, &size);
    dns_worker_end(v);
    metrics_add(w->env->metrics, METRIC_DNS_QUERIES, 1);
    if (outcome == DNS_DROPPED) {
        conn_close(c);
        return false;
    }
    if (outcome == DNS_ANSWERED) {
        respond(c, w->out, size);
    } else if (w->pending_n >= DNS_WORKER_PENDING_MAX) {
        size = dns_worker_servfail(w, packet, true, w->out);
        respond(c, w->out, size);
    } else {
        c->state = CONN_WAITING;
        c->pending.done = on_done;
        dns_worker_wait(w, &c->pending, outcome, packet, true, &chase, seed);
    }
    c->in_n -= LENGTH_SIZE + n;
    memmove(c->in, c->in + LENGTH_SIZE + n, c->in_n);
    return true;
}

static void take_source(struct conn *c)
{
    struct addr *at = &c->tcp->worker->asker.source;
    struct sockaddr_storage from;
    int size = sizeof from;

    *at = (struct addr){0};
    if (uv_tcp_getpeername(&c->handle, (struct sockaddr *)&from, &size) == 0)
        memcpy(&at->u, &from, sizeof at->u);
}

static void on_done(struct dns_pending *p, const uint8_t *answer, size_t n)
{
    struct conn *c = LIST_ITEM(p, struct conn, pending);

    c->state = CONN_READING;
    if (c->is_closing) {
        conn_release(c);
        return;
    }
    touch(c);
    respond(c, answer, n);
    process(c);
}

/* Most answers fit into the socket's buffer at once; the rest of one that does not is copied. */
static void respond(struct conn *c, const uint8_t *answer, size_t n)
{
    char length[LENGTH_SIZE] = {(char)(n >> 8), (char)n};
    uv_buf_t bufs[2] = {uv_buf_init(length, LENGTH_SIZE),
                        uv_buf_init((char *)(uintptr_t)answer, (unsigned)n)};
    size_t all = LENGTH_SIZE + n;
    int written = uv_try_write((uv_stream_t *)&c->handle, bufs, 2);

    if (written >= 0 && (size_t)written == all)
        return;
    if (written < 0 && written != UV_EAGAIN) {
        conn_close(c);
        return;
    }
    size_t done = written > 0 ? (size_t)written : 0;
    c->out = mem_alloc(all);
    memcpy(c->out, length, LENGTH_SIZE);
    memcpy(c->out + LENGTH_SIZE, answer, n);
    uv_buf_t rest = uv_buf_init((char *)c->out + done, (unsigned)(all - done));
    c->write.data = c;
    c->state = CONN_WRITING;
    if (uv_write(&c->write, (uv_stream_t *)&c->handle, &rest, 1, on_written) != 0) {
        c->state = CONN_READING;
        conn_close(c);
    }
}

static void on_written(uv_write_t *write, int status)
{
    struct conn *c = write->data;

    mem_free(c->out);
    c->out = NULL;
    c->state = CONN_READING;
    if (c->is_closing)
        return;
    if (status != 0) {
        conn_close(c);
        return;
    }
    touch(c);
    process(c);
}
