/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/jread.h"
#include "base/mem.h"
#include "base/rng.h"

/* consul: gossip keys are 32 bytes, for AES-256 */
#define KEY_SIZE 32

/* ---- info ---- */

static void info_print(const struct jvalue *stats);

/* Sections and lines by name. */
int cli_agent_info(struct cli *c)
{
    static const char what[] = "Error querying agent";
    struct error err = {0};
    struct cli_reply reply;
    struct jvalue *root = NULL;
    struct buf url;
    int exit_status = 1;

    buf_init(&url, 0);
    buf_put_z(&url, "/v1/agent/self");
    int status = cli_command_get(c, what, &url, &reply);
    buf_fini(&url);
    if (status < 0)
        return 1;
    if (reply.status != 200) {
        (void)cli_command_fail_reply(what, &reply, true);
    } else if (cli_command_wants_json(c)) {
        cli_command_out(buf_str(&reply.body));
        exit_status = 0;
    } else if (jread_parse(buf_str(&reply.body), &root, &err) < 0) {
        (void)cli_command_fail("%s: the answer cannot be read: %s", what, err.text);
    } else if (jread_type(jread_get(root, "Stats")) != JREAD_OBJECT) {
        (void)cli_command_fail("Agent provided stats in unexpected format");
    } else {
        info_print(jread_get(root, "Stats"));
        exit_status = 0;
    }
    jread_free(root);
    cli_reply_fini(&reply);
    return exit_status;
}

/* A member of an object. */
struct fact {
    struct str name;
    const struct jvalue *value;
};

static int order_facts(const void *a, const void *b)
{
    return str_cmp(((const struct fact *)a)->name, ((const struct fact *)b)->name);
}

/* The members by name; the caller's to free. */
static struct fact *facts_sorted(const struct jvalue *object, size_t *ret_n)
{
    struct fact *facts = mem_alloc(jread_count(object) * sizeof(*facts));
    size_t pos = 0, n = 0;
    struct fact fact;

    while (jread_next(object, &pos, &fact.name, &fact.value))
        facts[n++] = fact;
    qsort(facts, n, sizeof(*facts), order_facts);
    *ret_n = n;
    return facts;
}

static void info_print(const struct jvalue *stats)
{
    size_t section_n, fact_n;
    struct fact *sections = facts_sorted(stats, &section_n);

    for (size_t i = 0; i < section_n; i++) {
        (void)printf("%.*s:\n", STR_ARG(sections[i].name));
        if (jread_type(sections[i].value) != JREAD_OBJECT)
            continue;
        struct fact *facts = facts_sorted(sections[i].value, &fact_n);
        for (size_t k = 0; k < fact_n; k++) {
            struct str text = STR_NONE;
            if (jread_str(facts[k].value, &text) == 0)
                (void)printf("\t%.*s = %.*s\n", STR_ARG(facts[k].name), STR_ARG(text));
        }
        mem_free(facts);
    }
    mem_free(sections);
}

/* ---- monitor ---- */

static bool on_monitor_bytes(void *data, struct str bytes);
static void on_interrupt(int number);

/* Until the agent ends or the user interrupts, which is no failure. */
int cli_agent_monitor(struct cli *c)
{
    static const char what[] = "Error starting monitor";
    const char *level = cli_flags_text(&c->flags, "log-level");
    struct sigaction action = {.sa_handler = on_interrupt}; /* no SA_RESTART: poll must end */
    struct error err = {0};
    struct cli_reply reply;
    struct buf url;

    buf_init(&url, 0);
    buf_put_z(&url, "/v1/agent/monitor");
    cli_http_param(&url, "loglevel", level ? level : "INFO");
    if (cli_flags_is_on(&c->flags, "log-json"))
        cli_http_param(&url, "logjson", "true");
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    int status =
        cli_http_stream(c->http, "GET", buf_str(&url), on_monitor_bytes, NULL, &reply, &err);
    buf_fini(&url);
    int exit_status = 0;
    if (status == 0 && reply.status != 200)
        exit_status = cli_command_fail_reply(what, &reply, true);
    else if (status < 0 && reply.status != 200 && status != -EINTR)
        exit_status = cli_command_fail("%s: %s", what, err.text);
    else if (status != -EINTR)
        (void)fputs("Remote side ended the monitor! This usually means that the\n"
                    "remote side has exited or crashed.\n",
                    stderr);
    cli_reply_fini(&reply);
    return exit_status;
}

