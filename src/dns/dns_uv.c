/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The door: every worker has its own UDP and TCP socket on every client
 * address, all bound to the same port with SO_REUSEPORT, so that the kernel
 * spreads the questions and no worker hands anything to another.
 *
 * SO_REUSEPORT would also let a second agent of the same user take half of
 * our questions, unseen. So a plain socket is bound first: that fails when
 * anybody has the port.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "dns/dns.h"
#include "dns/dns_tcp.h"
#include "dns/dns_udp.h"

#define RECEIVE_BUFFER_SIZE                                                                        \
    (1 << 20) /* some thousand questions while the worker does other things */

struct socket_pair {
    struct addr addr;
    int udp, tcp; /* -1: taken over by the worker, or not open */
};

struct dns_listeners {
    int worker_n;
    size_t addr_n;
    struct socket_pair *pairs; /* worker_n runs of addr_n */
};

struct dns_door {
    struct dns_worker worker;
    size_t socket_n;
    struct dns_udp **udp; /* socket_n each */
    struct dns_tcp **tcp;
    size_t open_n;      /* closing: what has not called back yet */
    struct timer timer; /* closing: the deadline, then the last turn */
    bool is_past_deadline, is_closing_sockets;
    void (*closed)(void *data);
    void *data;
};

/* ---- listeners ---- */

static int bind_one(const struct addr *a, int type, bool is_shared, int *ret)
{
    int one = 1, size = RECEIVE_BUFFER_SIZE;
    int fd = socket(a->u.sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (!addr_is_v4(a))
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (type == SOCK_STREAM) /* connections of a former run may linger */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (is_shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0)
        goto fail;
    if (type == SOCK_DGRAM) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (addr_is_any(a) && addr_is_v4(a))
            (void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
        else if (addr_is_any(a))
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
    }
    if (bind(fd, &a->u.sa, addr_size(a)) != 0)
        goto fail;
    /* Two sockets with SO_REUSEADDR may be bound alike as long as none listens. */
    if (type == SOCK_STREAM && !is_shared && listen(fd, 1) != 0)
        goto fail;
    *ret = fd;
    return 0;
fail:;
    int status = -errno;
    close(fd);
    return status;
}

static int probe(const struct addr *a, int type, struct error *err)
{
    char text[ADDR_TEXT_MAX];
    int fd, status = bind_one(a, type, false, &fd);

    addr_format(a, text);
    if (status != 0)
        return error_set(err, status, "DNS: cannot listen on %s (%s): %s", text,
                         type == SOCK_DGRAM ? "udp" : "tcp", error_text(status));
    close(fd);
    return 0;
}

int dns_listen(const struct config *config, int worker_n, struct dns_listeners **ret,
               struct error *err)
{
    struct dns_listeners *l = mem_new(struct dns_listeners);
    int status = 0;

    l->worker_n = worker_n;
    l->addr_n = config->port_dns > 0 ? config->dns_addr_n : 0;
    l->pairs = mem_alloc((size_t)worker_n * l->addr_n * sizeof(l->pairs[0]));
    for (size_t i = 0; i < (size_t)worker_n * l->addr_n; i++) {
        l->pairs[i].addr = config->dns_addrs[i % l->addr_n];
        addr_set_port(&l->pairs[i].addr, (uint16_t)config->port_dns);
        l->pairs[i].udp = l->pairs[i].tcp = -1;
    }
    for (size_t i = 0; i < l->addr_n && status == 0; i++) {
        status = probe(&l->pairs[i].addr, SOCK_DGRAM, err);
        if (status == 0)
            status = probe(&l->pairs[i].addr, SOCK_STREAM, err);
    }
    for (size_t i = 0; i < (size_t)worker_n * l->addr_n && status == 0; i++) {
        struct socket_pair *p = &l->pairs[i];
        status = bind_one(&p->addr, SOCK_DGRAM, true, &p->udp);
        if (status == 0)
            status = bind_one(&p->addr, SOCK_STREAM, true, &p->tcp);
        if (status != 0)
            error_set(err, status, "DNS: cannot listen on port %d: %s", (int)config->port_dns,
                      error_text(status));
    }
    if (status != 0) {
        dns_listeners_free(l);
        return status;
    }
    *ret = l;
    return 0;
}

void dns_listeners_free(struct dns_listeners *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < (size_t)l->worker_n * l->addr_n; i++) {
        if (l->pairs[i].udp >= 0)
            close(l->pairs[i].udp);
        if (l->pairs[i].tcp >= 0)
            close(l->pairs[i].tcp);
    }
    mem_free(l->pairs);
    mem_free(l);
}

/* ---- the door of one worker ---- */

