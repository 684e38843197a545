/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the service manager is told (systemd's Type=notify).
 */
#ifndef DISCO_AGENT_NOTIFY_H
#define DISCO_AGENT_NOTIFY_H

/* "READY=1", "RELOADING=1", "STOPPING=1". Nothing happens without $NOTIFY_SOCKET. */
void notify_service(const char *state);

#endif
