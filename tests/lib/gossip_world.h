/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pool of many nodes on virtual time: each is a real gossip pool; between them a network that
 * loses, delays, doubles, parts and refuses, and machines that stop and go on. All chance comes
 * from one seed.
 */
#ifndef DISCO_TESTS_GOSSIP_WORLD_H
#define DISCO_TESTS_GOSSIP_WORLD_H

#include "base/list.h"
#include "gossip/gossip.h"

#define WORLD_MS      INT64_C(1000000)
#define WORLD_S       INT64_C(1000000000)
#define WORLD_BACKLOG 1024 /* datagrams a stopped process finds in its socket */

struct gossip_world;
struct world_node {
    struct gossip_world *world;
    struct gossip *g; /* NULL: not running */
    struct addr addr;
    uint32_t index, life; /* life: how often it was started */
    int side;             /* of a partition: they hear only their own */
    bool is_paused;
    struct timers timers;
    struct timer wake;
    struct rng rng;
    struct list streams, backlog;
    uint32_t backlog_n;
    uint32_t alive; /* how many it believes to be alive: from its news */
    uint64_t packets, bytes, stream_bytes;
    uint64_t events, questions;
    void *hook_data;
};

/* What somebody learned about somebody. */
struct world_news {
    uint32_t observer, subject;
    enum gossip_news news;
    int64_t at;
};

struct gossip_world {
    /* set before world_open */
    uint64_t seed;
    uint32_t node_max;
    enum gossip_profile profile;
    double loss, duplicate; /* of a datagram */
    int64_t delay_min, delay_max;
    bool no_lifeguard, no_resend, compress;
    void (*on_news)(void *data, const struct world_news *news);
    void (*on_event)(void *data, uint32_t observer, const struct gossip_event *e);
    void (*on_question)(void *data, uint32_t observer, const struct gossip_question *q);
    void *data;
    /* the world's */
    int64_t now;
    struct timers timers;
    struct rng rng;
    struct world_node *nodes;
    struct gossip_packet packet;
    struct gossip_identities *identities;
    struct gossip_keyring *keyring;
    struct buf scratch;
    struct gossip_timing timing;
    uint64_t lost, failed_news, false_failed; /* false: of one that runs and is not parted */
    uint32_t running;
};

void world_open(struct gossip_world *w);
void world_close(struct gossip_world *w);
void world_run(struct gossip_world *w, int64_t until); /* moves the clock */
static inline void world_wait(struct gossip_world *w, int64_t ns)
{
    world_run(w, w->now + ns);
}
/* Runs until `is` says so, asked every 10 ms, at most `ns`; how long it took, or -1. */
int64_t world_until(struct gossip_world *w, int64_t ns, bool (*is)(struct gossip_world *w));
bool world_all_know_all(struct gossip_world *w); /* each running one believes in all running ones */

struct world_node *world_start(struct gossip_world *w, uint32_t i);
void world_kill(struct gossip_world *w, uint32_t i); /* the process; its machine refuses */
void world_join(struct gossip_world *w, uint32_t i, uint32_t to);
void world_leave(struct gossip_world *w, uint32_t i); /* and then it ends */
void world_pause(struct gossip_world *w, uint32_t i, bool is_paused);
/* Starts all, each knowing all from the beginning. */
void world_fill(struct gossip_world *w);
struct instant world_now(const struct gossip_world *w);
void world_rearm(struct world_node *n); /* after an operation on n->g */
uint32_t world_index(struct str name);
const struct gossip_member *world_member(struct gossip_world *w, uint32_t observer,
                                         uint32_t subject);
enum gossip_status world_status(struct gossip_world *w, uint32_t observer, uint32_t subject);

#endif
