/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A gossip pool of the agent: LAN (every agent of the datacenter) or WAN (servers of all
 * datacenters). Joins gossip/ with its sockets, its files in the data directory and Consul's
 * meaning of tags. What the news mean is cluster.h's business. Core thread.
 */
#ifndef DISCO_AGENT_POOL_H
#define DISCO_AGENT_POOL_H

#include "agent/member.h"
#include "gossip/gossip.h"
#include "gossip/gossip_keys.h"

struct agent;
struct pool;

enum pool_kind { POOL_LAN, POOL_WAN };

/* On failure one line that names the socket. *ret is running: its own member is there. */
int pool_open(struct agent *a, enum pool_kind kind, void *uv_loop, struct pool **ret,
              struct error *err) MUST_USE;
void pool_close(struct pool *p, void (*cb)(void *data), void *data);

struct gossip *pool_gossip(struct pool *p);
enum pool_kind pool_kind_of(const struct pool *p);
/* How many members are asked at the moment of asking. */
uint32_t pool_count(struct pool *p);
/* The i-th member; texts borrow until the pool's next input. False: out of range. */
bool pool_at(struct pool *p, uint32_t i, struct member *ret, struct pair tags[MEMBER_TAGS_MAX]);
bool pool_find(struct pool *p, struct str name, struct member *ret,
               struct pair tags[MEMBER_TAGS_MAX]);
void pool_member(const struct gossip_info *info, struct member *ret,
                 struct pair tags[MEMBER_TAGS_MAX]);
/* Our own tags anew (bootstrap, acls and so on may change). */
void pool_retag(struct pool *p);
bool pool_is_encrypted(const struct pool *p);
/* Packets and streams that were no gossip of this pool. */
uint64_t pool_dropped(const struct pool *p);
/* Members in name order, as places of pool_at; the caller frees with mem_free. */
uint32_t *pool_sorted(struct pool *p, uint32_t *ret_n);

#endif
