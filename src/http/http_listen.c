/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every worker has its own socket per address; the kernel spreads connections over them. Because
 * SO_REUSEPORT would also let a second agent of the same user share the port silently, the first
 * socket of an address is bound without it (so a port in use is an error), and given it afterwards.
 *
 * A unix socket knows no such sharing: the workers accept from duplicates of one.
 */
#include "config.h"

#include "http/http_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

static int on(int fd, int option)
{
    static const int one = 1;

    return setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one)) ? -errno : 0;
}

/* A bound socket, or a negative code. */
static int bind_tcp(const struct addr *a, bool is_first)
{
    static const int one = 1;
    int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), r;

    if (fd < 0)
        return -errno;
    r = on(fd, SO_REUSEADDR);
    if (r == 0 && !is_first)
        r = on(fd, SO_REUSEPORT);
    if (r == 0 && a->u.sa.sa_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
        r = -errno;
    if (r == 0 && bind(fd, &a->u.sa, addr_size(a)))
        r = -errno;
    if (r == 0 && is_first)
        r = on(fd, SO_REUSEPORT);
    /* listening at once: from here on nobody else can take the port */
    if (r == 0 && listen(fd, SOMAXCONN))
        r = -errno;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

static int add(struct http_listeners *l, int worker_i, int fd, bool is_unix)
{
    struct http_listener *at = &l->items[l->n++];

    at->fd = fd;
    at->worker_i = worker_i;
    at->is_unix = is_unix;
    return 0;
}

static int listen_tcp(struct http_listeners *l, const struct config *config, struct addr a,
                      int worker_n, struct error *err)
{
    char text[ADDR_TEXT_MAX];

    addr_set_port(&a, (uint16_t)config->port_http);
    for (int i = 0; i < worker_n; i++) {
        int fd = bind_tcp(&a, i == 0);

        if (fd < 0) {
            addr_format(&a, text);
            return error_set(err, fd, "ports.http: cannot listen on %s: %s", text, error_text(fd));
        }
        add(l, i, fd, false);
    }
    return 0;
}

/* A socket that nobody listens on any more is a dead agent's: it goes. */
static int remove_stale(const struct sockaddr_un *a)
{
    struct stat st;
    int fd, r;

    if (lstat(a->sun_path, &st))
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    r = connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 ? -EADDRINUSE : 0;
    close(fd);
    if (r == 0 && unlink(a->sun_path))
        r = -errno;
    return r;
}

static int bind_unix(const struct sockaddr_un *a)
{
    int r = remove_stale(a), fd;

    if (r)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

static int listen_unix(struct http_listeners *l, struct str path, int worker_n, struct error *err)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd;

    if (path.n == 0 || !str_copy_z(path, a.sun_path, sizeof(a.sun_path)))
        return error_set(err, -ENAMETOOLONG, "addresses.http: a socket's path has 1 to %zu bytes",
                         sizeof(a.sun_path) - 1);
    fd = bind_unix(&a);
    if (fd < 0)
        return error_set(err, fd, "addresses.http: cannot listen on %s: %s", a.sun_path,
                         error_text(fd));
    l->unix_path = str_dup_z(path);
    add(l, 0, fd, true);
    for (int i = 1; i < worker_n; i++) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

        if (copy < 0)
            return error_set(err, -errno, "addresses.http: %s", error_text(-errno));
        add(l, i, copy, true);
    }
    return 0;
}

int http_listen(const struct config *config, int worker_n, struct http_listeners **ret,
                struct error *err)
{
    size_t max = (config->http_addr_n + 1) * (size_t)worker_n;
    struct http_listeners *l = mem_new(struct http_listeners);
    int r = 0;

    l->items = mem_alloc(max * sizeof(*l->items));
    if (config->port_http > 0)
        for (size_t i = 0; r == 0 && i < config->http_addr_n; i++)
            r = listen_tcp(l, config, config->http_addrs[i], worker_n, err);
    if (r == 0 && config->http_socket)
        r = listen_unix(l, str_z(config->http_socket), worker_n, err);
    if (r) {
        http_listeners_free(l);
        return r;
    }
    *ret = l;
    return 0;
}

void http_listeners_free(struct http_listeners *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].fd >= 0)
            close(l->items[i].fd);
    if (l->unix_path)
        unlink(l->unix_path);
    mem_free(l->unix_path);
    mem_free(l->items);
    mem_free(l);
}
