/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sd_notify(3): one datagram to a socket whose path, or abstract name, is in the environment. */
#include "agent/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/str.h"

#define KEPT_FIRST 3 /* SD_LISTEN_FDS_START */
#define KEPT_MAX   1024

static socklen_t address(struct sockaddr_un *to)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path ? strlen(path) : 0;
    *to = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n < 2 || n >= sizeof to->sun_path || (path[0] != '/' && path[0] != '@'))
        return 0;
    memcpy(to->sun_path, path, n);
    if (path[0] == '@')
        to->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* kept: a descriptor that goes along; -1: none. */
static void tell(const char *state, int kept)
{
    struct sockaddr_un to;
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.space = {0}};
    struct iovec v = {(void *)(uintptr_t)state, strlen(state)};
    struct msghdr message = {.msg_name = &to, .msg_iov = &v, .msg_iovlen = 1};
    message.msg_namelen = address(&to);
    if (message.msg_namelen == 0)
        return;
    if (kept >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &kept, sizeof(int));
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
        log_warn("agent", "the service manager could not be told: state=%.*s error=\"%s\"",
                 (int)strcspn(state, "\n"), state, error_text(-errno));
    if (fd >= 0)
        close(fd);
}

void notify_service(const char *state)
{
    tell(state, -1);
}

bool notify_is_heard(void)
{
    struct sockaddr_un to;
    return address(&to) > 0;
}

void notify_keep(const char *name, int fd)
{
    char text[128];
    (void)snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s", name);
    tell(text, fd);
}

void notify_forget(const char *name)
{
    char text[128];
    (void)snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
    tell(text, -1);
}

static long number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

int notify_kept(const char *name)
{
    const char *names = getenv("LISTEN_FDNAMES");
    long n = number_of("LISTEN_FDS");
    struct str rest = str_z(names ? names : "");
    if (number_of("LISTEN_PID") != (long)getpid() || n < 1 || n > KEPT_MAX)
        return -1;
    for (int fd = KEPT_FIRST; fd < KEPT_FIRST + n && rest.n > 0; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (str_eq_z(str_split(&rest, ':'), name) && flags >= 0 && !(flags & FD_CLOEXEC) &&
            fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
            return fd; /* the mark says that it is taken */
    }
    return -1;
}
