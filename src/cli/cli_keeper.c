/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define KEPT_MAX     16
#define NAME_MAX_N   255 /* FDNAME, systemd's limit */
#define MESSAGE_MAX  4096
#define AGAIN_MS     100 /* doubled with each end that came too soon */
#define AGAIN_MAX_MS 5000
#define LIVED_MS     10000 /* so long it must live to count as well */
#define FAILS_MAX    5     /* in a row; then what was kept is let go, and nobody waits for it */

struct keeper {
    char *const *argv;
    int socket, signals;
    char address[64]; /* $NOTIFY_SOCKET of the child */
    struct kept {
        char name[NAME_MAX_N + 1];
        int fd;
    } kept[KEPT_MAX];
    size_t kept_n;
    pid_t pid; /* 0: none runs */
    struct instant started, again;
    int fail_n;
    bool ends, restarts; /* as the next end of the child is meant */
    int status;
};

static const int passed[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

/* ---- what is kept ---- */

static void drop(struct keeper *k, struct str name)
{
    for (size_t i = k->kept_n; i-- > 0;)
        if (!name.p || str_eq_z(name, k->kept[i].name)) {
            (void)close(k->kept[i].fd);
            k->kept[i] = k->kept[--k->kept_n];
        }
}

static void keep(struct keeper *k, struct str name, int fd)
{
    struct kept *at = &k->kept[k->kept_n];
    if (k->kept_n == KEPT_MAX || !str_copy_z(name, at->name, sizeof(at->name))) {
        (void)fprintf(stderr, "hold: a descriptor too many, it is not kept\n");
        (void)close(fd);
        return;
    }
    at->fd = fd;
    k->kept_n++;
}

/* What we are told goes on to who started us, less what was for us. */
static void pass_on(struct str text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, text.p, text.n, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    (void)close(fd);
}

static void hear(struct keeper *k, struct str text, pid_t from, const int *fds, size_t fd_n)
{
    struct str rest = text, name = STR_LIT("stored");
    bool keeps = false, drops = false;
    while (rest.n > 0) {
        struct str line = str_split(&rest, '\n');
        keeps |= str_eq_z(line, "FDSTORE=1");
        drops |= str_eq_z(line, "FDSTOREREMOVE=1");
        if (str_has_prefix(line, STR_LIT("FDNAME=")))
            name = str_drop(line, strlen("FDNAME="));
    }
    bool is_child = k->pid > 0 && from == k->pid;
    if (is_child && drops)
        drop(k, name);
    for (size_t i = 0; i < fd_n; i++)
        if (is_child && keeps)
            keep(k, name, fds[i]);
        else
            (void)close(fds[i]);
    if (is_child && !keeps && !drops)
        pass_on(text);
}

static void receive(struct keeper *k)
{
    char text[MESSAGE_MAX];
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(KEPT_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec v = {text, sizeof(text)};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control.space,
                       .msg_controllen = sizeof(control.space)};
    ssize_t n = recvmsg(k->socket, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    int fds[KEPT_MAX];
    size_t fd_n = 0;
    pid_t from = 0;
    if (n < 0)
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            fd_n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(fds, CMSG_DATA(c), fd_n * sizeof(int));
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred sender;
            memcpy(&sender, CMSG_DATA(c), sizeof(sender));
            from = sender.pid;
        }
    }
    hear(k, str_make(text, (size_t)n), from, fds, fd_n);
}

/* ---- the child ---- */

