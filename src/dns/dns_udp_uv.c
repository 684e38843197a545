/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each turn of the loop takes up to BATCH datagrams with one recvmmsg, answers
 * them from one view and sends what came out with one sendmmsg, at most
 * ROUNDS times, so that the other doors of the worker get their turn.
 *
 * When the socket's send buffer is full the rest of a batch is dropped: the
 * asker asks again, and nothing piles up here. On a wildcard address the
 * answer leaves from the address the question came to (IP_PKTINFO), or the
 * asker would not know it for one.
 */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <uv.h>

#include "agent/metrics.h"
#include "base/mem.h"
#include "dns/dns_udp.h"

#define BATCH           32
#define ROUNDS          8
#define QUESTION_MAX    1232 /* longer datagrams are no questions; dropped */
#define CONTROL_MAX     64   /* one in6_pktinfo or in_pktinfo with its header */
#define DNS_HEADER_SIZE 12

struct peer {
    struct addr addr;
    socklen_t addr_n;
    size_t control_n;
    _Alignas(struct cmsghdr) char control[CONTROL_MAX];
};

struct dns_udp {
    uv_poll_t handle;
    struct dns_worker *worker;
    int fd;
    bool is_stopped;
    void (*closed)(void *data);
    void *data;
    /* the batch */
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_iov[BATCH], out_iov[BATCH];
    struct peer peers[BATCH];
    char questions[BATCH][QUESTION_MAX];
};

/* A question that waits for a recursor. */
struct waiting {
    struct dns_pending pending;
    struct dns_udp *udp;
    struct peer peer;
};

static void on_readable(uv_poll_t *handle, int status, int events);
static int receive(struct dns_udp *u);
static void answer_batch(struct dns_udp *u, int n);
static void send_batch(struct dns_udp *u, unsigned n);
static void wait(struct dns_udp *u, int i, enum dns_outcome outcome, struct str packet,
                 const struct dns_chase *chase, uint64_t seed);

int dns_udp_open(struct dns_worker *w, int fd, struct dns_udp **ret)
{
    struct dns_udp *u = mem_new(struct dns_udp);
    int status = uv_poll_init(w->loop, &u->handle, fd);

    if (status != 0) {
        close(fd);
        mem_free(u);
        return status;
    }
    u->handle.data = u;
    u->worker = w;
    u->fd = fd;
    for (int i = 0; i < BATCH; i++)
        u->in_iov[i] = (struct iovec){u->questions[i], QUESTION_MAX};
    status = uv_poll_start(&u->handle, UV_READABLE, on_readable);
    ASSERT(status == 0); /* only fails for a closing handle */
    *ret = u;
    return 0;
}

void dns_udp_stop(struct dns_udp *u)
{
    u->is_stopped = true;
    uv_poll_stop(&u->handle);
}

static void on_closed(uv_handle_t *handle)
{
    struct dns_udp *u = handle->data;
    void (*closed)(void *) = u->closed;
    void *data = u->data;

    close(u->fd);
    mem_free(u);
    closed(data);
}

void dns_udp_close(struct dns_udp *u, void (*closed)(void *data), void *data)
{
    u->closed = closed;
    u->data = data;
    uv_close((uv_handle_t *)&u->handle, on_closed);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct dns_udp *u = handle->data;

    (void)status; /* an error of the socket is read off it, and gone */
    (void)events;
    for (int round = 0; round < ROUNDS && !u->is_stopped; round++) {
        int n = receive(u);
        if (n > 0)
            answer_batch(u, n);
        if (n < BATCH)
            break;
    }
}

static int receive(struct dns_udp *u)
{
    for (int i = 0; i < BATCH; i++)
        u->in[i].msg_hdr = (struct msghdr){.msg_name = &u->peers[i].addr,
                                           .msg_namelen = sizeof(u->peers[i].addr),
                                           .msg_iov = &u->in_iov[i],
                                           .msg_iovlen = 1,
                                           .msg_control = u->peers[i].control,
                                           .msg_controllen = CONTROL_MAX};
    int n = recvmmsg(u->fd, u->in, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        u->peers[i].addr_n = u->in[i].msg_hdr.msg_namelen;
        u->peers[i].control_n = u->in[i].msg_hdr.msg_controllen;
    }
    return n;
}

static void answer_batch(struct dns_udp *u, int n)
{
    struct dns_worker *w = u->worker;
    struct view view, *v = dns_worker_begin(w, STR_NONE, &view);
    unsigned out_n = 0;
    size_t at = 0;

    for (int i = 0; i < n; i++) {
        struct dns_chase chase;
        uint64_t seed;
        size_t size = 0;
        struct str packet = str_make(u->questions[i], u->in[i].msg_len);
        if ((u->in[i].msg_hdr.msg_flags & MSG_TRUNC) || packet.n < DNS_HEADER_SIZE)
            continue;
        if (DNS_WORKER_OUT_SIZE - at < dns_answer_size(packet, false)) {
            send_batch(u, out_n);
            out_n = 0;
            at = 0;
        }
        w->asker.source = u->peers[i].addr;
        enum dns_outcome outcome =
            dns_worker_answer(w, v, packet, false, &chase, &seed, w->out + at, &size);
        if (outcome != DNS_ANSWERED && outcome != DNS_DROPPED) {
            if (w->pending_n < DNS_WORKER_PENDING_MAX) {
                wait(u, i, outcome, packet, &chase, seed);
                continue;
            }
            size = dns_worker_servfail(w, packet, false, w->out + at);
        } else if (outcome == DNS_DROPPED) {
            continue;
        }
        struct peer *p = &u->peers[i];
        u->out_iov[out_n] = (struct iovec){w->out + at, size};
        u->out[out_n].msg_hdr = (struct msghdr){.msg_name = &p->addr,
                                                .msg_namelen = p->addr_n,
                                                .msg_iov = &u->out_iov[out_n],
                                                .msg_iovlen = 1,
                                                .msg_control = p->control_n ? p->control : NULL,
                                                .msg_controllen = p->control_n};
        out_n++;
        at += size;
    }
    dns_worker_end(v);
    send_batch(u, out_n);
    metrics_add(w->env->metrics, METRIC_DNS_QUERIES, n);
}

static void send_batch(struct dns_udp *u, unsigned n)
{
    for (unsigned done = 0; done < n;) {
        int sent = sendmmsg(u->fd, u->out + done, n - done, MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        /* One that cannot be sent (its peer is unreachable, it is too long) is left out. */
        done += sent > 0 ? (unsigned)sent : 1;
    }
}

static void on_done(struct dns_pending *pending, const uint8_t *answer, size_t n)
{
    struct waiting *w = LIST_ITEM(pending, struct waiting, pending);
    struct iovec iov = {(void *)(uintptr_t)answer, n};
    struct msghdr m = {.msg_name = &w->peer.addr,
                       .msg_namelen = w->peer.addr_n,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = w->peer.control_n ? w->peer.control : NULL,
                       .msg_controllen = w->peer.control_n};

    (void)!sendmsg(w->udp->fd, &m, MSG_DONTWAIT); /* lost like any datagram */
    mem_free(w);
}

static void wait(struct dns_udp *u, int i, enum dns_outcome outcome, struct str packet,
                 const struct dns_chase *chase, uint64_t seed)
{
    struct waiting *w = mem_new(struct waiting);

    w->udp = u;
    w->peer = u->peers[i];
    w->pending.done = on_done;
    dns_worker_wait(u->worker, &w->pending, outcome, packet, false, chase, seed);
}
