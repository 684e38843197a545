/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keyrings of the agent's pools, asked and changed as a whole: every member is asked, the
 * answers are gathered per pool (consul: KeyringOperation). Core thread.
 */
#ifndef DISCO_AGENT_KEYRING_H
#define DISCO_AGENT_KEYRING_H

#include "agent/agent.h"

enum keyring_op { KEYRING_INSTALL, KEYRING_USE, KEYRING_REMOVE, KEYRING_LIST };

struct keyring_ask { /* the caller's, until done */
    enum keyring_op op;
    struct str key;  /* base64; none for a list */
    bool local_only; /* the LAN pool alone */
    uint8_t relay;   /* how many others carry each answer, too (serf: RelayFactor) */
    bool pretty;
    /* Exactly once, perhaps before keyring_ask has returned. */
    void (*done)(struct keyring_ask *k);
    /* outputs, the caller's to buf_fini */
    struct buf json;   /* the list, in Consul's form */
    struct buf errors; /* as Consul joins them; empty: all went well */
    /* private */
    struct keyring_pool *pools[2];
    int left;
    struct agent *agent;
};

void keyring_ask(struct agent *a, struct keyring_ask *k);

#endif
