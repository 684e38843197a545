/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mount-watch: the process that makes inotify see what was changed elsewhere.
 *
 * The kernel tells inotify only of what system calls of this host do. So this process reads the
 * mount's file of changes and does each once more, as a system call that the agent answers without
 * changing anything. It is a process of its own, never a thread of the agent: a thread that waits
 * for its own process in the kernel cannot be killed.
 */
#ifndef DISCO_CLI_CLI_MOUNT_H
#define DISCO_CLI_CLI_MOUNT_H

#include "cli/cli_command.h"

int cli_mount_watch(struct cli *c);

#endif
