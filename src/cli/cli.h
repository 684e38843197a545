/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco COMMAND ...`: small clients of the HTTP API, one table of commands.
 */
#ifndef DISCO_CLI_CLI_H
#define DISCO_CLI_CLI_H

#include "base/buf.h"

/* What commands need of layers the command line may not include; any may be NULL, and the command
 * that needs it then says that this build has it not. */
struct cli_hooks {
    /* config_validate: files and directories of `disco validate`. */
    int (*validate)(int path_n, char *const *paths, struct error *err);
    /* config_print_help, config_print_markdown, config_print_man: the agent's options, for
     * completion and for the documents made from the table. */
    void (*agent_help)(struct buf *out);
    void (*config_markdown)(struct buf *out);
    void (*config_man)(struct buf *out);
    /* route_print_markdown: the endpoints, likewise. */
    void (*api_markdown)(struct buf *out);
    /* wal_print: the records of a log directory, for people (`disco debug wal`). */
    int (*wal_print)(const char *dir, struct buf *out, struct error *err);
};

/* Runs every command but `agent`; returns the exit status. argv[0] is "disco". */
int cli_run(int argc, char **argv, const struct cli_hooks *hooks);

#endif
