/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco watch`: waits for changes and tells a program, a URL, or stdout.
 */
#ifndef DISCO_CLI_CLI_WATCH_H
#define DISCO_CLI_CLI_WATCH_H

#include "cli/cli_command.h"

int cli_watch(struct cli *c);

#endif
