/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcurl's multi interface on our loop: its sockets are polled by uv, its one timeout is one of
 * ours. Names are resolved on its threads. Each run has a connection of its own (consul:
 * DisableKeepAlives), so that a check sees what a new client would.
 *
 * gRPC's health protocol is one HTTP/2 POST of a five byte frame header and a message of one field;
 * the answer's first field is the status (grpc.health.v1: 1 is SERVING).
 *
 * The library is loaded when the first such check runs: it brings twenty others along, which would
 * cost every `disco kv get` its milliseconds and every agent without HTTP checks its memory.
 *
 * consul: checks.CheckHTTP, checks.CheckGRPC
 */
#include <dlfcn.h>
#include <uv.h>

#include "check/web_curl.h"

#define LIBRARY "libcurl.so.4"

struct web {
    uv_loop_t *loop;
    struct curl curl;
    const char *why_not; /* the library cannot be used */
    struct timers *timers;
    struct instant (*clock)(void);
    CURLM *multi;
    struct timer timer;
    size_t poll_n;
    bool closing;
    void (*closed)(void *data);
    void *closed_data;
};

/* One socket of libcurl's. */
struct web_poll {
    uv_poll_t handle;
    struct web *web;
    curl_socket_t fd;
};

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data);
static int on_curl_timer(CURLM *multi, long ms, void *data);
static void on_timer(struct timer *t, struct instant now);
static void results_take(struct web *w);

int web_open(void *uv_loop, struct timers *timers, struct instant (*clock)(void), struct web **ret)
{
    struct web *w = mem_new(struct web);
    w->loop = uv_loop;
    w->timers = timers;
    w->clock = clock;
    w->timer.fire = on_timer;
    *ret = w;
    return 0;
}

/* Once; never unloaded. */
static bool load(struct web *w)
{
    void *library = w->multi || w->why_not ? NULL : dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        if (!w->multi)
            w->why_not = LIBRARY " cannot be loaded";
        return w->multi;
    }
#define X(name) *(void **)&w->curl.name = dlsym(library, "curl_" #name);
    WEB_CURL_FUNCTIONS(X)
#undef X
#define X(name) &&w->curl.name
    if (!(true WEB_CURL_FUNCTIONS(X))) {
        w->why_not = LIBRARY " lacks a function";
        return false;
    }
#undef X
    if (w->curl.global_init(CURL_GLOBAL_DEFAULT) || !(w->multi = w->curl.multi_init())) {
        w->why_not = LIBRARY " does not start";
        return false;
    }
    w->curl.multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    w->curl.multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
    w->curl.multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    w->curl.multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
    return true;
}

static void close_look(struct web *w)
{
    if (!w->closing || w->poll_n > 0)
        return;
    void (*cb)(void *data) = w->closed;
    void *data = w->closed_data;
    mem_free(w);
    cb(data);
}

void web_close(struct web *w, void (*cb)(void *data), void *data)
{
    w->closing = true;
    w->closed = cb;
    w->closed_data = data;
    w->poll_n++; /* until libcurl has told of all its sockets */
    if (w->multi) {
        w->curl.multi_cleanup(w->multi);
        w->curl.global_cleanup();
    }
    timers_cancel(w->timers, &w->timer);
    w->poll_n--;
    close_look(w);
}

/* ---- libcurl on the loop ---- */

static void on_poll_closed(uv_handle_t *h)
{
    struct web_poll *p = h->data;
    struct web *w = p->web;
    mem_free(p);
    w->poll_n--;
    close_look(w);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct web_poll *p = handle->data;
    struct web *w = p->web;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    w->curl.multi_socket_action(w->multi, p->fd, flags, &running);
    results_take(w);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
    struct web *w = data;
    struct web_poll *p = socket_data;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (p) {
            uv_poll_stop(&p->handle);
            uv_close((uv_handle_t *)&p->handle, on_poll_closed);
            if (!w->closing)
                w->curl.multi_assign(w->multi, fd, NULL);
        }
        return 0;
    }
    if (!p) {
        p = mem_new(struct web_poll);
        p->web = w;
        p->fd = fd;
        if (uv_poll_init_socket(w->loop, &p->handle, fd)) {
            mem_free(p);
            return -1;
        }
        p->handle.data = p;
        w->poll_n++;
        w->curl.multi_assign(w->multi, fd, p);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&p->handle, events, on_poll);
    return 0;
}

static int on_curl_timer(CURLM *multi, long ms, void *data)
{
    struct web *w = data;
    (void)multi;
    if (ms < 0)
        timers_cancel(w->timers, &w->timer);
    else
        timers_set(w->timers, &w->timer, instant_add(w->clock(), DURATION_MS(ms)));
    return 0;
}

static void on_timer(struct timer *t, struct instant now)
{
    struct web *w = LIST_ITEM(t, struct web, timer);
    int running;
    (void)now;
    w->curl.multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    results_take(w);
}

static void results_take(struct web *w)
{
    CURLMsg *m;
    int left;
    while ((m = w->curl.multi_info_read(w->multi, &left)) != NULL)
        if (m->msg == CURLMSG_DONE)
            web_curl_done(m->easy_handle, &w->curl, m->data.result);
}

const struct curl *web_curl_get(struct web *w, const char **ret_why)
{
    bool ok = load(w);
    *ret_why = w->why_not;
    return ok ? &w->curl : NULL;
}

CURLM *web_curl_multi(struct web *w)
{
    return w->multi;
}
