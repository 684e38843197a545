/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_dial.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/mem.h"

#define UNIX_PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)

static int dial_parse_tcp(const char *address, struct str rest, struct cli_dial *ret,
                          struct error *err);

int cli_dial_parse(const char *address, struct cli_dial *ret, struct error *err)
{
    struct str rest = str_z(address);
    struct buf shown;

    if (str_has_prefix(rest, STR_LIT("https://")))
        return error_set(err, ERR_UNSUPPORTED,
                         "TLS to the agent is not supported yet (%s); use http:// or unix://",
                         address);
    if (!str_has_prefix(rest, STR_LIT("unix://"))) {
        if (str_has_prefix(rest, STR_LIT("http://")))
            rest = str_drop(rest, strlen("http://"));
        else if (str_has_prefix(rest, STR_LIT("tcp://")))
            rest = str_drop(rest, strlen("tcp://"));
        return dial_parse_tcp(address, rest, ret, err);
    }
    rest = str_drop(rest, strlen("unix://"));
    if (rest.n == 0 || rest.n >= UNIX_PATH_SIZE)
        return error_set(err, ERR_INVALID, "invalid address '%s': bad socket path", address);
    buf_init(&shown, 0);
    encode_percent(rest, false, &shown);
    *ret = (struct cli_dial){.path = str_dup_z(rest), .shown = str_dup_z(buf_str(&shown))};
    buf_fini(&shown);
    return 0;
}

static int dial_parse_tcp(const char *address, struct str rest, struct cli_dial *ret,
                          struct error *err)
{
    struct str name = rest, port = STR_LIT("80"); /* HTTP's own, as Consul's client has it */
    uint64_t number;
    struct buf shown;

    if (str_has_suffix(rest, STR_LIT("/")))
        name = rest = str_take(rest, rest.n - 1);
    size_t colon = rest.n;
    while (colon > 0 && rest.p[colon - 1] != ':' && rest.p[colon - 1] != ']')
        colon--;
    if (colon > 0 && rest.p[colon - 1] == ':') {
        port = str_drop(rest, colon);
        name = str_take(rest, colon - 1);
    }
    if (name.n > 1 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        name = str_take(str_drop(name, 1), name.n - 2);
    if (name.n == 0 || str_find(name, '/', 0) < name.n || str_to_u64(port, &number) < 0 ||
        number == 0 || number > 65535)
        return error_set(err, ERR_INVALID,
                         "invalid address '%s': host:port, http://host:port or unix:///path is "
                         "expected",
                         address);
    buf_init(&shown, 0);
    buf_putf(&shown, str_find(name, ':', 0) < name.n ? "[%.*s]:%.*s" : "%.*s:%.*s", STR_ARG(name),
             STR_ARG(port));
    *ret = (struct cli_dial){
        .host = str_dup_z(name), .port = str_dup_z(port), .shown = str_dup_z(buf_str(&shown))};
    buf_fini(&shown);
    return 0;
}

void cli_dial_fini(struct cli_dial *d)
{
    mem_free(d->host);
    mem_free(d->port);
    mem_free(d->path);
    mem_free(d->shown);
    *d = (struct cli_dial){0};
}

/* Connects one address within the time limit; the socket is blocking afterwards. */
static int connect_one(int family, const struct sockaddr *sa, socklen_t size, int *ret_fd)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), failure = 0;
    socklen_t n = sizeof(failure);

    if (fd < 0)
        return -errno;
    if (connect(fd, sa, size) < 0) {
        failure = errno;
        if (failure == EINPROGRESS) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            int ready = poll(&p, 1, CLI_DIAL_CONNECT_MS);
            if (ready == 0)
                failure = ETIMEDOUT;
            else if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &n) < 0)
                failure = errno;
        }
    }
    if (failure == 0 && fcntl(fd, F_SETFL, 0) < 0)
        failure = errno;
    if (failure != 0) {
        (void)close(fd);
        return -failure;
    }
    *ret_fd = fd;
    return 0;
}

static int connect_failed(int status, const char *network, const char *where, struct error *err)
{
    char text[128];

    (void)str_copy_z(str_z(error_text(status)), text, sizeof(text));
    text[0] = (char)tolower((unsigned char)text[0]);
    return error_set(err, status, "dial %s %s: connect: %s", network, where, text);
}

int cli_dial_connect(const struct cli_dial *d, int *ret_fd, struct error *err)
{
    if (d->path) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        (void)str_copy_z(str_z(d->path), un.sun_path, sizeof(un.sun_path));
        int status = connect_one(AF_UNIX, (const struct sockaddr *)&un, sizeof(un), ret_fd);
        return status < 0 ? connect_failed(status, "unix", d->path, err) : 0;
    }

    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int failure = getaddrinfo(d->host, d->port, &hints, &list);
    if (failure != 0)
        return error_set(err, ERR_NOT_FOUND, "dial tcp: lookup %s: %s", d->host,
                         failure == EAI_NONAME ? "no such host" : gai_strerror(failure));
    int status = -ECONNREFUSED;
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        status = connect_one(a->ai_family, a->ai_addr, a->ai_addrlen, ret_fd);
        if (status == 0)
            break;
    }
    freeaddrinfo(list);
    return status < 0 ? connect_failed(status, "tcp", d->shown, err) : 0;
}
