/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an agent is made of: for agent.c, which changes it, and agent_render.c,
 * which shows it.
 */
#ifndef DISCO_AGENT_AGENT_STATE_H
#define DISCO_AGENT_AGENT_STATE_H

#include "agent/agent.h"
#include "agent/datadir.h"
#include "agent/leader.h"
#include "agent/lock_delay.h"
#include "agent/metrics.h"
#include "agent/monitor.h"

struct agent {
    const struct config *config;
    struct agent_hooks hooks;
    struct timers *timers;
    struct mailbox *box;
    struct instant started;
    struct datadir dir;
    char node_id[37];
    struct rng rng;
    struct published published;
    struct metrics metrics;
    struct store *store;
    struct store_reader *reader;
    struct state *state;
    struct consensus *consensus;
    struct leader *leader;
    struct lock_delay *lock_delays;
    struct monitor *monitor;
    bool is_leader;
    struct list subscribers;
    void (*closed)(void *data);
    void *closed_data;
};

#endif
