/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What consensus needs of the loop it lives on: a promise kept by libuv
 * (engine_uv.c) and by tests (tests/lib/engine_sim.c).
 *
 * `turn` is called before the loop sleeps and after it woke, so that all that
 * came in a turn is handled together, and nothing waits while the loop sleeps.
 */
#ifndef DISCO_CONSENSUS_ENGINE_H
#define DISCO_CONSENSUS_ENGINE_H

#include "base/clock.h"
#include "base/mailbox.h"

struct engine;
int engine_open(void *uv_loop, void (*turn)(void *data), void *data, struct engine **ret) MUST_USE;
void engine_close(struct engine *e, void (*cb)(void *data), void *data); /* then e is gone */
struct instant engine_now(struct engine *e);
/* Drained by the loop, before a turn. */
struct mailbox *engine_mailbox(struct engine *e);
/* There is more to do: another turn soon, after the loop has looked at its other business. */
void engine_again(struct engine *e);

/* Work off the loop: run on some other thread, then done on this one. */
struct engine_work {
    void (*run)(struct engine_work *w);
    void (*done)(struct engine_work *w);
    void *impl; /* private */
};
void engine_work(struct engine *e, struct engine_work *w);

#endif
