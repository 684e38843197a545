/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Completion of shells, written from the table of commands.
 */
#ifndef DISCO_CLI_CLI_COMPLETE_H
#define DISCO_CLI_CLI_COMPLETE_H

#include <stdio.h>

#include "cli/cli_command.h"

/* Flags that all commands with one of the bits have. */
struct cli_complete_group {
    unsigned bits;
    const struct cli_flag *flags;
    size_t flag_n;
};

/* agent_help: lines that begin with "-name" are options of `agent`. */
void cli_complete_bash(const struct cli_command *commands, size_t n,
                       const struct cli_complete_group *groups, size_t group_n,
                       struct str agent_help, FILE *out);

#endif
