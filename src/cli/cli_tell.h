/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The HTTP handler of a watch: one request with the news as its body.
 *
 * consul: makeHTTPWatchHandler
 */
#ifndef DISCO_CLI_CLI_TELL_H
#define DISCO_CLI_CLI_TELL_H

#include "plan/plan.h"

/* An answer with another status than 2xx is an error too. */
int cli_tell(const struct plan *p, uint64_t index, struct str body, struct error *err) MUST_USE;

#endif
