/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hold: what systemd does for a service with a store of descriptors, where there is no systemd. It
 * runs an agent, keeps what the agent hands over (sd_notify(3) FDSTORE), and starts it again with
 * that (sd_listen_fds(3)) when it was killed or ended for a restart (SIGUSR2).
 */
#ifndef DISCO_CLI_CLI_KEEPER_H
#define DISCO_CLI_CLI_KEEPER_H

#include "cli/cli_command.h"

int cli_keeper(struct cli *c);

#endif
