/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way in. `disco agent` opens, in this order, and closes in the reverse:
 *
 *     configuration   agent/config_load.c    flags and files become one struct config
 *     loop            agent/loop_uv.c        the core thread is this one
 *     sockets         http/, dns/            bound first: a port in use is one clear line
 *     agent           agent/agent.c          data directory, store, state, consensus
 *     mount           fs/                    the kernel's side of it
 *     workers         worker/worker_uv.c     a loop each, with the doors; the mount has its own
 *
 * Every other command is a small client of the HTTP API: cli/cli.c.
 * How a key travels through the folders: doc/architecture.md.
 */
#define _GNU_SOURCE /* memfd_create, sched_getaffinity */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/banner.h"
#include "agent/loop.h"
#include "agent/notify.h"
#include "agent/serve.h"
#include "api/api_health.h"
#include "api/api_ship.h"
#include "api/route.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "dns/dns.h"
#include "dns/dns_ship.h"
#include "fs/fs.h"
#include "http/http.h"
#include "wal/wal.h"
#include "worker/worker.h"

#define WORKERS_MAX 256
/* Calls in flight may take so long to end; then they are cut off. */
#define STOP_GRACE DURATION_S(3)
/* If the orderly stop hangs (a disk that does not answer), the process ends all the same. */
#define STOP_MAX     DURATION_S(5)
#define STOP_ALARM_S 7

struct program {
    struct config **configs; /* the newest last; older ones stay: somebody may borrow from them */
    size_t config_n;
    struct loop *loop;
    struct http_listeners *http;
    struct dns_listeners *dns;
    struct agent *agent;
    struct fs_mount *mount;
    struct worker *workers[WORKERS_MAX + 1];
    int worker_n, running_n;
    int gate; /* the log's output until the banner is out, or -1 */
    bool has_pid_file, stopping, leaving;
    struct instant stop_asked;
    int exit_status;
    struct timer stop_timer;
};

static int program_open(struct program *p, struct error *err);
static void program_announce(struct program *p);
static void program_close(struct program *p);
static void program_stop(struct program *p);
static int program_reload(struct program *p, struct error *err);
static void on_signal(void *data, int signo);

static const struct cli_hooks cli_hooks = {
    .validate = config_validate,
    .agent_help = config_print_help,
    .config_markdown = config_print_markdown,
    .config_man = config_print_man,
    .api_markdown = route_print_markdown,
    .wal_print = wal_print,
};

/* libknot brings GnuTLS with it, for DNSSEC, which is not used here; GnuTLS asks this function
 * before its start-up reads and allocates for nothing: 0.9 MiB resident. (gnutls.h:
 * GNUTLS_SKIP_GLOBAL_INIT.) */
int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
    return 1;
}

static const struct config *config_now(const struct program *p)
{
    return p->configs[p->config_n - 1];
}

static void config_push(struct program *p, struct config *c)
{
    p->configs = mem_realloc(p->configs, (p->config_n + 1) * sizeof(struct config *));
    p->configs[p->config_n++] = c;
}

static int print_and_exit(void (*print)(struct buf *out))
{
    struct buf out;
    buf_init(&out, 0);
    print(&out);
    size_t n = fwrite(out.p, 1, out.n, stdout);
    int status = n == out.n ? 0 : 1;
    buf_fini(&out);
    return status;
}

static int start_failed(const struct error *err, int rc)
{
    if (rc == CONFIG_ERR_USAGE)
        fprintf(stderr, "%s\nUsage: disco agent [options]; disco agent -help lists them\n",
                err->text);
    else
        fprintf(stderr, "==> %s\n", err->text);
    return 1;
}

