/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One worker's half of the HTTP door: its listeners, its h2o context, its connections.
 *
 * Closing: listeners at once; parked reads and streams end; h2o is told to finish (HTTP/2 gets
 * GOAWAY). Every tick, once no call is pending, connections are shut for reading: what h2o still
 * writes goes out, idle ones end. At the deadline the rest is cut. When the last connection has
 * gone, the context is disposed; its handles are closed by libuv in the turns that follow, so the
 * memory goes later.
 */
#include "config.h"

#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/http.h"
#include "http/http_idle.h"
#include "http/http_listen.h"
#include "http/http_request.h"

/* Idle keep-alive, and a whole request from its first byte. More than the 90 s after which Go's
 * clients drop an idle connection, so that they do not use one that is just being closed. */
#define REQUEST_TIMEOUT_MS 100000
#define HTTP2_STREAMS_MAX  1000 /* parked reads of one connection */
#define SWEEP_INTERVAL     DURATION_S(5)
#define CLOSE_TICK         DURATION_MS(20)
#define DISPOSE_DELAY      DURATION_MS(20)
#define ENTITY_SIZE_MAX    ((size_t)64 * 1024 * 1024) /* ours are checked by the endpoints */

struct listener {
    struct list link;
    uv_poll_t poll;
    int fd;
    bool is_unix;
    struct http_door *door;
};

struct http_door {
    struct env *env;
    uv_loop_t *loop;
    struct list listeners;
    size_t listener_n; /* handles not yet closed */
    struct http_server server;
    h2o_globalconf_t config;
    h2o_context_t context;
    struct http_connections connections;
    struct http_idle idle;
    struct timer sweep, tick;
    bool is_closing, is_disposed;
    struct instant deadline;
    void (*closed)(void *data);
    void *data;
};

static int listeners_open(struct http_door *d, struct http_listeners *from, struct error *err);
static void listeners_close(struct http_door *d);
static void on_connection(uv_poll_t *poll, int status, int events);
static void on_handed(struct http_idle *idle);
static void on_sweep(struct timer *t, struct instant now);
static void on_tick(struct timer *t, struct instant now);

static void h2o_open(struct http_door *d)
{
    h2o_hostconf_t *host;

    h2o_config_init(&d->config);
    d->config.server_name = (h2o_iovec_t){NULL, 0};
    d->config.max_request_entity_size = ENTITY_SIZE_MAX;
    d->config.http1.req_timeout = REQUEST_TIMEOUT_MS;
    d->config.http2.idle_timeout = REQUEST_TIMEOUT_MS;
    d->config.http2.max_concurrent_requests_per_connection = HTTP2_STREAMS_MAX;
    host = h2o_config_register_host(&d->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    http_request_register(&d->server, host);
    h2o_context_init(&d->context, d->loop, &d->config);
    http_connection_init(&d->connections, d->loop, &d->context, d->config.hosts);
    http_request_open(&d->server, d->env, &d->connections);
}

static int door_open(void *uv_loop, struct env *env, void *config, void **ret_door,
                     struct error *err)
{
    struct http_door *d = mem_new(struct http_door);
    int r;

    d->env = env;
    d->loop = uv_loop;
    list_init(&d->listeners);
    h2o_open(d);
    r = http_idle_open(&d->idle, &d->connections, env->metrics, on_handed);
    r = r ? error_set(err, r, "http: %s", error_text(r)) : listeners_open(d, config, err);
    d->sweep.fire = on_sweep;
    d->tick.fire = on_tick;
    if (r) { /* the loop ends with the worker: what h2o closes, it closes there */
        http_idle_close(&d->idle);
        http_request_close(&d->server);
        h2o_context_dispose(&d->context);
        h2o_config_dispose(&d->config);
        return r;
    }
    timers_set(env->timers, &d->sweep, instant_add(env_now(env), SWEEP_INTERVAL));
    *ret_door = d;
    return 0;
}

/* ---- listeners ---- */

static int listener_open(struct http_door *d, struct http_listener *from)
{
    struct listener *l = mem_new(struct listener);
    int r = uv_poll_init(d->loop, &l->poll, from->fd);

    if (r) {
        mem_free(l);
        return r;
    }
    l->door = d;
    l->fd = from->fd;
    l->is_unix = from->is_unix;
    from->fd = -1;
    list_push(&d->listeners, &l->link);
    d->listener_n++;
    l->poll.data = l;
    return uv_poll_start(&l->poll, UV_READABLE, on_connection);
}

static int listeners_open(struct http_door *d, struct http_listeners *from, struct error *err)
{
    for (size_t i = 0; i < from->n; i++) {
        int r;

        if (from->items[i].worker_i != d->env->worker_i || from->items[i].fd < 0)
            continue;
        r = listener_open(d, &from->items[i]);
        if (r) {
            listeners_close(d);
            return error_set(err, r, "http: cannot listen: %s", error_text(r));
        }
    }
    return 0;
}

static void on_listener_closed(uv_handle_t *h)
{
    struct listener *l = h->data;

    close(l->fd);
    l->door->listener_n--;
    mem_free(l);
}

static void listeners_close(struct http_door *d)
{
    struct list *link;

    while ((link = list_pop(&d->listeners)) != NULL)
        uv_close((uv_handle_t *)&LIST_ITEM(link, struct listener, link)->poll, on_listener_closed);
}

/* ---- connections ---- */

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    struct http_door *d = l->door;

    (void)events;
    if (status)
        log_warn("agent.http", "cannot accept a connection: %s", error_text(status));
    else
        http_idle_accept(&d->idle, l->fd, l->is_unix, env_now(d->env));
}

