/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/http_idle.h"

#define TURN_MAX   64 /* accepted, or handed to h2o, before others have their turn */
#define INPUT_SIZE ((size_t)16 * 1024)

struct idle {
    struct list link;
    struct instant since;
    int fd;
    bool is_unix;
};

static void on_events(uv_poll_t *watch, int status, int uv_events);

int http_idle_open(struct http_idle *idle, struct http_connections *cs, struct metrics *metrics,
                   void (*handed)(struct http_idle *idle))
{
    uv_poll_t *watch;
    int r;

    *idle = (struct http_idle){
        .connections = cs, .metrics = metrics, .epoll = -1, .reserve = -1, .handed = handed};
    list_init(&idle->all);
    idle->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (idle->epoll < 0)
        return -errno;
    watch = mem_new(uv_poll_t);
    r = uv_poll_init(cs->loop, watch, idle->epoll);
    if (r) {
        mem_free(watch);
        return r;
    }
    watch->data = idle;
    idle->watch = watch;
    idle->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return uv_poll_start(watch, UV_READABLE, on_events);
}

static void on_watch_closed(uv_handle_t *h)
{
    mem_free(h);
}

static void forget(struct http_idle *idle, struct idle *i)
{
    metrics_add(idle->metrics, METRIC_HTTP_IDLE, -1);
    list_remove(&i->link);
    mem_free(i);
}

static void drop(struct http_idle *idle, struct idle *i)
{
    close(i->fd); /* which also takes it off the epoll set */
    forget(idle, i);
}

void http_idle_close(struct http_idle *idle)
{
    struct list *link;

    while ((link = list_first(&idle->all)) != NULL)
        drop(idle, LIST_ITEM(link, struct idle, link));
    if (idle->watch)
        uv_close(idle->watch, on_watch_closed);
    if (idle->epoll >= 0)
        close(idle->epoll);
    if (idle->reserve >= 0)
        close(idle->reserve);
    idle->watch = NULL;
    idle->epoll = idle->reserve = -1;
}

void http_idle_expire(struct http_idle *idle, struct instant now, struct duration patience)
{
    struct list *link;

    while ((link = list_first(&idle->all)) != NULL) {
        struct idle *i = LIST_ITEM(link, struct idle, link);

        if (!instant_before(instant_add(i->since, patience), now))
            break;
        drop(idle, i);
    }
}

/* ---- to h2o ---- */

/* False: there is nothing to read yet. Else fd is h2o's, or closed. */
static bool hand_over(struct http_idle *idle, int fd, bool is_unix)
{
    char input[INPUT_SIZE];
    ssize_t n = recv(fd, input, sizeof(input), MSG_DONTWAIT);
    int r;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        close(fd);
        return true;
    }
    /* Before libuv adds it to its own set; unknown here when it has just been accepted. */
    (void)epoll_ctl(idle->epoll, EPOLL_CTL_DEL, fd, NULL);
    r = http_connection_adopt(idle->connections, fd, is_unix, str_make(input, (size_t)n), NULL,
                              NULL);
    if (r)
        log_warn("agent.http", "cannot serve a connection: %s", error_text(r));
    idle->handed(idle);
    return true;
}

static void on_events(uv_poll_t *watch, int status, int uv_events)
{
    struct http_idle *idle = watch->data;
    struct epoll_event events[TURN_MAX];
    int n;

    (void)status;
    (void)uv_events;
    /* Level-triggered: what does not fit comes in the next turn. */
    n = epoll_wait(idle->epoll, events, TURN_MAX, 0);
    for (int e = 0; e < n; e++) {
        struct idle *i = events[e].data.ptr;

        if (hand_over(idle, i->fd, i->is_unix))
            forget(idle, i);
    }
}

/* ---- from the listeners, and from h2o ---- */

void http_idle_add(struct http_idle *idle, int fd, bool is_unix, struct instant now)
{
    struct idle *i = mem_new(struct idle);
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = i};

    *i = (struct idle){.since = now, .fd = fd, .is_unix = is_unix};
    list_push(&idle->all, &i->link);
    metrics_add(idle->metrics, METRIC_HTTP_IDLE, 1);
    if (epoll_ctl(idle->epoll, EPOLL_CTL_ADD, fd, &e)) {
        log_warn("agent.http", "cannot watch a connection: %s", error_text(-errno));
        drop(idle, i);
    }
}

/* All descriptors are taken: those that wait are closed, or the loop would spin on them. */
static void turn_away(struct http_idle *idle, int listener)
{
    int fd;

    if (idle->reserve < 0)
        return;
    close(idle->reserve);
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        close(fd);
    idle->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void http_idle_accept(struct http_idle *idle, int listener, bool is_unix, struct instant now)
{
    static const int one = 1;

    for (int n = 0; n < TURN_MAX; n++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                log_warn("agent.http", "cannot accept a connection: %s", error_text(-errno));
                turn_away(idle, listener);
            }
            return;
        }
        if (!is_unix)
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (!hand_over(idle, fd, is_unix))
            http_idle_add(idle, fd, is_unix, now);
    }
}
