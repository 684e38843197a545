/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "net/net_bell.h"

struct net_bell {
    uv_poll_t poll;
    int fd;
    void (*on_ring)(void *data);
    void (*closed)(void *data);
    void *data;
};

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct net_bell *b = poll->data;
    eventfd_t n;

    (void)status;
    (void)events;
    if (eventfd_read(b->fd, &n) == 0)
        b->on_ring(b->data);
}

int net_bell_open(void *uv_loop, void (*on_ring)(void *data), void *data, struct net_bell **ret)
{
    struct net_bell *b;
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    b = mem_new(struct net_bell);
    rc = uv_poll_init(uv_loop, &b->poll, fd);
    if (rc) {
        close(fd);
        mem_free(b);
        return rc;
    }
    b->fd = fd;
    b->on_ring = on_ring;
    b->data = data;
    b->poll.data = b;
    rc = uv_poll_start(&b->poll, UV_READABLE, on_readable);
    ASSERT(rc == 0); /* it fails only for handles that are closing */
    *ret = b;
    return 0;
}

void net_bell_ring(struct net_bell *b)
{
    /* It fails only when 2^64 rings were not heard. */
    (void)eventfd_write(b->fd, 1);
}

static void on_closed(uv_handle_t *h)
{
    struct net_bell *b = h->data;

    if (b->closed)
        b->closed(b->data);
}

void net_bell_close(struct net_bell *b, void (*closed)(void *data))
{
    b->closed = closed;
    uv_close((uv_handle_t *)&b->poll, on_closed);
}

void net_bell_free(struct net_bell *b)
{
    close(b->fd);
    mem_free(b);
}
