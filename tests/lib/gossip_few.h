/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A few pools with a network in which the test sees every packet: what one sends waits in `sent`
 * until the test looks at it, answers it itself, or hands it on.
 */
#ifndef DISCO_TESTS_GOSSIP_FEW_H
#define DISCO_TESTS_GOSSIP_FEW_H

#include "base/list.h"
#include "gossip/gossip_keys.h"

#define FEW_MS INT64_C(1000000)
#define FEW_S  INT64_C(1000000000)

struct few_letter {
    struct list link;
    struct addr to;
    size_t n;
    char bytes[];
};
struct few_dial {
    struct list link;
    uint64_t id;
    struct addr to;
    struct buf message;
};
struct few {
    struct gossip *g;
    struct gossip_options o; /* to be changed before few_start */
    struct gossip_packet packet;
    struct timers timers;
    struct rng rng;
    struct list sent, dials;
    int64_t now;
    /* what the hooks heard */
    uint32_t news_n[5], events, questions, conflicts, lost, keyrings;
    char last[256]; /* "member-join node-b" */
    uint64_t handle;
    struct buf snapshot;
    uint32_t wholes;
};

/* Named "node-X", at 10.0.0.I. */
void few_init(struct few *f, char letter, int i);
void few_start(struct few *f);
void few_fini(struct few *f);
void few_run(struct few *f, int64_t ns); /* its timers; what it sends waits */
struct instant few_now(const struct few *f);
/* Drops what waits. */
void few_forget(struct few *f);
/* How many messages of this kind wait, wherever they stand in their packets; the last one's fields
 * in *ret (valid until the next call), if not NULL. */
uint32_t few_count(struct few *f, enum gossip_kind kind, struct gossip_message *ret);
/* A message from "10.0.0.I". */
void few_tell(struct few *f, int from, const struct gossip_message *m);
void few_tell_serf(struct few *f, int from, const struct gossip_serf_message *m);
void few_alive(struct few *f, const char *name, int i, uint32_t incarnation);
void few_claim(struct few *f, enum gossip_kind kind, const char *name, uint32_t incarnation,
               const char *from);
struct addr few_addr(int i);
enum gossip_status few_status(const struct few *f, const char *name);
enum gossip_state few_state(const struct few *f, const char *name);
uint32_t few_incarnation(const struct few *f, const char *name);
/* Hands on what all sent, and their streams, and runs their timers, for so long. */
void few_live(struct few *const *all, size_t n, int64_t ns);

#endif
