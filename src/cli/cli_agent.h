/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands about the agent and the program itself: info, monitor, reload,
 * leave, version, keygen, validate, debug wal.
 */
#ifndef DISCO_CLI_CLI_AGENT_H
#define DISCO_CLI_CLI_AGENT_H

#include "cli/cli_command.h"

int cli_agent_info(struct cli *c);
int cli_agent_monitor(struct cli *c);
int cli_agent_reload(struct cli *c);
int cli_agent_leave(struct cli *c);
int cli_agent_version(struct cli *c);
int cli_agent_keygen(struct cli *c);
int cli_agent_validate(struct cli *c);
int cli_agent_debug_wal(struct cli *c);

#endif