static void on_handed(struct http_idle *idle)
{
    http_request_settle(&LIST_ITEM(idle, struct http_door, idle)->server);
}

static void on_taken(void *door, int fd, bool is_unix)
{
    struct http_door *d = door;

    http_idle_add(&d->idle, fd, is_unix, d->env->now);
}

static void on_sweep(struct timer *t, struct instant now)
{
    struct http_door *d = LIST_ITEM(t, struct http_door, sweep);

    http_request_sweep(&d->server);
    http_connection_cut_stuck(&d->connections);
    if (d->server.park.on_read)
        http_connection_take_idle(&d->connections, d->server.park.on_read, on_taken, d);
    http_idle_expire(&d->idle, now, DURATION_MS(REQUEST_TIMEOUT_MS));
    timers_set(d->env->timers, t, instant_add(now, SWEEP_INTERVAL));
}

/* ---- the end ---- */

static void door_close(void *door, struct instant deadline, void (*closed)(void *data), void *data)
{
    struct http_door *d = door;

    ASSERT(!d->is_closing);
    d->is_closing = true;
    d->deadline = deadline;
    d->closed = closed;
    d->data = data;
    listeners_close(d);
    http_idle_close(&d->idle);
    timers_cancel(d->env->timers, &d->sweep);
    http_request_end_all(&d->server);
    h2o_context_request_shutdown(&d->context);
    timers_set(d->env->timers, &d->tick, instant_add(env_now(d->env), CLOSE_TICK));
}

static void on_tick(struct timer *t, struct instant now)
{
    struct http_door *d = LIST_ITEM(t, struct http_door, tick);
    bool late = !instant_before(now, d->deadline);

    if (d->is_disposed) {
        d->closed(d->data);
        mem_free(d);
        return;
    }
    if (!list_is_empty(&d->connections.all) || d->listener_n || d->server.call_n) {
        if (late || d->server.call_n == 0)
            http_connection_shut_all(&d->connections, late ? SHUT_RDWR : SHUT_RD);
        timers_set(d->env->timers, t, instant_add(now, CLOSE_TICK));
        return;
    }
    /* Its timer for a second GOAWAY runs on without any connection, and dispose asserts that none
     * is left. */
    h2o_timeout_unlink(&d->context.http2._graceful_shutdown_timeout);
    http_request_close(&d->server);
    h2o_context_dispose(&d->context);
    h2o_config_dispose(&d->config);
    d->is_disposed = true;
    timers_set(d->env->timers, t, instant_add(now, DISPOSE_DELAY));
}

const struct door http_door = {.name = "http", .open = door_open, .close = door_close};