static int run_agent(int argc, char **argv)
{
    struct program p = {.gate = -1};
    struct config *config = NULL;
    struct error err = {0};
    bool help = false;
    int rc = config_load(argc, argv, &config, &help, &err);
    if (rc)
        return start_failed(&err, rc);
    if (help)
        return print_and_exit(config_print_help);
    config_push(&p, config);
    rc = program_open(&p, &err);
    if (rc == 0) {
        program_announce(&p);
        loop_run(p.loop);
    }
    program_close(&p);
    return rc ? start_failed(&err, rc) : p.exit_status;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "agent") == 0)
        return run_agent(argc - 2, argv + 2);
    return cli_run(argc, argv, &cli_hooks);
}

/* ---- opening ---- */

/* Those that `before` had are known. */
static void warnings_log(const struct config *c, const struct config *before)
{
    for (size_t i = 0; i < c->warnings.n; i++) {
        bool known = false;
        for (size_t k = 0; before && k < before->warnings.n; k++)
            known |= strcmp(c->warnings.items[i], before->warnings.items[k]) == 0;
        if (!known)
            log_warn("agent", "%s", c->warnings.items[i]);
    }
}

/* Lines that are logged before the banner wait in memory; a start that fails does not show them. */
static void gate_close(struct program *p)
{
    const struct config *c = config_now(p);
    p->gate = memfd_create("log", MFD_CLOEXEC);
    log_set_level(c->log_level);
    log_set_output(p->gate >= 0 ? p->gate : STDOUT_FILENO, c->log_json);
}

static void gate_open(struct program *p)
{
    char bytes[4096];
    ssize_t n;
    off_t at = 0;
    log_set_output(STDOUT_FILENO, config_now(p)->log_json);
    while (p->gate >= 0 && (n = pread(p->gate, bytes, sizeof bytes, at)) > 0) {
        at += n;
        if (write(STDOUT_FILENO, bytes, (size_t)n) < 0)
            break; /* nobody reads us: the log goes nowhere, the agent goes on */
    }
    if (p->gate >= 0)
        close(p->gate);
    p->gate = -1;
}

