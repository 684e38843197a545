/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco lock`: runs a program while a lock, or one place of a semaphore, is held.
 */
#ifndef DISCO_CLI_CLI_LOCK_H
#define DISCO_CLI_CLI_LOCK_H

#include "cli/cli_command.h"

int cli_lock(struct cli *c);

#endif
