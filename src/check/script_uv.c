/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posix_spawn and not uv_spawn: it does not copy page tables (the store maps gigabytes), and a
 * pidfd tells of the end of just this process, without SIGCHLD and without going over all children.
 *
 * consul: checks.CheckMonitor
 */
#define _GNU_SOURCE /* closefrom, pidfd, pipe2 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "check/script.h"

#define TIMEOUT  DURATION_S(30) /* consul: the default of CheckMonitor */
#define READ_MAX 65536          /* bytes taken in one turn */

extern char **environ;

struct script {
    struct check_run run;
    pid_t pid;
    int out, pidfd;
    uv_poll_t out_poll, end_poll;
    int handle_n;
    bool is_os_service, finished;
    struct buf output; /* the last output_max bytes, or twice that until it is cut */
    uint64_t total;
};

static void finish(struct script *s);

static struct script *of(struct check_run *run)
{
    return LIST_ITEM(run, struct script, run);
}

static void release(struct script *s)
{
    if (s->handle_n > 0)
        return;
    if (s->out >= 0)
        close(s->out);
    if (s->pidfd >= 0)
        close(s->pidfd);
    buf_fini(&s->output);
    runner_end(&s->run);
    mem_free(s);
}

static void on_closed(uv_handle_t *h)
{
    struct script *s = h->data;
    s->handle_n--;
    release(s);
}