static int worker_count(const struct config *c)
{
    cpu_set_t cpus;
    int n = (int)c->workers;
    if (n == 0 && sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        n = CPU_COUNT(&cpus);
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n;
}

/* Each client costs a descriptor: take what the administrator allows. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int pid_file_write(struct program *p, struct error *err)
{
    const char *path = config_now(p)->pid_file;
    char text[24];
    if (!path)
        return 0;
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, (size_t)n) != n) {
        int rc = -errno;
        if (fd >= 0)
            close(fd);
        return error_set(err, rc, "pid_file: cannot write %s: %s", path, error_text(rc));
    }
    close(fd);
    p->has_pid_file = true;
    return 0;
}

static int mount_open(struct program *p, struct error *err)
{
    const struct config *c = config_now(p);
    struct error why = {0};
    int rc = fs_mount_open(c, &p->mount, &why);
    if (rc && c->mount_required)
        return error_set(err, rc, "%s (-mount-required=false starts without the mount)", why.text);
    if (rc)
        log_warn("agent", "going on without the mount: error=\"%s\"", why.text);
    else if (p->mount)
        fs_mount_set_service_json(p->mount, api_health_document);
    return 0;
}

static int workers_open(struct program *p, int n, struct error *err)
{
    static const struct serve_handler *const handlers[] = {&api_ship_handler, &serve_write_handler,
                                                           &serve_rows_handler, &dns_ship_handler,
                                                           &serve_token_handler};
    static const struct serve_table serves = {handlers, sizeof handlers / sizeof handlers[0]};
    const struct door_plan plans[] = {
        {&serve_door, (void *)(uintptr_t)&serves},
        {&dns_door, p->dns},
        {&http_door, p->http},
    };
    const struct door_plan mount_plan = {&fs_door, p->mount};
    int rc = 0;
    while (!rc && p->worker_n < n) {
        rc = worker_start(p->agent, p->worker_n, plans, sizeof plans / sizeof plans[0],
                          &p->workers[p->worker_n], err);
        p->worker_n += rc == 0;
    }
    if (!rc && p->mount) {
        rc = worker_start(p->agent, p->worker_n, &mount_plan, 1, &p->workers[p->worker_n], err);
        p->worker_n += rc == 0;
    }
    return rc;
}

static void on_fatal(void *data, const char *why)
{
    struct program *p = data;
    log_error("agent", "cannot go on, stopping: error=\"%s\"", why);
    p->exit_status = 1;
    program_stop(p);
}

static int on_reload_asked(void *data, struct error *err)
{
    return program_reload(data, err);
}

static void on_stop_asked(void *data)
{
    program_stop(data);
}

static int program_open(struct program *p, struct error *err)
{
    const struct config *c = config_now(p);
    const struct agent_hooks hooks = {p, on_fatal, on_reload_asked, on_stop_asked};
    const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
    int worker_n = worker_count(c);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    raise_file_limit();
    gate_close(p);
    warnings_log(c, NULL);
    int rc = loop_open(&p->loop, err);
    if (!rc)
        rc = http_listen(c, worker_n, &p->http, err);
    if (!rc)
        rc = dns_listen(c, worker_n, &p->dns, err);
    if (!rc)
        rc = agent_open(c, loop_uv(p->loop), loop_timers(p->loop), loop_mailbox(p->loop), &hooks,
                        &p->agent, err);
    if (!rc)
        rc = pid_file_write(p, err);
    if (!rc)
        rc = mount_open(p, err);
    if (!rc)
        rc = workers_open(p, worker_n, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        loop_on_signal(p->loop, signals[i], on_signal, p);
    return 0;
}

/* ---- announcing ---- */

static void listeners_log(const struct config *c)
{
    char text[ADDR_TEXT_MAX];
    for (size_t i = 0; c->port_dns > 0 && i < c->dns_addr_n; i++) {
        struct addr a = c->dns_addrs[i];
        addr_set_port(&a, (uint16_t)c->port_dns);
        addr_format(&a, text);
        log_info("agent", "Started DNS server: address=%s network=udp", text);
        log_info("agent", "Started DNS server: address=%s network=tcp", text);
    }
    for (size_t i = 0; c->port_http > 0 && i < c->http_addr_n; i++) {
        struct addr a = c->http_addrs[i];
        addr_set_port(&a, (uint16_t)c->port_http);
        addr_format(&a, text);
        log_info("agent", "Starting server: address=%s network=tcp protocol=http", text);
    }
    if (c->http_socket)
        log_info("agent", "Starting server: address=%s network=unix protocol=http", c->http_socket);
}

static void program_announce(struct program *p)
{
    const struct config *c = config_now(p);
    struct buf banner;
    buf_init(&banner, 0);
    banner_write(c, agent_node_id(p->agent), &banner);
    (void)fwrite(banner.p, 1, banner.n, stdout);
    fflush(stdout);
    buf_fini(&banner);
    gate_open(p);
    listeners_log(c);
    log_info("agent", "disco agent running!");
    notify_service("READY=1");
}

/* ---- running ---- */

static int program_reload(struct program *p, struct error *err)
{
    const struct config *before = config_now(p);
    struct config *c;
    int rc = config_reload(before, &c, err);
    if (rc)
        return rc;
    warnings_log(c, before);
    if (config_is_same(c, before)) {
        config_free(c);
    } else {
        config_push(p, c);
        agent_reload(p->agent, c);
    }
    for (int i = 0; i < p->worker_n; i++)
        worker_reload(p->workers[i], config_now(p)); /* doors read again what it names */
    log_info("agent", "Configuration reloaded");
    return 0;
}

static void on_left(void *data)
{
    program_stop(data);
}

/* consul: an agent that is told to stop leaves the cluster first, or not */
static void program_end(struct program *p, bool leave)
{
    if (!leave || p->leaving || !p->agent) {
        program_stop(p);
        return;
    }
    p->leaving = true;
    log_info("agent", "Gracefully shutting down agent...");
    agent_leave(p->agent, on_left, p);
}

static void on_signal(void *data, int signo)
{
    struct program *p = data;
    struct error err = {0};
    if (signo == SIGUSR1) {
        agent_dump_metrics(p->agent, STDERR_FILENO);
        return;
    }
    log_info("agent", "Caught: signal=%s",
             signo == SIGHUP    ? "hangup"
             : signo == SIGINT  ? "interrupt"
             : signo == SIGUSR2 ? "restart"
                                : "terminated");
    if (signo == SIGHUP && !p->stopping) {
        notify_service("RELOADING=1");
        if (program_reload(p, &err))
            log_error("agent", "Reload failed, all stays as it was: error=\"%s\"", err.text);
        notify_service("READY=1");
    } else if (signo != SIGHUP && (p->stopping || p->leaving)) {
        /* timeout(1) and shells tell the process and its group: that is one wish, not a hurry */
        if (duration_ms(instant_since(clock_now(), p->stop_asked)) >= 500)
            _exit(1);
    } else if (signo != SIGHUP) {
        p->stop_asked = clock_now();
        fs_mount_hand_over(signo == SIGUSR2 ? p->mount : NULL);
        program_end(p, signo == SIGINT ? !config_now(p)->skip_leave_on_interrupt
                                       : signo == SIGTERM && config_now(p)->leave_on_terminate);
    }
}

/* ---- stopping: listeners, mount, log ---- */

static void on_agent_closed(void *data)
{
    struct program *p = data;
    p->agent = NULL;
    loop_stop(p->loop);
}

static void on_worker_stopped(void *data)
{
    struct program *p = data;
    if (--p->running_n > 0)
        return;
    for (int i = 0; i < p->worker_n; i++)
        worker_join_free(p->workers[i]);
    p->worker_n = 0;
    fs_mount_free(p->mount);
    p->mount = NULL;
    agent_close(p->agent, on_agent_closed, p);
}

static void on_stop_timeout(struct timer *t, struct instant now)
{
    (void)t, (void)now;
    log_error("agent", "the stop takes too long, leaving without it");
    _exit(1);
}

static void program_stop(struct program *p)
{
    if (p->stopping)
        return;
    p->stopping = true;
    log_info("agent", "Stopping");
    notify_service("STOPPING=1");
    p->stop_timer.fire = on_stop_timeout;
    timers_set(loop_timers(p->loop), &p->stop_timer, instant_add(clock_now(), STOP_MAX));
    alarm(STOP_ALARM_S); /* for the case that it is this thread that hangs */
    p->running_n = p->worker_n;
    agent_stopping(p->agent);
    for (int i = 0; i < p->worker_n; i++)
        worker_stop(p->workers[i], STOP_GRACE, on_worker_stopped, p);
}

/* What program_open opened, as far as it came; after loop_run, what program_stop left. */
static void program_close(struct program *p)
{
    if (p->agent) {
        p->stopping = true; /* a start that failed */
        p->running_n = p->worker_n;
        for (int i = 0; i < p->worker_n; i++)
            worker_stop(p->workers[i], (struct duration){0}, on_worker_stopped, p);
        if (p->worker_n == 0) {
            p->running_n = 1;
            on_worker_stopped(p);
        }
        loop_run(p->loop);
    }
    http_listeners_free(p->http);
    dns_listeners_free(p->dns);
    if (p->loop) {
        timers_cancel(loop_timers(p->loop), &p->stop_timer);
        loop_close(p->loop);
    }
    alarm(0);
    if (p->has_pid_file)
        unlink(config_now(p)->pid_file);
    if (p->gate >= 0) {
        log_set_output(STDERR_FILENO, false);
        close(p->gate);
    }
    for (size_t i = 0; i < p->config_n; i++)
        config_free(p->configs[i]);
    mem_free(p->configs);
}
