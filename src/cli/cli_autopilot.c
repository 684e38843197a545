/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_autopilot.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/jread.h"

#define URL "/v1/operator/autopilot/configuration"

/* The parsed answer, or NULL when the failure has been told. */
static struct jvalue *ask(struct cli *c, const char *path, const char *what)
{
    struct error err = {0};
    struct jvalue *root = NULL;
    struct cli_reply reply;
    struct buf url;

    buf_init(&url, 0);
    buf_put_z(&url, path);
    int status = cli_command_get(c, what, &url, &reply);
    buf_fini(&url);
    if (status < 0)
        return NULL;
    if (reply.status != 200)
        (void)cli_command_fail_reply(what, &reply, true);
    else if (jread_parse(buf_str(&reply.body), &root, &err) < 0)
        (void)cli_command_fail("%s: the answer cannot be read: %s", what, err.text);
    cli_reply_fini(&reply);
    return root;
}

static struct str text_of(const struct jvalue *root, const char *name)
{
    struct str s = STR_NONE;
    return jread_str(jread_get(root, name), &s) ? STR_NONE : s;
}

static long long number_of(const struct jvalue *root, const char *name)
{
    int64_t n = 0;
    return jread_i64(jread_get(root, name), &n) ? 0 : (long long)n;
}

static const char *truth_of(const struct jvalue *root, const char *name)
{
    bool b = false;
    return jread_bool(jread_get(root, name), &b) == 0 && b ? "true" : "false";
}

int cli_autopilot_get(struct cli *c)
{
    struct jvalue *root = ask(c, URL, "Error querying Autopilot configuration");

    if (!root)
        return 1;
    printf("CleanupDeadServers = %s\nLastContactThreshold = %.*s\nMaxTrailingLogs = %lld\n"
           "MinQuorum = %lld\nServerStabilizationTime = %.*s\nRedundancyZoneTag = \"\"\n"
           "DisableUpgradeMigration = false\nUpgradeVersionTag = \"\"\n",
           truth_of(root, "CleanupDeadServers"), STR_ARG(text_of(root, "LastContactThreshold")),
           number_of(root, "MaxTrailingLogs"), number_of(root, "MinQuorum"),
           STR_ARG(text_of(root, "ServerStabilizationTime")));
    jread_free(root);
    return 0;
}

static void put_text(struct buf *body, const char *name, struct str value)
{
    buf_putf(body, "\"%s\":\"%.*s\",", name, STR_ARG(value));
}

/* A flag's duration, checked; the one of the old configuration without the flag. */
static bool put_duration(struct cli *c, struct buf *body, const char *flag, const char *name,
                         const struct jvalue *old)
{
    const char *given = cli_flags_text(&c->flags, flag);
    struct duration d;

    if (given && duration_parse(str_z(given), (struct duration){0}, &d)) {
        (void)cli_command_fail("invalid value \"%s\" for flag -%s: time: invalid duration \"%s\"",
                               given, flag, given);
        return false;
    }
    put_text(body, name, given ? str_z(given) : text_of(old, name));
    return true;
}

static void put_number(struct cli *c, struct buf *body, const char *flag, const char *name,
                       const struct jvalue *old)
{
    const struct cli_flag_value *f = cli_flags_get(&c->flags, flag);
    buf_putf(body, "\"%s\":%lld,", name, f->given ? (long long)f->number : number_of(old, name));
}

static int send_config(struct cli *c, struct buf *body, long long index)
{
    static const char what[] = "Error setting Autopilot configuration";
    struct error err = {0};
    struct cli_reply reply;
    struct buf url;
    struct str bytes = buf_str(body);
    int exit_status = 1;

    buf_init(&url, 0);
    buf_putf(&url, URL "?cas=%lld", index);
    if (cli_http_do(c->http, "PUT", buf_str(&url), &bytes, &reply, &err) < 0)
        (void)cli_command_fail("%s: %s", what, err.text);
    else if (reply.status != 200)
        (void)cli_command_fail_reply(what, &reply, true);
    else if (!str_has_prefix(buf_str(&reply.body), STR_LIT("true")))
        (void)cli_command_fail("Configuration could not be atomically updated, please try again");
    else
        exit_status = 0;
    if (exit_status == 0)
        puts("Configuration updated!");
    cli_reply_fini(&reply);
    buf_fini(&url);
    return exit_status;
}

/* What is not given stays; somebody else's change in between is not lost. */
int cli_autopilot_set(struct cli *c)
{
    const char *cleanup = cli_flags_text(&c->flags, "cleanup-dead-servers");
    struct buf body;
    int exit_status = 1;

    if (cleanup && !str_eq_z(str_z(cleanup), "true") && !str_eq_z(str_z(cleanup), "false"))
        return cli_command_fail("invalid value \"%s\" for flag -cleanup-dead-servers: a boolean "
                                "is expected",
                                cleanup);
    struct jvalue *old = ask(c, URL, "Error querying Autopilot configuration");
    if (!old)
        return 1;
    buf_init(&body, 0);
    buf_put_c(&body, '{');
    put_number(c, &body, "max-trailing-logs", "MaxTrailingLogs", old);
    put_number(c, &body, "min-quorum", "MinQuorum", old);
    if (put_duration(c, &body, "last-contact-threshold", "LastContactThreshold", old) &&
        put_duration(c, &body, "server-stabilization-time", "ServerStabilizationTime", old)) {
        buf_putf(&body, "\"CleanupDeadServers\":%s}",
                 cleanup ? cleanup : truth_of(old, "CleanupDeadServers"));
        exit_status = send_config(c, &body, number_of(old, "ModifyIndex"));
    }
    buf_fini(&body);
    jread_free(old);
    return exit_status;
}

int cli_autopilot_state(struct cli *c)
{
    struct jvalue *root = ask(c, "/v1/operator/autopilot/health", "Error querying Autopilot state");
    const struct jvalue *servers;

    if (!root)
        return 1;
    printf("Healthy:           %s\nFailure Tolerance: %lld\n", truth_of(root, "Healthy"),
           number_of(root, "FailureTolerance"));
    servers = jread_get(root, "Servers");
    for (size_t i = 0; i < jread_count(servers); i++) {
        const struct jvalue *s = jread_at(servers, i);
        printf("\n%.*s\n   ID:            %.*s\n   Address:       %.*s\n   Leader:        %s\n"
               "   Voter:         %s\n   Healthy:       %s\n   Serf status:   %.*s\n"
               "   Last contact:  %.*s\n   Last index:    %lld\n   Stable since:  %.*s\n",
               STR_ARG(text_of(s, "Name")), STR_ARG(text_of(s, "ID")),
               STR_ARG(text_of(s, "Address")), truth_of(s, "Leader"), truth_of(s, "Voter"),
               truth_of(s, "Healthy"), STR_ARG(text_of(s, "SerfStatus")),
               STR_ARG(text_of(s, "LastContact")), number_of(s, "LastIndex"),
               STR_ARG(text_of(s, "StableSince")));
    }
    jread_free(root);
    return 0;
}