static void on_idle(struct dns_worker *w);
static void on_timer(struct timer *t, struct instant now);
static void close_sockets(struct dns_door *d);

static void on_half_closed(void *data)
{
    struct dns_door *d = data;
    if (--d->open_n == 0)
        timers_set(d->worker.env->timers, &d->timer, env_now(d->worker.env));
}

static void door_free(struct dns_door *d)
{
    dns_worker_fini(&d->worker);
    mem_free(d->udp);
    mem_free(d->tcp);
    mem_free(d);
}

static void on_failed_open(void *data)
{
    (void)data;
}

static int door_open(void *uv_loop, struct env *env, void *config, void **ret_door,
                     struct error *err)
{
    struct dns_listeners *l = config;
    struct dns_door *d = mem_new(struct dns_door);
    int status = dns_worker_init(&d->worker, uv_loop, env, err);

    if (status != 0) {
        mem_free(d);
        return status;
    }
    ASSERT(env->worker_i < l->worker_n || l->addr_n == 0);
    d->timer.fire = on_timer;
    d->worker.on_idle = on_idle;
    d->udp = mem_alloc(l->addr_n * sizeof(d->udp[0]));
    d->tcp = mem_alloc(l->addr_n * sizeof(d->tcp[0]));
    for (size_t i = 0; i < l->addr_n && status == 0; i++) {
        struct socket_pair *p = &l->pairs[(size_t)env->worker_i * l->addr_n + i];
        status = dns_udp_open(&d->worker, p->udp, &d->udp[i]);
        p->udp = -1;
        if (status != 0)
            break;
        status = dns_tcp_open(&d->worker, p->tcp, &d->tcp[i]);
        p->tcp = -1;
        if (status == 0)
            d->socket_n++;
        else
            dns_udp_close(d->udp[i], on_failed_open, NULL);
    }
    if (status != 0) {
        for (size_t i = 0; i < d->socket_n; i++) {
            dns_udp_close(d->udp[i], on_failed_open, NULL);
            dns_tcp_close(d->tcp[i], on_failed_open, NULL);
        }
        door_free(d);
        return error_set(err, status, "DNS: cannot use its sockets: %s", error_text(status));
    }
    *ret_door = d;
    return 0;
}

/* Closing: first no more questions; then, when none pends or at the deadline, the way to the
 * recursors, whose calls end; then the sockets; then, in one more turn, the door. */
static void door_close(void *door, struct instant deadline, void (*closed)(void *data), void *data)
{
    struct dns_door *d = door;
    struct env *env = d->worker.env;

    d->closed = closed;
    d->data = data;
    d->worker.is_closing = true;
    for (size_t i = 0; i < d->socket_n; i++) {
        dns_udp_stop(d->udp[i]);
        dns_tcp_stop(d->tcp[i]);
    }
    timers_set(env->timers, &d->timer, d->worker.pending_n == 0 ? env_now(env) : deadline);
}

static void on_idle(struct dns_worker *w)
{
    struct dns_door *d = LIST_ITEM(w, struct dns_door, worker);
    if (w->is_closing && !d->is_past_deadline && w->pending_n == 0)
        timers_set(w->env->timers, &d->timer, env_now(w->env));
}

static void on_timer(struct timer *t, struct instant now)
{
    struct dns_door *d = LIST_ITEM(t, struct dns_door, timer);
    struct dns_worker *w = &d->worker;

    (void)now;
    if (!d->is_past_deadline) {
        d->is_past_deadline = true;
        d->open_n = 1;
        if (w->forward)
            dns_forward_close(w->forward, on_half_closed, d);
        else
            on_half_closed(d);
        w->forward = NULL;
        return;
    }
    if (!d->is_closing_sockets) {
        if (w->pending_n > 0 || w->retiring_n > 0) { /* their ends are under way */
            timers_set(w->env->timers, t, instant_add(env_now(w->env), DURATION_MS(5)));
            return;
        }
        d->is_closing_sockets = true;
        close_sockets(d);
        return;
    }
    void (*closed)(void *) = d->closed;
    void *data = d->data;
    door_free(d);
    closed(data);
}

static void close_sockets(struct dns_door *d)
{
    d->open_n = 1;
    for (size_t i = 0; i < d->socket_n; i++) {
        d->open_n += 2;
        dns_udp_close(d->udp[i], on_half_closed, d);
        dns_tcp_close(d->tcp[i], on_half_closed, d);
    }
    on_half_closed(d);
}

static void door_reload(void *door)
{
    struct dns_door *d = door;
    dns_worker_reload(&d->worker);
}

const struct door dns_door = {
    .name = "dns", .open = door_open, .close = door_close, .reload = door_reload};
