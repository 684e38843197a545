/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * join, force-leave.
 */
#ifndef DISCO_CLI_CLI_CLUSTER_H
#define DISCO_CLI_CLI_CLUSTER_H

#include "cli/cli_command.h"

int cli_cluster_join(struct cli *c);
int cli_cluster_force_leave(struct cli *c);

#endif
