/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals are blocked and read from a descriptor, so that there is no race between a signal and a
 * wait, and nothing that a handler would have to find. fork and not posix_spawn, which cannot ask
 * for PR_SET_PDEATHSIG; the process is small and has one thread.
 */
#define _GNU_SOURCE /* memfd_create, pidfd, pipe2 */

#include "cli/cli_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static const int passed[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

static void signal_set(sigset_t *set)
{
    (void)sigemptyset(set);
    for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++)
        (void)sigaddset(set, passed[i]);
}

static int watch_fd(struct cli_child *c, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(c->fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int cli_child_open(struct cli_child *c, struct error *err)
{
    sigset_t set;

    *c = (struct cli_child){.pidfd = -1};
    signal_set(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    c->fd = epoll_create1(EPOLL_CLOEXEC);
    int status = c->signals < 0 || c->fd < 0 ? -errno : watch_fd(c, c->signals);
    return status < 0 ? error_set(err, status, "signals: %s", error_text(status)) : 0;
}

void cli_child_close(struct cli_child *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    if (c->signals >= 0)
        (void)close(c->signals);
    if (c->pidfd >= 0)
        (void)close(c->pidfd);
    *c = (struct cli_child){.fd = -1, .signals = -1, .pidfd = -1};
}

/* ---- start ---- */

static int input_open(const struct cli_child_plan *plan)
{
    if (!plan->input.p)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("input", MFD_CLOEXEC);
    for (size_t at = 0; fd >= 0 && at < plan->input.n;) {
        ssize_t n = write(fd, plan->input.p + at, plan->input.n - at);
        if (n > 0) {
            at += (size_t)n;
        } else if (errno != EINTR) {
            (void)close(fd);
            return -1;
        }
    }
    if (fd >= 0)
        (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

/* In the child: never returns. What fails is told through `report`. */
static void become(const struct cli_child_plan *plan, int input, int report, pid_t parent)
{
    sigset_t set;
    int failure;

    if (plan->dies_with_us) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) /* it is gone already */
            _exit(1);
    }
    signal_set(&set);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    if ((input < 0 || dup2(input, STDIN_FILENO) == STDIN_FILENO) &&
        (!plan->name || setenv(plan->name, plan->text, 1) == 0))
        (void)execvp(plan->argv[0], plan->argv);
    failure = errno;
    if (write(report, &failure, sizeof(failure)) < 0)
        _exit(126);
    _exit(127);
}

int cli_child_start(struct cli_child *c, const struct cli_child_plan *plan, struct error *err)
{
    int report[2], failure = 0, input = -1;
    pid_t parent = getpid();

    if (!plan->pass_stdin && (input = input_open(plan)) < 0)
        return error_set(err, -errno, "stdin: %s", error_text(-errno));
    if (pipe2(report, O_CLOEXEC) < 0) {
        failure = -errno;
    } else {
        (void)fflush(NULL); /* nothing is written twice */
        c->pid = fork();
        if (c->pid == 0)
            become(plan, input, report[1], parent);
        failure = c->pid < 0 ? errno : 0;
        (void)close(report[1]);
        if (c->pid > 0 && read(report[0], &failure, sizeof(failure)) != sizeof(failure))
            failure = 0;
        (void)close(report[0]);
        if (failure && c->pid > 0)
            (void)waitpid(c->pid, NULL, 0);
        failure = -failure;
    }
    if (input >= 0)
        (void)close(input);
    if (failure == 0 &&
        ((c->pidfd = pidfd_open(c->pid, 0)) < 0 || (failure = watch_fd(c, c->pidfd)) < 0)) {
        failure = failure ? failure : -errno;
        (void)kill(c->pid, SIGKILL);
        (void)waitpid(c->pid, NULL, 0);
    }
    if (failure == 0)
        return 0;
    c->pid = 0;
    return error_set(err, failure, "fork/exec %s: %s", plan->argv[0], error_text(failure));
}

char **cli_child_argv(int n, char **words, bool shell, char **ret_joined)
{
    char **argv = mem_alloc(((size_t)n + 4) * sizeof(char *));
    const char *other = getenv("SHELL");
    struct buf joined;
    int i = 0;

    buf_init(&joined, 0);
    for (int k = 0; k < n; k++)
        buf_putf(&joined, k ? " %s" : "%s", words[k]);
    size_t text_n = joined.n;
    /* The words of the shell's vector stand behind the text, so that all of it is one piece. */
    buf_putf(&joined, "%c%s%c-c", '\0', other && *other ? other : "/bin/sh", '\0');
    (void)buf_z(&joined);
    *ret_joined = mem_dup(joined.p, joined.n + 1);
    buf_fini(&joined);
    if (shell) { /* consul: exec.Script */
        argv[i++] = *ret_joined + text_n + 1;
        argv[i] = argv[0] + strlen(argv[0]) + 1;
        argv[++i] = *ret_joined;
        return argv;
    }
    for (; i < n; i++)
        argv[i] = words[i];
    return argv;
}

/* ---- news ---- */

static bool child_has_ended(struct cli_child *c)
{
    if (c->pid == 0 || waitpid(c->pid, &c->exit_status, WNOHANG) != c->pid)
        return false;
    (void)close(c->pidfd); /* and out of the epoll set with it */
    c->pidfd = -1;
    c->pid = 0;
    return true;
}

/* True: one that ends programs. What a terminal sends, it has sent to the child too. */
static bool take_signals(struct cli_child *c)
{
    struct signalfd_siginfo s;
    bool ends = false;

    while (read(c->signals, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
        int number = (int)s.ssi_signo;
        if (c->pid > 0 && s.ssi_code != SI_KERNEL)
            (void)kill(c->pid, number);
        else if (c->pid == 0 && number == SIGCONT)
            continue;
        ends |= number == SIGINT || number == SIGTERM || number == SIGQUIT || number == SIGHUP;
    }
    return ends;
}

enum cli_child_news cli_child_wait(struct cli_child *c, struct duration limit)
{
    struct instant until = instant_add(clock_now(), limit);

    for (;;) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int64_t left = duration_ms(instant_since(until, clock_now()));
        (void)poll(&p, 1, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
        if (child_has_ended(c)) /* a signal that came, too, is the next news */
            return CLI_CHILD_ENDED;
        if (take_signals(c))
            return CLI_CHILD_SIGNAL;
        if (!instant_before(clock_now(), until))
            return CLI_CHILD_TIMEOUT;
    }
}

void cli_child_kill(struct cli_child *c, int signo, struct duration grace)
{
    struct instant until = instant_add(clock_now(), grace);

    if (c->pid > 0 && signo)
        (void)kill(c->pid, signo);
    while (c->pid > 0 && instant_before(clock_now(), until))
        (void)cli_child_wait(c, instant_since(until, clock_now()));
    if (c->pid > 0)
        (void)kill(c->pid, SIGKILL);
    while (c->pid > 0)
        (void)cli_child_wait(c, DURATION_S(60));
}

void cli_child_format_end(const struct cli_child *c, char *dst, size_t n)
{
    if (WIFEXITED(c->exit_status))
        (void)snprintf(dst, n, "exit status %d", WEXITSTATUS(c->exit_status));
    else
        (void)snprintf(dst, n, "signal: %s", strsignal(WTERMSIG(c->exit_status)));
}
