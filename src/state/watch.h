/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who waits for what. Two sides that meet in (kind, key):
 *
 *   a change   what apply touched: a list of (kind, key), published as one batch per applied group;
 *   a watch    what a read looked at: a set of (kind, key or prefix), noted by the read functions.
 *
 * The index finds the watches that a batch touches in time proportional to the batch, not to the
 * number of watches. Pure; one index per worker, no sharing.
 */
#ifndef DISCO_STATE_WATCH_H
#define DISCO_STATE_WATCH_H

#include "base/buf.h"
#include "base/list.h"

/* Names of nodes and services are lower case in keys of watches and changes. */
enum watch_kind {
    WATCH_KV,         /* key; prefix watches see every key below */
    WATCH_NODE,       /* node name: the node's row, its services, its checks */
    WATCH_SERVICE,    /* service name: its instances and their checks (and their nodes') */
    WATCH_NODES,      /* key "": the set of nodes or any node's row */
    WATCH_SERVICES,   /* key "": the set of services and their tags */
    WATCH_CHECKS,     /* service name or "": checks */
    WATCH_SESSION,    /* session id, prefix "" for all */
    WATCH_MOVED,      /* nobody waits for it: a rename, told before the changes it is made of */
    WATCH_ACL,        /* key "": any token, policy or role */
    WATCH_QUERY,      /* key "": any prepared query */
    WATCH_COORDINATE, /* key "": any */
    WATCH_EVENT,      /* key "": user events; not the state's */
    WATCH_KINDS
};

/* ---- changes ---- */
struct change_batch {
    struct buf items; /* private: kind, size, key */
    uint32_t n;
    uint64_t index;  /* applied index after the batch */
    bool everything; /* the store was replaced (snapshot): all watches fire, caches drop all */
};
void change_init(struct change_batch *b);
void change_fini(struct change_batch *b);
void change_clear(struct change_batch *b);
void change_add(struct change_batch *b, enum watch_kind kind, struct str key);
void change_copy(struct change_batch *dst, const struct change_batch *src); /* dst initialised */
/* Forgets what was added since items.n and n had these values: the apply failed. */
void change_cut(struct change_batch *b, size_t size, uint32_t n);
/* *pos starts at 0. */
bool change_next(const struct change_batch *b, size_t *pos, enum watch_kind *ret_kind,
                 struct str *ret_key);

/* ---- watches ---- */
#define WATCH_ITEMS_MAX 64 /* a set with more is widened to "anything" */

struct watch_item; /* private */
struct watch_set {
    struct watch_item *items; /* owned */
    uint32_t n;
    bool everything;
    bool fired; /* set by watch_fire; the owner clears it */
    void (*on_fire)(struct watch_set *s);
    struct watch_index *in; /* NULL when not waiting */
};
void watch_init(struct watch_set *s);
void watch_fini(struct watch_set *s);  /* leaves the index first */
void watch_reset(struct watch_set *s); /* leaves the index and forgets the items */
/* Both accept s NULL: a read that nobody waits on. */
void watch_key(struct watch_set *s, enum watch_kind kind, struct str key);
void watch_prefix(struct watch_set *s, enum watch_kind kind, struct str prefix);

struct watch_index;
struct watch_index *watch_index_new(uint64_t seed);
void watch_index_free(struct watch_index *x); /* must be empty */
void watch_wait(struct watch_index *x, struct watch_set *s);
void watch_leave(struct watch_set *s); /* harmless when not waiting */
/* Takes every touched set off the index, marks it fired, then calls on_fire of each (which may
 * wait again or free the set). Returns how many fired. */
size_t watch_fire(struct watch_index *x, const struct change_batch *b);
size_t watch_index_count(const struct watch_index *x);

#endif
