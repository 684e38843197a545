/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * operator autopilot get-config, set-config, state.
 */
#ifndef DISCO_CLI_CLI_AUTOPILOT_H
#define DISCO_CLI_CLI_AUTOPILOT_H

#include "cli/cli_command.h"

int cli_autopilot_get(struct cli *c);
int cli_autopilot_set(struct cli *c);
int cli_autopilot_state(struct cli *c);

#endif