static bool on_monitor_bytes(void *data, struct str bytes)
{
    cli_command_out(bytes);
    return fflush(stdout) == 0;
}

static void on_interrupt(int number)
{
}

/* ---- reload, leave ---- */

static int put_plain(struct cli *c, struct str url, const char *what, const char *success)
{
    struct error err = {0};
    struct cli_reply reply;
    int exit_status = 1;

    if (cli_http_do(c->http, "PUT", url, &STR_NONE, &reply, &err) < 0) {
        (void)cli_command_fail("%s: %s", what, err.text);
    } else if (reply.status != 200) {
        (void)cli_command_fail_reply(what, &reply, true);
    } else {
        (void)puts(success);
        exit_status = 0;
    }
    cli_reply_fini(&reply);
    return exit_status;
}

int cli_agent_reload(struct cli *c)
{
    return put_plain(c, STR_LIT("/v1/agent/reload"), "Error reloading",
                     "Configuration reload triggered");
}

int cli_agent_leave(struct cli *c)
{
    return put_plain(c, STR_LIT("/v1/agent/leave"), "Error leaving", "Graceful leave complete");
}

/* ---- without an agent ---- */

int cli_agent_version(struct cli *c)
{
    const char *format = cli_flags_text(&c->flags, "format");

    if (format && strcmp(format, "json") == 0) {
        (void)printf(
            "{\n   \"Version\": \"%s\",\n   \"Revision\": \"\",\n   \"Prerelease\": \"\",\n"
            "   \"RPC\": {\n      \"Default\": 2,\n      \"Min\": 2,\n      \"Max\": 3\n"
            "   }\n}\n",
            DISCO_VERSION);
        return 0;
    }
    if (format && strcmp(format, "pretty") != 0)
        return cli_command_fail("Unknown format: %s", format);
    (void)printf("disco v%s\nSpeaks the HTTP and DNS interfaces of Consul 1.9\n", DISCO_VERSION);
    return 0;
}

int cli_agent_keygen(struct cli *c)
{
    char key[KEY_SIZE];
    struct buf text;

    rng_secure(key, sizeof(key));
    buf_init(&text, 0);
    encode_base64(str_make(key, sizeof(key)), &text);
    (void)puts(buf_z(&text));
    buf_fini(&text);
    return 0;
}

int cli_agent_validate(struct cli *c)
{
    struct error err = {0};

    if (c->arg_n == 0)
        return cli_command_fail("Must specify at least one config file or directory");
    if (!c->hooks->validate)
        return cli_command_fail("This build cannot validate configurations");
    if (c->hooks->validate(c->arg_n, c->args, &err) < 0)
        return cli_command_fail("Config validation failed: %s", err.text);
    if (!cli_flags_is_on(&c->flags, "quiet"))
        (void)puts("Configuration is valid!");
    return 0;
}

int cli_agent_debug_wal(struct cli *c)
{
    struct error err = {0};
    struct buf out;

    if (c->arg_n != 1)
        return cli_command_fail("A single log directory must be specified (DATA-DIR/raft)");
    if (!c->hooks->wal_print)
        return cli_command_fail("This build cannot print logs");

    /* What could be read is shown also when the rest is damaged. */
    buf_init(&out, 0);
    int status = c->hooks->wal_print(c->args[0], &out, &err);
    cli_command_out(buf_str(&out));
    buf_fini(&out);
    return status < 0 ? cli_command_fail("Error reading the log: %s", err.text) : 0;
}
