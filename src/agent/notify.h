/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the service manager is told (systemd's Type=notify), and what it keeps for us: descriptors
 * that are handed to the next process when this one ends (sd_notify(3) FDSTORE, sd_listen_fds(3)).
 * `disco hold` speaks the other side of it.
 */
#ifndef DISCO_AGENT_NOTIFY_H
#define DISCO_AGENT_NOTIFY_H

#include <stdbool.h>

/* "READY=1", "RELOADING=1", "STOPPING=1". Nothing happens without $NOTIFY_SOCKET. */
void notify_service(const char *state);
/* Is there a service manager? Whether it keeps descriptors it does not say. */
bool notify_is_heard(void);
/* A copy of the descriptor is kept under this name until it is forgotten. */
void notify_keep(const char *name, int fd);
void notify_forget(const char *name);
/* What a former process had kept under this name, close-on-exec; -1: nothing. Once. */
int notify_kept(const char *name);

#endif
