/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a command of the command line is: a row of the table in cli.c, which
 * feeds dispatch, flag parsing, help and completion; and what its function is
 * given.
 */
#ifndef DISCO_CLI_CLI_COMMAND_H
#define DISCO_CLI_CLI_COMMAND_H

#include "cli/cli.h"
#include "cli/cli_flags.h"
#include "cli/cli_http.h"

enum {
    CLI_API = 1,       /* asks the agent: -http-addr and so on, and c->http is open */
    CLI_DC = 2,        /* -datacenter, -stale */
    CLI_NAMESPACE = 4, /* -namespace */
    CLI_PROGRESS = 16, /* a terminal is told how far it is */
    CLI_JSON = 8,      /* -format=json: the agent's answer as it is */
};

struct cli {
    const struct cli_hooks *hooks;
    const struct cli_command *command;
    struct cli_flags flags;
    int arg_n;
    char **args; /* what follows the flags */
    struct cli_http *http;
};

struct cli_command {
    const char *name;  /* "kv get" */
    const char *args;  /* "KEY [DATA]", for the usage line */
    const char *about; /* one line */
    const char *text;  /* more for -h, or NULL */
    const struct cli_flag *flags;
    size_t flag_n;
    unsigned groups;
    int (*run)(struct cli *c); /* returns the exit status */
};

/* "flag: text" on stderr; returns 1, the exit status of a failure. */
int cli_command_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* `what: Unexpected response code: 500 (body)` on stderr; returns 1. */
int cli_command_fail_reply(const char *what, const struct cli_reply *reply, bool with_body);
/* GET of `url` with the parameters of the groups; a failure is said as "what: ..." and leaves
 * *ret empty. The reply is the caller's on success (status may be anything). */
int cli_command_get(struct cli *c, const char *what, struct buf *url,
                    struct cli_reply *ret) MUST_USE;
/* Adds dc, stale, ns as given by the flags, and pretty with -format=json. */
void cli_command_params(const struct cli *c, struct buf *url);
bool cli_command_wants_json(const struct cli *c);
/* Bytes to stdout. */
void cli_command_out(struct str s);
/* An argument's data: "-" is stdin, "@FILE" a file, else the text itself. */
int cli_command_data(const char *arg, struct buf *out, struct error *err) MUST_USE;

#endif