/* The group dies, the leader is reaped (a killed process ends at once). */
static void finish(struct script *s)
{
    if (s->finished)
        return;
    s->finished = true;
    if (s->pid > 0) {
        kill(-s->pid, SIGKILL);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (s->handle_n == 0) {
        release(s);
        return;
    }
    uv_close((uv_handle_t *)&s->end_poll, on_closed);
    if (s->handle_n == 2)
        uv_close((uv_handle_t *)&s->out_poll, on_closed);
}

static void on_cancel(struct check_run *run)
{
    finish(of(run));
}

static void on_timeout(struct timer *t, struct instant now)
{
    (void)now;
    struct script *s = of(runner_of_timer(t));
    struct duration limit = s->run.type->timeout.ns > 0 ? s->run.type->timeout : TIMEOUT;
    struct buf text;
    buf_init(&text, 0);
    buf_put_z(&text, "Timed out (");
    duration_format(limit, &text);
    buf_put_z(&text, ") running check");
    runner_tell(&s->run, CHECK_CRITICAL, buf_str(&text));
    buf_fini(&text);
    finish(s);
}

/* ---- output ---- */

static void keep_last(struct script *s)
{
    size_t max = s->run.output_max;
    if (s->output.n <= max)
        return;
    memmove(s->output.p, s->output.p + (s->output.n - max), max);
    s->output.n = max;
}

/* What is there; false at the end. */
static bool read_some(struct script *s)
{
    for (size_t taken = 0; taken < READ_MAX;) {
        char bytes[4096];
        ssize_t n = read(s->out, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return false;
        taken += (size_t)n;
        s->total += (uint64_t)n;
        buf_put(&s->output, bytes, (size_t)n);
        keep_last(s);
    }
    return true;
}

static void on_output(uv_poll_t *p, int status, int events)
{
    struct script *s = p->data;
    (void)status, (void)events;
    if (!s->finished && !read_some(s))
        uv_poll_stop(p);
}

/* ---- end ---- */

static void tell(struct script *s, int status)
{
    struct buf text;
    enum check_status result = CHECK_CRITICAL;
    if (WIFEXITED(status) && WEXITSTATUS(status) < 2)
        result = WEXITSTATUS(status) == 0 ? CHECK_PASSING : CHECK_WARNING;
    if (s->is_os_service && result == CHECK_WARNING)
        result = CHECK_CRITICAL;
    buf_init(&text, 0);
    check_output_cut(buf_str(&s->output), s->total, s->run.output_max, &text);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && s->total == 0)
        buf_put_z(&text, "cannot run the program");
    runner_tell(&s->run, result, buf_str(&text));
    buf_fini(&text);
}

static void on_end(uv_poll_t *p, int status, int events)
{
    struct script *s = p->data;
    int result = 0;
    (void)status, (void)events;
    if (s->finished || waitpid(s->pid, &result, WNOHANG) != s->pid)
        return;
    read_some(s);
    kill(-s->pid, SIGKILL); /* what it left behind */
    s->pid = 0;
    tell(s, result);
    finish(s);
}

/* ---- start ---- */

static char **argv_make(struct arena *a, const struct check_type *t)
{
    static const char *const systemctl[] = {"systemctl", "is-active", "--"};
    size_t n = 0;
    char **argv = arena_alloc(a, (t->arg_n + 5) * sizeof(char *));
    if (check_type_kind(t) == CHECK_KIND_OS_SERVICE) {
        for (; n < 3; n++)
            argv[n] = arena_dup(a, systemctl[n], strlen(systemctl[n]) + 1);
        argv[n] = arena_alloc(a, t->os_service.n + 1);
        str_copy_z(t->os_service, argv[n], t->os_service.n + 1);
        return argv;
    }
    for (; n < t->arg_n; n++) {
        argv[n] = arena_alloc(a, t->args[n].n + 1);
        str_copy_z(t->args[n], argv[n], t->args[n].n + 1);
    }
    return argv;
}

/* stdin is empty, stdout and stderr are the pipe, nothing else of ours is open in it. */
static int spawn(struct script *s, int write_end)
{
    struct arena arena = {0};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    char **argv = argv_make(&arena, s->run.type);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, write_end, 1);
    posix_spawn_file_actions_adddup2(&files, write_end, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    int rc = argv[0] ? posix_spawnp(&s->pid, argv[0], &files, &attr, argv, environ) : ENOENT;
    if (rc)
        s->pid = 0;
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    arena_fini(&arena);
    return -rc;
}

static int begin(struct script *s)
{
    uv_loop_t *loop = runner_loop(s->run.runner);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        return -errno;
    s->out = ends[0];
    /* the program's end blocks, as programs expect */
    fcntl(ends[1], F_SETFL, fcntl(ends[1], F_GETFL) & ~O_NONBLOCK);
    int rc = spawn(s, ends[1]);
    close(ends[1]);
    if (rc)
        return rc;
    s->pidfd = pidfd_open(s->pid, 0);
    if (s->pidfd < 0)
        return -errno;
    s->end_poll.data = s->out_poll.data = s;
    rc = uv_poll_init(loop, &s->end_poll, s->pidfd);
    if (rc)
        return rc;
    s->handle_n = 1;
    rc = uv_poll_init(loop, &s->out_poll, s->out);
    if (rc)
        return rc;
    s->handle_n = 2;
    rc = uv_poll_start(&s->end_poll, UV_READABLE, on_end);
    return rc ? rc : uv_poll_start(&s->out_poll, UV_READABLE, on_output);
}

struct check_run *script_start(const struct check_run *run)
{
    struct script *s = mem_new(struct script);
    s->run = *run;
    s->run.cancel = on_cancel;
    s->is_os_service = check_type_kind(run->type) == CHECK_KIND_OS_SERVICE;
    s->out = s->pidfd = -1;
    buf_init(&s->output, 0);
    runner_begin(run->runner, &s->run);
    runner_set_timeout(&s->run, TIMEOUT, on_timeout);
    int rc = begin(s);
    if (rc == 0)
        return &s->run;
    if (s->is_os_service)
        runner_tellf(&s->run, CHECK_CRITICAL, "systemctl cannot be run: %s", error_text(rc));
    else
        runner_tellf(&s->run, CHECK_CRITICAL, "fork/exec %.*s: %s", STR_ARG(run->type->args[0]),
                     rc == -ENOENT ? "no such file or directory" : error_text(rc));
    finish(s);
    return NULL;
}
