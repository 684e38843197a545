/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disco operator raft: the servers of the log.
 */
#ifndef DISCO_CLI_CLI_OPERATOR_H
#define DISCO_CLI_CLI_OPERATOR_H

#include "cli/cli_command.h"

int cli_operator_list_peers(struct cli *c);
int cli_operator_remove_peer(struct cli *c);
int cli_operator_transfer(struct cli *c);

#endif
