/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The requests of cli_hold.c, whose own this is.
 */
#ifndef DISCO_CLI_CLI_HOLD_REQUEST_H
#define DISCO_CLI_CLI_HOLD_REQUEST_H

#include "cli/cli_hold.h"

/* Initialises url. */
void cli_hold_url(const struct cli_hold *h, struct buf *url, const char *path);
/* The same: PREFIX/NAME, or all below PREFIX/ when name is NULL. */
void cli_hold_url_key(const struct cli_hold *h, struct buf *url, const char *name);
void cli_hold_url_number(struct buf *url, const char *name, uint64_t n);
/* Does it, frees url. Another status than 200, or 404 of a GET, is an error. *ret is the caller's
 * in any case. */
int cli_hold_request(struct cli_hold *h, const char *method, struct buf *url,
                     const struct str *body, struct cli_reply *ret, struct error *err) MUST_USE;
/* A change that answers true or false. */
int cli_hold_change(struct cli_hold *h, const char *method, struct buf *url, struct str body,
                    bool *ret, struct error *err) MUST_USE;

#endif
