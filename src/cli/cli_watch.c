/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The flags become a definition as in the configuration, so that both ways in have one reader
 * (plan/plan.c). The agent runs its `watches` by this command too (-definition).
 *
 * consul: command/watch, watch.Plan.RunWithClientAndHclog
 */
#include "cli/cli_watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/jwrite.h"
#include "base/mem.h"
#include "cli/cli_child.h"
#include "cli/cli_tell.h"
#include "plan/plan_answer.h"

#define CHILD_GRACE DURATION_S(5)

struct watch_run {
    struct cli *c;
    struct plan plan;
    struct plan_answer answer;
    struct cli_child child;
    char **argv;  /* of the handler; NULL: none */
    char *joined; /* its text */
    bool goes_on; /* also after a handler that failed */
};

/* ---- the definition ---- */

static void put_text(struct jwrite *w, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    jwrite_name(w, name);
    jwrite_z(w, text);
}

static int definition_from_flags(struct cli *c, struct buf *out, struct error *err)
{
    static const struct {
        const char *flag, *name;
    } texts[] = {
        {"type", "type"},   {"key", "key"},   {"prefix", "prefix"},        {"service", "service"},
        {"state", "state"}, {"name", "name"}, {"datacenter", "datacenter"}};
    const struct cli_flag_value *tag = cli_flags_get(&c->flags, "tag");
    const char *passing = cli_flags_text(&c->flags, "passingonly");
    struct jwrite w;

    if (passing && strcmp(passing, "true") != 0 && strcmp(passing, "false") != 0)
        return error_set(err, ERR_INVALID, "-passingonly is true or false");
    jwrite_init(&w, out, false);
    jwrite_object(&w);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        put_text(&w, texts[i].name, cli_flags_text(&c->flags, texts[i].flag));
    if (cli_flags_is_on(&c->flags, "stale")) {
        jwrite_name(&w, "stale");
        jwrite_bool(&w, true);
    }
    if (passing) {
        jwrite_name(&w, "passingonly");
        jwrite_bool(&w, strcmp(passing, "true") == 0);
    }
    if (tag->item_n > 0) {
        jwrite_name(&w, "tag");
        jwrite_array(&w);
        for (size_t i = 0; i < tag->item_n; i++)
            jwrite_z(&w, tag->items[i]);
        jwrite_close(&w);
    }
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

/* Vectors of C strings out of the plan's slices. */
static void handler_from_plan(struct watch_run *r)
{
    const struct plan *p = &r->plan;
    char *words[PLAN_ARGS_MAX];
    size_t n = p->handler == PLAN_HANDLER_ARGS ? p->arg_n : 1;

    if (p->handler != PLAN_HANDLER_ARGS && p->handler != PLAN_HANDLER_SHELL)
        return;
    for (size_t i = 0; i < n; i++)
        words[i] = str_dup_z(p->handler == PLAN_HANDLER_ARGS ? p->args[i] : p->script);
    bool shell = p->handler == PLAN_HANDLER_SHELL;
    r->argv = cli_child_argv((int)n, words, shell, &r->joined);
    for (size_t i = 0; shell && i < n; i++)
        mem_free(words[i]);
}

static void handler_free(struct watch_run *r)
{
    for (size_t i = 0; r->plan.handler == PLAN_HANDLER_ARGS && r->argv && r->argv[i]; i++)
        mem_free(r->argv[i]);
    mem_free(r->argv);
    mem_free(r->joined);
}

static int plan_make(struct watch_run *r, struct error *err)
{
    struct cli *c = r->c;
    const char *given = cli_flags_text(&c->flags, "definition");
    struct buf definition;

    buf_init(&definition, 1 << 20);
    int status = given ? cli_command_data(given, &definition, err)
                       : definition_from_flags(c, &definition, err);
    if (status == 0)
        status = plan_parse(buf_str(&definition), &r->plan, err);
    buf_fini(&definition);
    if (status < 0)
        return status;
    if (r->plan.token.n > 0) {
        char *token = str_dup_z(r->plan.token);
        cli_http_set_token(c->http, token);
        mem_free(token);
    }
    if (given) {
        r->goes_on = true;
        if (c->arg_n > 0)
            return error_set(err, ERR_INVALID, "-definition names its handler itself");
        handler_from_plan(r);
    } else if (c->arg_n > 0) {
        const struct cli_flag_value *shell = cli_flags_get(&c->flags, "shell");
        r->argv = cli_child_argv(c->arg_n, c->args, !shell->given || shell->on, &r->joined);
    }
    return 0;
}

/* ---- telling ---- */

/* 0, 1: the handler failed, -EINTR: a signal has come. */
static int run_handler(struct watch_run *r)
{
    struct error err = {0};
    struct buf input;
    char index[24], how[64];

    buf_init(&input, 0);
    buf_put_str(&input, buf_str(&r->answer.told));
    buf_put_c(&input, '\n'); /* consul: json.Encoder's */
    (void)snprintf(index, sizeof(index), "%llu", (unsigned long long)r->answer.index);
    struct cli_child_plan plan = {
        .argv = r->argv, .name = "CONSUL_INDEX", .text = index, .input = buf_str(&input)};
    int status = cli_child_start(&r->child, &plan, &err);
    buf_fini(&input);
    if (status < 0)
        return cli_command_fail("Error executing handler: %s", err.text);
    enum cli_child_news news;
    while ((news = cli_child_wait(&r->child, DURATION_S(60))) == CLI_CHILD_TIMEOUT)
        ;
    if (news == CLI_CHILD_SIGNAL) { /* it has it too */
        cli_child_kill(&r->child, 0, CHILD_GRACE);
        return -EINTR;
    }
    cli_child_format_end(&r->child, how, sizeof(how));
    return r->child.exit_status ? cli_command_fail("Error executing handler: %s", how) : 0;
}

/* 0: go on; 1: an error that was said; ERR_CLOSED: all is told. */
static int tell(struct watch_run *r)
{
    struct error err = {0};
    int status = 0;

    if (r->plan.handler == PLAN_HANDLER_HTTP) {
        if (cli_tell(&r->plan, r->answer.index, buf_str(&r->answer.told), &err) < 0)
            status = cli_command_fail("Error executing handler: %s", err.text);
    } else if (r->argv) {
        status = run_handler(r);
    } else {
        struct buf text;
        buf_init(&text, 0);
        plan_answer_pretty(&r->answer, &text);
        cli_command_out(buf_str(&text));
        if (text.n == 0 || text.p[text.n - 1] != '\n')
            cli_command_out(STR_LIT("\n"));
        buf_fini(&text);
        return ERR_CLOSED;
    }
    return status > 0 && r->goes_on ? 0 : status;
}

/* ---- asking ---- */

static int ask(struct watch_run *r, struct error *err)
{
    struct cli_reply reply;
    struct buf url;
    bool is_keys = r->plan.type == PLAN_KEY || r->plan.type == PLAN_KEYPREFIX;

    buf_init(&url, 0);
    plan_url(&r->plan, r->answer.index, &url);
    int status = cli_http_do(r->c->http, "GET", buf_str(&url), NULL, &reply, err);
    buf_fini(&url);
    if (status == 0 && reply.status != 200 && !(reply.status == 404 && is_keys))
        status = error_set(err, ERR_INVALID, "Unexpected response code: %d (%.*s)", reply.status,
                           STR_ARG(str_trim(buf_str(&reply.body))));
    if (status == 0) {
        status =
            plan_answer_take(&r->answer, &r->plan, reply.status, reply.index, buf_str(&reply.body));
        if (status < 0)
            (void)error_set(err, status, "the answer cannot be read");
    }
    cli_reply_fini(&reply);
    return status;
}

/* Waits after a failure; false: a signal ends it all. */
static bool pause_after(struct watch_run *r, unsigned failure_n, const struct error *err)
{
    struct duration d = plan_backoff(failure_n);

    (void)cli_command_fail("Watch (type: %s) errored: %s, retry in %llds",
                           plan_type_name(r->plan.type), err->text,
                           (long long)(duration_ms(d) / 1000));
    return cli_child_wait(&r->child, d) != CLI_CHILD_SIGNAL;
}

static int watch_all(struct watch_run *r)
{
    unsigned failure_n = 0;

    for (;;) {
        struct error err = {0};
        int status = ask(r, &err);
        if (status == -EINTR) {
            /* A signal that says nothing to us goes on waiting. */
            if (cli_child_wait(&r->child, (struct duration){0}) == CLI_CHILD_SIGNAL)
                return 0;
            continue;
        }
        if (status < 0) {
            plan_answer_fail(&r->answer);
            if (!pause_after(r, ++failure_n, &err))
                return 0;
            continue;
        }
        failure_n = 0;
        if (status > 0 && (status = tell(r)) != 0)
            return status == 1 ? 1 : 0;
        /* An answer without an index would be asked for without end. */
        if (r->answer.index == 0 && cli_child_wait(&r->child, DURATION_S(1)) == CLI_CHILD_SIGNAL)
            return 0;
    }
}

int cli_watch(struct cli *c)
{
    struct watch_run *r = mem_new(struct watch_run);
    struct error err = {0};
    int exit_status;

    r->c = c;
    r->child = (struct cli_child){.fd = -1, .signals = -1, .pidfd = -1};
    plan_answer_init(&r->answer);
    if (plan_make(r, &err) < 0) {
        exit_status = cli_command_fail("%s", err.text);
    } else if (cli_child_open(&r->child, &err) < 0) {
        exit_status = cli_command_fail("%s", err.text);
    } else {
        if (r->goes_on) /* whoever gave the definition: the agent, whose end is ours */
            (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        cli_http_set_interrupt(c->http, r->child.fd);
        exit_status = watch_all(r);
    }
    handler_free(r);
    plan_fini(&r->plan);
    plan_answer_fini(&r->answer);
    cli_child_close(&r->child);
    mem_free(r);
    return exit_status;
}
