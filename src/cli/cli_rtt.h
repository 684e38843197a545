/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco rtt`: the estimated round-trip time between two nodes.
 */
#ifndef DISCO_CLI_CLI_RTT_H
#define DISCO_CLI_CLI_RTT_H

#include "cli/cli_command.h"

int cli_rtt(struct cli *c);

#endif
