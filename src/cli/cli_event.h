/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `disco event`. */
#ifndef DISCO_CLI_CLI_EVENT_H
#define DISCO_CLI_CLI_EVENT_H

#include "cli/cli_command.h"

int cli_event(struct cli *c);

#endif