/* In the child. What is kept becomes 3, 4, ...: first out of the way of those. */
static void become(struct keeper *k)
{
    char text[32];
    struct buf names;
    sigset_t none;
    buf_init(&names, 0);
    for (size_t i = 0; i < k->kept_n; i++) {
        int fd = fcntl(k->kept[i].fd, F_DUPFD_CLOEXEC, 3 + KEPT_MAX);
        if (fd < 0)
            _exit(126);
        k->kept[i].fd = fd;
    }
    for (size_t i = 0; i < k->kept_n; i++) {
        if (dup2(k->kept[i].fd, (int)(3 + i)) < 0)
            _exit(126);
        buf_putf(&names, "%s%s", i ? ":" : "", k->kept[i].name);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setenv("NOTIFY_SOCKET", k->address, 1);
    if (k->kept_n > 0) {
        (void)snprintf(text, sizeof(text), "%ld", (long)getpid());
        (void)setenv("LISTEN_PID", text, 1);
        (void)snprintf(text, sizeof(text), "%zu", k->kept_n);
        (void)setenv("LISTEN_FDS", text, 1);
        (void)setenv("LISTEN_FDNAMES", buf_z(&names), 1);
    }
    (void)execvp(k->argv[0], k->argv);
    (void)fprintf(stderr, "hold: %s: %s\n", k->argv[0], error_text(-errno));
    _exit(127);
}

static void start(struct keeper *k)
{
    k->started = clock_now();
    k->restarts = false;
    k->pid = fork();
    if (k->pid == 0)
        become(k);
    if (k->pid < 0) {
        (void)fprintf(stderr, "hold: %s\n", error_text(-errno));
        k->pid = 0;
        k->again = instant_add(k->started, DURATION_MS(AGAIN_MAX_MS));
    }
}

/* False: it is not to be started again. */
static bool ended(struct keeper *k, int status)
{
    struct instant now = clock_now();
    bool in_order = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    /* One that ends for good takes back what it had handed over. */
    k->restarts |= in_order && k->kept_n > 0;
    k->pid = 0;
    k->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (k->ends || (in_order && !k->restarts) || k->status == 127)
        return false;
    if (k->restarts || duration_ms(instant_since(now, k->started)) >= LIVED_MS)
        k->fail_n = 0;
    int64_t wait = 0;
    if (!k->restarts)
        wait = AGAIN_MS << (k->fail_n < 10 ? k->fail_n : 10);
    if (!k->restarts && ++k->fail_n == FAILS_MAX) {
        (void)fprintf(stderr, "hold: %d ends in a row: what was kept is let go\n", FAILS_MAX);
        drop(k, STR_NONE);
    }
    k->again = instant_add(now, DURATION_MS(wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS));
    if (!k->restarts)
        (void)fprintf(stderr, "hold: %s ended (%s %d), started again\n", k->argv[0],
                      WIFEXITED(status) ? "status" : "signal",
                      WIFEXITED(status) ? k->status : WTERMSIG(status));
    return true;
}

/* As process 1 of a container it has the orphans of others, too. */
static bool reap(struct keeper *k)
{
    int status;
    pid_t pid;
    bool goes_on = true;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == k->pid) {
            receive(k); /* its last word */
            goes_on = ended(k, status);
        }
    return goes_on;
}

static bool on_signal(struct keeper *k)
{
    struct signalfd_siginfo s;
    if (read(k->signals, &s, sizeof(s)) != sizeof(s))
        return true;
    int number = (int)s.ssi_signo;
    if (number == SIGCHLD)
        return reap(k);
    k->restarts = number == SIGUSR2 || (k->restarts && (number == SIGHUP || number == SIGUSR1));
    k->ends |= number == SIGINT || number == SIGTERM || number == SIGQUIT;
    if (k->pid > 0)
        (void)kill(k->pid, number);
    return k->pid > 0 || !k->ends;
}

/* ---- the program ---- */

static int open_all(struct keeper *k)
{
    sigset_t set;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    socklen_t n = sizeof(a.sun_family); /* the kernel makes an abstract name up */
    const int on = 1;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++)
        (void)sigaddset(&set, passed[i]);
    k->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    k->signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (k->socket < 0 || k->signals < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
        setsockopt(k->socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
        bind(k->socket, (struct sockaddr *)&a, n) < 0)
        return -errno;
    n = sizeof(a);
    if (getsockname(k->socket, (struct sockaddr *)&a, &n) < 0)
        return -errno;
    (void)snprintf(k->address, sizeof(k->address), "@%.*s",
                   (int)(n - offsetof(struct sockaddr_un, sun_path) - 1), a.sun_path + 1);
    return 0;
}

int cli_keeper(struct cli *c)
{
    struct keeper k = {.socket = -1, .signals = -1};
    if (c->arg_n == 0)
        return cli_command_fail("hold: a command to run, as in: disco hold disco agent -dev");
    char **argv = mem_alloc((size_t)(c->arg_n + 1) * sizeof(*argv));
    memcpy(argv, c->args, (size_t)c->arg_n * sizeof(*argv));
    argv[c->arg_n] = NULL;
    k.argv = argv;
    int r = open_all(&k);
    if (r < 0) {
        mem_free(argv);
        return cli_command_fail("hold: %s", error_text(r));
    }
    bool goes_on = true;
    start(&k);
    while (goes_on) {
        struct pollfd p[2] = {{.fd = k.socket, .events = POLLIN},
                              {.fd = k.signals, .events = POLLIN}};
        int64_t wait = k.pid > 0 ? -1 : duration_ms(instant_since(k.again, clock_now()));
        if (poll(p, 2, k.pid > 0 ? -1 : wait > 0 ? (int)wait : 0) < 0 && errno != EINTR)
            break;
        if (p[0].revents)
            receive(&k);
        if (p[1].revents)
            goes_on = on_signal(&k);
        if (goes_on && k.pid == 0 && !instant_before(clock_now(), k.again))
            start(&k);
    }
    drop(&k, STR_NONE);
    (void)close(k.socket);
    (void)close(k.signals);
    mem_free(argv);
    return k.status;
}
