/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco kv export` and `disco kv import`: keys as a JSON document.
 */
#ifndef DISCO_CLI_CLI_TRANSFER_H
#define DISCO_CLI_CLI_TRANSFER_H

#include "cli/cli_command.h"

int cli_transfer_export(struct cli *c);
int cli_transfer_import(struct cli *c);

#endif
