/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `disco snapshot save|restore|inspect`. */
#ifndef DISCO_CLI_CLI_SNAPSHOT_H
#define DISCO_CLI_CLI_SNAPSHOT_H

#include "cli/cli_command.h"

int cli_snapshot_save(struct cli *c);
int cli_snapshot_restore(struct cli *c);
int cli_snapshot_inspect(struct cli *c);

#endif
