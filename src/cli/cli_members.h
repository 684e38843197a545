/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco members`.
 */
#ifndef DISCO_CLI_CLI_MEMBERS_H
#define DISCO_CLI_CLI_MEMBERS_H

#include "cli/cli_command.h"

/* Exit status 2 when no member matches. */
int cli_members(struct cli *c);

#endif
