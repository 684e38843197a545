/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco COMMAND ...`: small clients of the HTTP API, one table of commands.
 */
#ifndef DISCO_CLI_CLI_H
#define DISCO_CLI_CLI_H

/* Runs every command but `agent`; returns the exit status. argv[0] is "disco". */
int cli_run(int argc, char **argv);

#endif
