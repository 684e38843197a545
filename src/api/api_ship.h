/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request as bytes, to be run by another agent, and its reply as bytes.
 */
#ifndef DISCO_API_API_SHIP_H
#define DISCO_API_API_SHIP_H

#include "agent/serve.h"
#include "api/api.h"

/* Must this call be run elsewhere, and may it? After its options were taken. */
bool api_ship_is_needed(const struct api_call *c);
/* Sends it off; the call's done comes later. */
void api_ship_start(struct api_call *c);
void api_ship_cancel(struct api_call *c);
/* In flight? */
bool api_ship_is_waiting(const struct api_call *c);

/* The bytes of this request with another query, for the body of a struct ship; who runs it ships it
 * no further. And what came back: status and body of the reply; ERR_CORRUPT. */
void api_ship_put(const struct api_call *c, struct str query, struct buf *out);
int api_ship_take(struct str answer, int *ret_status, struct str *ret_body) MUST_USE;

/* ---- an execution that goes on elsewhere ---- */
/* The bytes of this request with another query and the row of a prepared query. */
void api_ship_put_prepared(const struct api_call *c, struct str query, struct str row,
                           struct buf *out);
/* The reply that came back is this call's when there are instances in it; else false, and nothing
 * has changed. */
bool api_ship_take_found(struct api_call *c, struct str answer) MUST_USE;

extern const struct serve_handler api_ship_handler;

#endif
