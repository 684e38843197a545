/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * consul: command/lock. Ours: a program whose `disco lock` is killed gets SIGTERM, since its lock
 * will be another's soon; and a -try that runs out ends its session.
 */
#include "cli/cli_lock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "cli/cli_child.h"
#include "cli/cli_hold.h"

#define KILL_GRACE    DURATION_S(5) /* consul: lockKillGracePeriod */
#define MONITOR_RETRY 3             /* consul: defaultMonitorRetry */
#define MONITOR_PAUSE DURATION_S(1) /* consul: defaultMonitorRetryTime */

struct lock_run {
    struct cli *c;
    struct cli_child child;
    struct cli_hold hold;
    struct instant until;
    uint64_t monitor_retry;
    char *prefix, *joined;
    char **argv;
    bool is_verbose;
};

static void say(const struct lock_run *r, const char *text)
{
    if (!r->is_verbose)
        return;
    (void)puts(text);
    (void)fflush(stdout); /* before what the child writes */
}

static int read_flags(struct lock_run *r, struct error *err)
{
    static const char *const names[] = {"timeout", "try"};
    const struct cli_flags *f = &r->c->flags;
    const struct cli_flag_value *n = cli_flags_get(f, "n"),
                                *retry = cli_flags_get(f, "monitor-retry");

    r->is_verbose = cli_flags_is_on(f, "verbose");
    r->monitor_retry = retry->given ? retry->number : MONITOR_RETRY;
    r->hold.limit = n->given ? n->number : 1;
    r->until = INSTANT_NEVER;
    if (r->hold.limit < 1 || r->hold.limit > CLI_HOLD_LIMIT_MAX)
        return error_set(err, ERR_INVALID, "Lock holder limit must be positive");
    for (size_t i = 0; i < 2; i++) { /* -try counts when both are given */
        const char *text = cli_flags_text(f, names[i]);
        struct duration d = {0};
        if (!text)
            continue;
        if (duration_parse(str_z(text), (struct duration){0}, &d) < 0 || d.ns < 0)
            return error_set(err, ERR_INVALID, "invalid value \"%s\" for flag -%s: parse error",
                             text, names[i]);
        r->until = d.ns ? instant_add(clock_now(), d) : INSTANT_NEVER;
    }
    if (r->c->arg_n < 2)
        return error_set(err, ERR_INVALID, "Key prefix and child command must be specified");
    return 0;
}

static int prepare(struct lock_run *r, struct error *err)
{
    struct cli *c = r->c;
    const struct cli_flag_value *shell = cli_flags_get(&c->flags, "shell");
    struct str prefix = str_z(c->arg_n > 0 ? c->args[0] : "");
    int status = read_flags(r, err);

    if (status < 0)
        return status;
    if (str_has_prefix(prefix, STR_LIT("/")))
        prefix = str_drop(prefix, 1);
    while (str_has_suffix(prefix, STR_LIT("/")))
        prefix = str_take(prefix, prefix.n - 1);
    if (prefix.n == 0)
        return error_set(err, ERR_INVALID, "Key prefix and child command must be specified");
    r->prefix = str_dup_z(prefix);
    r->argv = cli_child_argv(c->arg_n - 1, c->args + 1, !shell->given || shell->on, &r->joined);
    r->hold.http = c->http;
    r->hold.child = &r->child;
    r->hold.datacenter = cli_flags_text(&c->flags, "datacenter");
    r->hold.prefix = r->prefix;
    status = cli_child_open(&r->child, err);
    if (status == 0)
        cli_http_set_interrupt(c->http, r->child.fd);
    return status;
}

static int take(struct lock_run *r, struct error *err)
{
    const char *name = cli_flags_text(&r->c->flags, "name");
    struct buf text;

    buf_init(&text, 0);
    if (name && *name)
        buf_put_z(&text, name);
    else
        buf_putf(&text, "Consul lock for '%s' at '%s'", r->joined, r->prefix);
    if (r->is_verbose) {
        (void)printf(r->hold.limit == 1 ? "Setting up lock at path: %s/.lock\n"
                                        : "Setting up semaphore (limit %2$llu) at prefix: %1$s\n",
                     r->prefix, (unsigned long long)r->hold.limit);
    }
    int status = cli_hold_open(&r->hold, buf_z(&text), err);
    buf_fini(&text);
    if (status < 0)
        return error_wrap(err, "Lock setup failed");
    say(r, "Attempting lock acquisition");
    status = cli_hold_take(&r->hold, r->until, err);
    if (status == -EINTR || status == ERR_TIMEOUT)
        return error_set(err, status, "Shutdown triggered or timeout during lock acquisition");
    return status < 0 ? error_wrap(err, "Lock acquisition failed") : 0;
}

