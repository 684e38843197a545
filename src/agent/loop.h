/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread's loop: libuv's, with our timers and our mailbox in it.
 *
 * Opened on any thread, then run and closed by one. A turn of the loop: what
 * the kernel brought, mails, timers; then `turn`; then it sleeps until the
 * next of these or the nearest deadline.
 */
#ifndef DISCO_AGENT_LOOP_H
#define DISCO_AGENT_LOOP_H

#include "base/mailbox.h"
#include "base/timers.h"

#define LOOP_SIGNALS_MAX 8

struct loop;

int loop_open(struct loop **ret, struct error *err) MUST_USE;
/* Returns after loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Closes our handles, waits for others that are closing, delivers what is left in the mailbox,
 * frees. */
void loop_close(struct loop *l);

void *loop_uv(struct loop *l); /* uv_loop_t *: no header names uv */
struct timers *loop_timers(struct loop *l);
struct mailbox *loop_mailbox(struct loop *l);
/* Called before each sleep. */
void loop_set_turn(struct loop *l, void (*turn)(void *data), void *data);
/* SIGPIPE and the like are main's business; here are those that mean something. */
void loop_on_signal(struct loop *l, int signo, void (*cb)(void *data, int signo), void *data);

#endif
