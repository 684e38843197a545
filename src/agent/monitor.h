/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's log for those who watch it (/v1/agent/monitor): the log's tap
 * posts lines to the core, the core hands each subscriber's worker a copy.
 *
 * A subscriber that does not keep up loses lines and is told how many; nobody
 * waits for it. Without subscribers the tap is off and costs nothing.
 */
#ifndef DISCO_AGENT_MONITOR_H
#define DISCO_AGENT_MONITOR_H

#include "agent/env.h"
#include "base/log.h"

#define MONITOR_FLIGHT_MAX 4096 /* lines under way, to the core and to one subscriber */

struct monitor;

/* Made before any thread but the core's runs, freed when all others have ended; what is still in
 * the mailbox is taken care of. */
struct monitor *monitor_new(struct mailbox *core);
void monitor_free(struct monitor *m); /* accepts NULL; there must be no subscribers */

/* Embedded in the watcher's object. */
struct monitor_subscriber {
    /* set by the watcher */
    struct env *env;
    enum log_level level;
    /* On the watcher's worker: a line without its newline, borrowed; dropped_n lines were lost
     * since the last. */
    void (*line)(struct monitor_subscriber *s, struct str line, uint64_t dropped_n);
    /* private */
    struct list link;
    struct published_counter flight;
    uint64_t dropped_n;
};

/* Core thread, both. A line may come to the worker until the mail that follows monitor_remove has
 * come (the answer of the ask that called it). */
void monitor_add(struct monitor *m, struct monitor_subscriber *s);
void monitor_remove(struct monitor *m, struct monitor_subscriber *s);

/* A text line of the log as one line of JSON, as `log_json` writes it: what stands after "message:
 * " as key=value or key="value" becomes members. Pure. */
void monitor_format_json(struct str line, struct buf *out);

#endif