/* Until the child has ended. False: the lock was lost before. */
static bool supervise(struct lock_run *r)
{
    uint64_t failure_n = 0;

    for (;;) {
        struct error err = {0};
        struct duration pause = {0};
        int status = cli_hold_look(&r->hold, &err);
        if (status == 0) {
            failure_n = 0;
        } else if (status == ERR_CLOSED || (status != -EINTR && ++failure_n > r->monitor_retry)) {
            say(r, "Lock lost, killing child");
            cli_child_kill(&r->child, SIGTERM, KILL_GRACE);
            (void)cli_command_fail("Lock lost%s%s", err.text[0] ? ": " : "", err.text);
            return false;
        } else if (status != -EINTR) {
            pause = MONITOR_PAUSE;
        }
        switch (cli_child_wait(&r->child, pause)) {
        case CLI_CHILD_ENDED:
            say(r, "Child terminated, releasing lock");
            return true;
        case CLI_CHILD_SIGNAL: /* the child has it too */
            say(r, "Shutdown triggered, killing child");
            cli_child_kill(&r->child, 0, KILL_GRACE);
            return true;
        case CLI_CHILD_TIMEOUT:
            break;
        }
    }
}

/* The exit status: what Consul's says of the child is 2, and only with -child-exit-code. */
static int run_child(struct lock_run *r)
{
    const struct cli_child_plan plan = {.argv = r->argv,
                                        .name = "CONSUL_LOCK_HELD",
                                        .text = "true",
                                        .pass_stdin = cli_flags_is_on(&r->c->flags, "pass-stdin"),
                                        .dies_with_us = true};
    bool tells = cli_flags_is_on(&r->c->flags, "child-exit-code");
    struct error err = {0};
    char how[64];

    say(r, "Starting handler");
    if (cli_child_start(&r->child, &plan, &err) < 0) {
        (void)cli_command_fail("Error running handler: %s", err.text);
        return tells ? 2 : 0;
    }
    if (!supervise(r))
        return 1;
    if (r->child.exit_status == 0)
        return 0;
    cli_child_format_end(&r->child, how, sizeof(how));
    (void)cli_command_fail("Error running handler: %s", how);
    return tells ? 2 : 0;
}

/* Whatever happened before: nothing of ours stays. */
static int give_back(struct lock_run *r, bool was_held)
{
    struct error err = {0};
    int status = cli_hold_release(&r->hold, &err);

    if (status < 0 && was_held)
        return cli_command_fail("Lock release failed: %s", err.text);
    if (!was_held)
        return 0;
    status = cli_hold_clean(&r->hold, &err);
    if (status == ERR_BUSY)
        say(r, "Cleanup aborted, lock in use");
    else if (status < 0)
        return cli_command_fail("Lock cleanup failed: %s", err.text);
    else
        say(r, "Cleanup succeeded");
    return 0;
}

int cli_lock(struct cli *c)
{
    struct lock_run r = {.c = c, .child = {.fd = -1, .signals = -1, .pidfd = -1}};
    struct error err = {0};
    int exit_status = 1;

    if (prepare(&r, &err) < 0) {
        (void)cli_command_fail("%s", err.text);
    } else if (take(&r, &err) < 0) {
        (void)cli_command_fail("%s", err.text);
        if (r.hold.session[0])
            (void)give_back(&r, false);
    } else {
        exit_status = run_child(&r);
        int status = give_back(&r, true);
        exit_status = status ? status : exit_status;
    }
    cli_child_close(&r.child);
    mem_free(r.argv);
    mem_free(r.joined);
    mem_free(r.prefix);
    return exit_status;
}
