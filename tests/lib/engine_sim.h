/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The promises of consensus/engine.h, of the log thread (wal/wal.h) and of
 * wal_disk_open, kept on virtual time in one thread over a simulated disk.
 * One engine at a time.
 */
#ifndef DISCO_TESTS_ENGINE_SIM_H
#define DISCO_TESTS_ENGINE_SIM_H

#include "base/timers.h"
#include "consensus/engine.h"
#include "tests/lib/disk_sim.h"

struct engine_sim {
    struct disk_sim *disk; /* what wal_disk_open gives; the test's */
    struct timers timers;
    struct instant now;
    struct engine *engine;  /* NULL when none is open */
    struct wal_thread *log; /* NULL when none is started */
    bool log_stalls;        /* the log thread does not get on */
    bool work_stalls;
};
extern struct engine_sim engine_sim;

/* Everything that is due at this time, until nothing moves. */
void engine_sim_settle(void);
/* Virtual time passes, to the next timers in turn. */
void engine_sim_sleep(struct duration d);

#endif
