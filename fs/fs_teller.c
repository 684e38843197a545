/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fs/fs_teller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_wire.h"

#define SPACE     65536 /* more than any item */
#define HEAD      11    /* of an item: kind, number, size */
#define LOOK_MS   20
#define HEIR_MS   20000 /* so long the next agent may take */
#define ALONE_MS  500
#define FD_ORDERS 3
#define FD_FUSE   4
#define FD_LIFE   5
#define FD_SAFE   16

struct fs_teller {
    pid_t pid;
    int orders; /* batches there, a byte for each back */
    int life;   /* closed when the agent is gone */
    bool is_gone;
};

/* ---- both sides ---- */

static uint64_t number_at(const unsigned char *p, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* Tells whole items; returns how many bytes they had. Only system calls. */
static size_t tell_items(int fuse, const char *bytes, size_t n, bool *ret_ended)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t at = 0;
    *ret_ended = false;
    while (at < n && !*ret_ended) {
        if (p[at] == FS_TELLER_END) {
            *ret_ended = true;
            at++;
            break;
        }
        size_t size = n - at < HEAD ? 0 : (size_t)number_at(p + at + 9, 2);
        if (n - at < HEAD + size)
            break;
        uint64_t number = number_at(p + at + 1, 8);
        /* -ENOENT only says that the kernel did not know it. */
        if (p[at] == FS_TELLER_NAME)
            (void)fs_wire_forget_name(fuse, number, bytes + at + HEAD, size);
        else if (p[at] == FS_TELLER_EPOCH)
            (void)fs_wire_forget_epoch(fuse);
        else
            (void)fs_wire_forget_inode(fuse, number, p[at] == FS_TELLER_LISTING);
        at += HEAD + size;
    }
    return at;
}

/* ---- the processes ---- */

/* Every request ends, and the mount stays, dead: held here, it is busy. Who is not root asks the
 * control file system, where it is mounted. None of this asks the mount itself. */
static void abort_mount(const char *path)
{
    char control[64];
    struct statx st;
    int held = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (umount2(path, MNT_FORCE) == 0 || errno != EPERM)
        return;
    if (held < 0 || statx(held, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) < 0)
        return;
    (void)snprintf(control, sizeof(control), "/sys/fs/fuse/connections/%u/abort", st.stx_dev_minor);
    int fd = open(control, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, "1", 1);
}

/* The agent is gone; the teller, our parent, should be soon. */
static void run_guard(pid_t teller, const char *path, int wait_ms)
{
    struct pollfd p = {.fd = FD_LIFE};
    (void)close(FD_ORDERS);
    (void)close(FD_FUSE);
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
    for (int ms = 0; ms < wait_ms && getppid() == teller; ms += LOOK_MS)
        (void)poll(NULL, 0, LOOK_MS);
    if (getppid() == teller)
        abort_mount(path);
    _exit(0);
}

static void run_teller(void)
{
    char space[SPACE];
    size_t n = 0;
    for (;;) {
        bool ended;
        ssize_t got = read(FD_ORDERS, space + n, sizeof(space) - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            _exit(0);
        n += (size_t)got;
        do {
            size_t told = tell_items(FD_FUSE, space, n, &ended);
            memmove(space, space + told, n - told);
            n -= told;
            if (ended && write(FD_ORDERS, "e", 1) != 1)
                _exit(0);
        } while (ended && n > 0);
    }
}

/* In the child: nothing of the agent's stays open. Forked without the handlers of pthread_atfork:
 * libuv's closes the numbers that its signal pipe had in the agent, which are ours by now. */
static void become(int orders, int fuse, int life, const char *path, bool heir)
{
    static const int ignored[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
                                  SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
        (void)sigaction(ignored[i], &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    (void)prctl(PR_SET_NAME, "disco-teller");
    orders = fcntl(orders, F_DUPFD, FD_SAFE);
    fuse = fcntl(fuse, F_DUPFD, FD_SAFE);
    life = fcntl(life, F_DUPFD, FD_SAFE);
    if (dup2(orders, FD_ORDERS) < 0 || dup2(fuse, FD_FUSE) < 0 || dup2(life, FD_LIFE) < 0)
        _exit(1);
    (void)close_range(0, FD_ORDERS - 1, 0);
    (void)close_range(FD_LIFE + 1, UINT32_MAX, 0);
    pid_t teller = getpid();
    if (_Fork() == 0)
        run_guard(teller, path, heir ? HEIR_MS : ALONE_MS);
    (void)close(FD_LIFE);
    run_teller();
}

/* ---- the agent ---- */

struct fs_teller *fs_teller_open(int fuse, const char *path, bool heir)
{
    struct fs_teller *t = mem_new(struct fs_teller);
    int orders[2], life[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, orders) < 0) {
        mem_free(t);
        return NULL;
    }
    if (pipe2(life, O_CLOEXEC) < 0) {
        close(orders[0]);
        close(orders[1]);
        mem_free(t);
        return NULL;
    }
    t->pid = _Fork();
    if (t->pid == 0)
        become(orders[1], fuse, life[0], path, heir);
    close(orders[1]);
    close(life[0]);
    t->orders = orders[0];
    t->life = life[1];
    if (t->pid > 0)
        return t;
    log_warn("mount", "%s: no process for the kernel's caches: %s", path, error_text(-errno));
    close(t->orders);
    close(t->life);
    mem_free(t);
    return NULL;
}

void fs_teller_close(struct fs_teller *t)
{
    if (!t)
        return;
    close(t->orders);
    close(t->life);
    while (waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    mem_free(t);
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool has_told(int fd)
{
    char done;
    ssize_t n;
    while ((n = read(fd, &done, 1)) < 0 && errno == EINTR)
        ;
    return n == 1;
}

void fs_teller_tell(struct fs_teller *t, int fuse, struct str batch)
{
    const char end = FS_TELLER_END;
    bool ended;
    if (t && !t->is_gone && send_all(t->orders, batch.p, batch.n) && send_all(t->orders, &end, 1) &&
        has_told(t->orders))
        return;
    if (t && !t->is_gone)
        log_warn("mount", "the process for the kernel's caches is gone");
    if (t)
        t->is_gone = true;
    (void)tell_items(fuse, batch.p, batch.n, &ended);
}
