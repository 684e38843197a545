/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each turn of the loop takes up to BATCH datagrams with one recvmmsg, ROUNDS
 * times at most, so that a flood does not keep the core from its other work.
 * Sending is at once: a member sends two packets a second.
 */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "gossip/gossip_packet.h"
#include "gossip/gossip_udp.h"

#define BATCH       16
#define ROUNDS      8
#define BUFFER_SIZE (2 << 20) /* of the kernel's, as in memberlist; halved while refused */
#define BUFFER_MIN  (64 << 10)

struct gossip_udp {
    uv_poll_t handle;
    int fd;
    bool is_stopped;
    gossip_udp_fn receive;
    void *data;
    void (*closed)(void *data);
    void *closed_data;
    uint64_t lost;
    /* the batch */
    struct mmsghdr in[BATCH];
    struct iovec iov[BATCH];
    struct addr from[BATCH];
    char bytes[BATCH][GOSSIP_PACKET_SIZE_MAX];
};

static int bind_socket(const struct addr *bind_to, int *ret)
{
    int fd = socket(bind_to->u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

    if (fd < 0)
        return -errno;
    for (int size = BUFFER_SIZE; size >= BUFFER_MIN; size /= 2)
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0)
            break;
    if (bind(fd, &bind_to->u.sa, addr_size(bind_to)) != 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    *ret = fd;
    return 0;
}

int gossip_udp_open(void *loop, const struct addr *bind_to, gossip_udp_fn receive, void *data,
                    struct gossip_udp **ret)
{
    struct gossip_udp *u;
    int fd = -1, rc = bind_socket(bind_to, &fd);

    if (rc < 0)
        return rc;
    u = mem_new(struct gossip_udp);
    rc = uv_poll_init(loop, &u->handle, fd);
    if (rc < 0) {
        close(fd);
        mem_free(u);
        return rc;
    }
    u->handle.data = u;
    u->fd = fd;
    u->receive = receive;
    u->data = data;
    u->is_stopped = true;
    for (int i = 0; i < BATCH; i++)
        u->iov[i] = (struct iovec){u->bytes[i], GOSSIP_PACKET_SIZE_MAX};
    *ret = u;
    return 0;
}

static int receive_batch(struct gossip_udp *u)
{
    int n;

    for (int i = 0; i < BATCH; i++)
        u->in[i].msg_hdr = (struct msghdr){.msg_name = &u->from[i],
                                           .msg_namelen = sizeof(u->from[i]),
                                           .msg_iov = &u->iov[i],
                                           .msg_iovlen = 1};
    n = recvmmsg(u->fd, u->in, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n && !u->is_stopped; i++) {
        if (u->in[i].msg_hdr.msg_flags & MSG_TRUNC)
            u->lost++;
        else
            u->receive(u->data, &u->from[i], str_make(u->bytes[i], u->in[i].msg_len));
    }
    return n;
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct gossip_udp *u = handle->data;

    (void)status; /* an error of the socket (an ICMP refusal) is read off it, and gone */
    (void)events;
    for (int round = 0; round < ROUNDS && !u->is_stopped; round++)
        if (receive_batch(u) < BATCH)
            break;
}

void gossip_udp_start(struct gossip_udp *u)
{
    int rc = uv_poll_start(&u->handle, UV_READABLE, on_readable);

    ASSERT(rc == 0); /* only fails for a closing handle */
    u->is_stopped = false;
}

void gossip_udp_stop(struct gossip_udp *u)
{
    u->is_stopped = true;
    uv_poll_stop(&u->handle);
}

void gossip_udp_send(struct gossip_udp *u, const struct addr *to, struct str datagram)
{
    ssize_t n;

    do
        n = sendto(u->fd, datagram.p, datagram.n, MSG_DONTWAIT | MSG_NOSIGNAL, &to->u.sa,
                   addr_size(to));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        u->lost++;
}

void gossip_udp_addr(const struct gossip_udp *u, struct addr *ret)
{
    socklen_t n = sizeof(*ret);

    *ret = (struct addr){0};
    ASSERT(getsockname(u->fd, &ret->u.sa, &n) == 0);
}

uint64_t gossip_udp_lost(const struct gossip_udp *u)
{
    return u->lost;
}

static void on_closed(uv_handle_t *handle)
{
    struct gossip_udp *u = handle->data;
    void (*closed)(void *) = u->closed;
    void *data = u->closed_data;

    close(u->fd);
    mem_free(u);
    closed(data);
}

void gossip_udp_close(struct gossip_udp *u, void (*closed)(void *data), void *data)
{
    u->is_stopped = true;
    u->closed = closed;
    u->closed_data = data;
    uv_close((uv_handle_t *)&u->handle, on_closed);
}
