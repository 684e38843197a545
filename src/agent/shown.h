/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers that wait until the mount shows what they tell: who was told of a change by this agent's
 * HTTP finds it by stat and ls, too, and not only by opening the file.
 *
 * Changes are handed to the mount in batches of rising index; it tells how far the kernel has
 * forgotten what they changed. An answer waits at most SHOWN_WAIT_MS; when that was too short once,
 * no answer waits until the mount has caught up. Without a mount nothing waits. Core's thread, but
 * for shown_tell.
 */
#ifndef DISCO_AGENT_SHOWN_H
#define DISCO_AGENT_SHOWN_H

#include "base/list.h"
#include "base/mailbox.h"
#include "base/timers.h"

#define SHOWN_WAIT_MS 100

struct shown {
    struct timers *timers;
    bool is_on, is_late, is_gone;
    uint64_t published, index; /* of the last batch handed out; of the last that is shown */
    struct list held;          /* struct shown_wait */
    struct timer timer;
    struct instant (*clock)(void);
};
struct shown_wait {
    struct list link;
    uint64_t index;
    void (*go)(struct shown_wait *w); /* may free it */
};

void shown_init(struct shown *s, struct timers *timers, struct instant (*clock)(void));
void shown_fini(struct shown *s); /* whoever waits goes */
void shown_published(struct shown *s, uint64_t index);
/* Goes at once when there is nothing to wait for. */
void shown_hold(struct shown *s, struct shown_wait *w, uint64_t index);
/* The mount shows all up to this index; SHOWN_OFF: there is no mount any more, whatever
 * still comes from it. */
void shown_reach(struct shown *s, uint64_t index);

/* The same from any thread: a message to the core. */
#define SHOWN_OFF UINT64_MAX
void shown_tell(struct mailbox *core, struct shown *s, uint64_t index);

#endif
