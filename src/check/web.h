/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks that are HTTP requests, and gRPC's health protocol, which is one: the door to libcurl.
 */
#ifndef DISCO_CHECK_WEB_H
#define DISCO_CHECK_WEB_H

#include "check/runner.h"

struct web;

int web_open(void *uv_loop, struct timers *timers, struct instant (*clock)(void),
             struct web **ret) MUST_USE;
/* All runs have ended or were cancelled. cb maybe from inside. */
void web_close(struct web *w, void (*cb)(void *data), void *data);
/* NULL: told already. */
struct check_run *web_start(const struct check_run *run);

#endif
