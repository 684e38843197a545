/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the agent is, and a connected blocking socket to it.
 */
#ifndef DISCO_CLI_CLI_DIAL_H
#define DISCO_CLI_CLI_DIAL_H

#include "base/str.h"

#define CLI_DIAL_CONNECT_MS 10000

struct cli_dial {
    char *host, *port; /* TCP; owned */
    char *path;        /* unix socket, or NULL */
    char *shown;       /* "host:port", in errors and the Host header */
};

/* host:port, http://host:port, tcp://host:port, unix:///path. */
int cli_dial_parse(const char *address, struct cli_dial *ret, struct error *err) MUST_USE;
void cli_dial_fini(struct cli_dial *d);
/* "dial tcp 127.0.0.1:8500: connect: connection refused" on failure. */
int cli_dial_connect(const struct cli_dial *d, int *ret_fd, struct error *err) MUST_USE;

#endif
