/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/recall.h"

#include "agent/agent_state.h"

#define SEED        0x6469736361636865 /* a peer that finds collisions gains a wrong X-Cache */
#define MEMORY_S    (72 * 3600)        /* consul: LastGetTTL of the cache's types */
#define SECONDS_BIT 0xffffffff

bool recall_ask(struct recall *r, struct str question, struct instant now)
{
    uint64_t hash = str_hash(question, SEED);
    struct published_counter *slot = &r->slots[hash % RECALL_SLOTS];
    uint64_t was = (uint64_t)published_read(slot), tag = hash & ~(uint64_t)SECONDS_BIT;
    uint64_t seconds = ((uint64_t)now.ns / 1000000000 + 1) & SECONDS_BIT; /* 0: never */

    published_write(slot, (int64_t)(tag | seconds));
    return (was & SECONDS_BIT) && (was & ~(uint64_t)SECONDS_BIT) == tag &&
           seconds - (was & SECONDS_BIT) <= MEMORY_S;
}

struct recall *recall_of_agent(struct agent *a)
{
    return &a->recall;
}
