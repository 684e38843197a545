/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * consul: checks.CheckTCP, checks.CheckUDP. A name is resolved anew each time, on libuv's threads;
 * its addresses are tried in turn until the timeout.
 */
#include <uv.h>

#include "base/addr.h"
#include "check/socket.h"

#define TIMEOUT DURATION_S(10) /* consul: DefaultTimeout */

struct probe {
    struct check_run run;
    uv_getaddrinfo_t lookup;
    union {
        uv_handle_t any;
        uv_tcp_t tcp;
        uv_udp_t udp;
    } u;
    union {
        uv_connect_t connect;
        uv_udp_send_t send;
    } request;
    bool is_udp, starting, looking, open, finished;
    struct addrinfo *found, *next; /* NULL when the target is an address */
    struct addr addr;
    char target[300], bytes[16];
};

static void connect_to(struct probe *p, const struct sockaddr *sa);
static void finish(struct probe *p);
static void next_address(struct probe *p, int why);

static struct probe *of(struct check_run *run)
{
    return LIST_ITEM(run, struct probe, run);
}

static void on_cancel(struct check_run *run)
{
    finish(of(run));
}

static void on_timeout(struct timer *t, struct instant now)
{
    (void)now;
    struct probe *p = of(runner_of_timer(t));
    if (p->is_udp && p->open)
        runner_tellf(&p->run, CHECK_PASSING, "UDP connect %s: Success", p->target);
    else
        runner_tellf(&p->run, CHECK_CRITICAL, "dial %s %s: i/o timeout", p->is_udp ? "udp" : "tcp",
                     p->target);
    finish(p);
}

static void release(struct probe *p)
{
    if (p->starting || p->looking || p->open)
        return;
    if (p->found)
        uv_freeaddrinfo(p->found);
    runner_end(&p->run);
    mem_free(p);
}

static void on_closed(uv_handle_t *h)
{
    struct probe *p = h->data;
    p->open = false;
    release(p);
}

static void finish(struct probe *p)
{
    if (p->finished)
        return;
    p->finished = true;
    if (p->looking)
        uv_cancel((uv_req_t *)&p->lookup);
    if (p->open)
        uv_close(&p->u.any, on_closed);
    else
        release(p);
}

static void tell(struct probe *p, int rc)
{
    const char *net = p->is_udp ? "udp" : "tcp", *NET = p->is_udp ? "UDP" : "TCP";
    struct check_run *run = &p->run;
    if (rc == 0)
        runner_tellf(run, CHECK_PASSING, "%s connect %s: Success", NET, p->target);
    else if (rc == UV_ECONNREFUSED)
        runner_tellf(run, CHECK_CRITICAL, "dial %s %s: connect: connection refused", net,
                     p->target);
    else
        runner_tellf(run, CHECK_CRITICAL, "dial %s %s: %s", net, p->target, uv_strerror(rc));
    finish(p);
}

/* ---- sockets ---- */

static void on_retry_closed(uv_handle_t *h)
{
    struct probe *p = h->data;
    p->open = false;
    if (p->finished)
        release(p);
    else
        connect_to(p, p->next->ai_addr);
}

/* The one before failed for this reason. */
static void next_address(struct probe *p, int why)
{
    p->next = p->next ? p->next->ai_next : NULL;
    if (!p->next)
        tell(p, why);
    else if (p->open)
        uv_close(&p->u.any, on_retry_closed);
    else
        connect_to(p, p->next->ai_addr);
}

static void on_connect(uv_connect_t *c, int status)
{
    struct probe *p = c->data;
    if (p->finished || uv_is_closing(&p->u.any))
        return;
    if (status)
        next_address(p, status);
    else
        tell(p, 0);
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    struct probe *p = h->data;
    (void)size;
    *buf = uv_buf_init(p->bytes, sizeof p->bytes);
}

static void on_datagram(uv_udp_t *h, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                        unsigned flags)
{
    struct probe *p = h->data;
    (void)buf, (void)flags;
    if (p->finished || (n == 0 && !from))
        return;
    tell(p, n < 0 ? (int)n : 0);
}

static void on_sent(uv_udp_send_t *s, int status)
{
    struct probe *p = s->data;
    if (status && !p->finished && !uv_is_closing(&p->u.any))
        next_address(p, status);
}

static void connect_to(struct probe *p, const struct sockaddr *sa)
{
    uv_loop_t *loop = runner_loop(p->run.runner);
    uv_buf_t nothing = uv_buf_init(p->bytes, 0);
    int rc;
    if (p->is_udp) {
        rc = uv_udp_init(loop, &p->u.udp);
        p->u.any.data = p->request.send.data = p;
        p->open = rc == 0;
        if (!rc)
            rc = uv_udp_connect(&p->u.udp, sa);
        if (!rc)
            rc = uv_udp_recv_start(&p->u.udp, on_alloc, on_datagram);
        if (!rc)
            rc = uv_udp_send(&p->request.send, &p->u.udp, &nothing, 1, NULL, on_sent);
    } else {
        rc = uv_tcp_init(loop, &p->u.tcp);
        p->u.any.data = p->request.connect.data = p;
        p->open = rc == 0;
        if (!rc)
            rc = uv_tcp_connect(&p->request.connect, &p->u.tcp, sa, on_connect);
    }
    if (rc)
        next_address(p, rc);
}

/* ---- names ---- */

static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct probe *p = lookup->data;
    p->looking = false;
    p->found = found;
    if (p->finished) {
        release(p);
        return;
    }
    p->next = found;
    if (status || !found)
        tell(p, status ? status : UV_EAI_NONAME);
    else
        connect_to(p, found->ai_addr);
}

static int look_up(struct probe *p, struct str target)
{
    char host[256], port[16];
    struct addrinfo hints = {.ai_socktype = p->is_udp ? SOCK_DGRAM : SOCK_STREAM};
    size_t colon = target.n;
    while (colon > 0 && target.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_copy_z(str_take(target, colon - 1), host, sizeof host) ||
        !str_copy_z(str_drop(target, colon), port, sizeof port) || !port[0])
        return UV_EINVAL;
    p->lookup.data = p;
    int rc = uv_getaddrinfo(runner_loop(p->run.runner), &p->lookup, on_found, host, port, &hints);
    p->looking = rc == 0;
    return rc;
}

struct check_run *socket_start(const struct check_run *run)
{
    struct probe *p = mem_new(struct probe);
    struct check_run copy = *run;
    struct str target = run->type->tcp.n ? run->type->tcp : run->type->udp;
    p->run = copy;
    p->run.cancel = on_cancel;
    p->is_udp = run->type->tcp.n == 0;
    str_copy_z(target, p->target, sizeof p->target);
    p->starting = true;
    runner_begin(run->runner, &p->run);
    runner_set_timeout(&p->run, TIMEOUT, on_timeout);
    int rc = 0;
    if (addr_parse_port(target, 0, &p->addr) == 0)
        connect_to(p, &p->addr.u.sa);
    else
        rc = look_up(p, target);
    if (rc) {
        runner_tellf(&p->run, CHECK_CRITICAL, "dial %s %s: %s", p->is_udp ? "udp" : "tcp",
                     p->target, rc == UV_EINVAL ? "missing port in address" : uv_strerror(rc));
        finish(p);
    }
    p->starting = false;
    if (p->run.done)
        return &p->run;
    release(p);
    return NULL;
}
