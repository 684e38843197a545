/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <uv.h>

#include "agent/resolve.h"
#include "base/mem.h"

struct resolve {
    uv_getaddrinfo_t request;
    uint16_t port;
    resolve_fn done;
    void *data;
};

static size_t take(const struct addrinfo *list, uint16_t port, struct addr *ret)
{
    size_t n = 0;
    for (const struct addrinfo *i = list; i && n < RESOLVE_ADDRS_MAX; i = i->ai_next) {
        if (i->ai_family == AF_INET)
            memcpy(&ret[n].u.v4, i->ai_addr, sizeof ret[n].u.v4);
        else if (i->ai_family == AF_INET6)
            memcpy(&ret[n].u.v6, i->ai_addr, sizeof ret[n].u.v6);
        else
            continue;
        addr_set_port(&ret[n++], port);
    }
    return n;
}

static void on_resolved(uv_getaddrinfo_t *q, int status, struct addrinfo *list)
{
    struct resolve *r = q->data;
    struct addr addrs[RESOLVE_ADDRS_MAX] = {0};
    size_t n = status ? 0 : take(list, r->port, addrs);
    uv_freeaddrinfo(list);
    if (r->done)
        r->done(r->data, n ? 0 : ERR_NOT_FOUND, addrs, n);
    mem_free(r);
}

int resolve_start(void *uv_loop, struct str host, uint16_t port, resolve_fn done, void *data,
                  struct resolve **ret)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char name[256];
    if (host.n == 0 || host.n >= sizeof name)
        return ERR_INVALID;
    (void)str_copy_z(host, name, sizeof name);
    struct resolve *r = mem_new(struct resolve);
    r->port = port;
    r->done = done;
    r->data = data;
    r->request.data = r;
    int rc = uv_getaddrinfo(uv_loop, &r->request, on_resolved, name, NULL, &hints);
    if (rc) {
        mem_free(r);
        return rc;
    }
    *ret = r;
    return 0;
}

void resolve_cancel(struct resolve *r)
{
    r->done = NULL;
    (void)uv_cancel((uv_req_t *)&r->request);
}
