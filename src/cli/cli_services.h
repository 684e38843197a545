/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco services register|deregister`, `disco maint`: the services of the agent that is asked.
 */
#ifndef DISCO_CLI_CLI_SERVICES_H
#define DISCO_CLI_CLI_SERVICES_H

#include "cli/cli_command.h"

int cli_services_register(struct cli *c);
int cli_services_deregister(struct cli *c);
int cli_services_maint(struct cli *c);

#endif
