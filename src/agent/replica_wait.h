/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One who waits for the copy of the state (replica.h).
 */
#ifndef DISCO_AGENT_REPLICA_WAIT_H
#define DISCO_AGENT_REPLICA_WAIT_H

#include "base/clock.h"
#include "base/list.h"

struct replica_wait {
    struct list link;
    uint64_t index;
    struct instant until;
    void (*go)(struct replica_wait *w); /* may free it */
};

#endif
