/* SPDX-License-Identifier: GPL-3.0-or-later */
/* disco keyring: the gossip keys of the cluster. */
#ifndef DISCO_CLI_CLI_KEYRING_H
#define DISCO_CLI_CLI_KEYRING_H

#include "cli/cli_command.h"

int cli_keyring(struct cli *c);

#endif
