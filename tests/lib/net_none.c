/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The promise of net/net.h for servers that are alone: none of it is called. */
#include "net/net.h"

void net_serve(struct net *n, const struct net_protocol *p)
{
    (void)n;
    (void)p;
    ASSERT(!"called");
}
struct net_conn *net_dial(struct net *n, const struct addr *a, enum net_byte protocol,
                          const struct net_handler *h, void *data)
{
    (void)n;
    (void)a;
    (void)protocol;
    (void)h;
    (void)data;
    ASSERT(!"called");
    return NULL;
}
struct buf *net_begin(struct net_conn *c)
{
    (void)c;
    ASSERT(!"called");
    return NULL;
}
int net_end(struct net_conn *c)
{
    (void)c;
    ASSERT(!"called");
    return ERR_CLOSED;
}
size_t net_queued(const struct net_conn *c)
{
    (void)c;
    return 0;
}
void net_flush(struct net *n)
{
    (void)n;
}
void net_close(struct net_conn *c, bool graceful)
{
    (void)c;
    (void)graceful;
    ASSERT(!"called");
}
void net_abort(struct net_conn *c)
{
    (void)c;
    ASSERT(!"called");
}
const char *net_peer(const struct net_conn *c)
{
    (void)c;
    return "";
}
