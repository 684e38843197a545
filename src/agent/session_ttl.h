/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When sessions with a TTL end, as the leader keeps it. Pure: time is handed in.
 *
 * Consul ends a session at twice its TTL; ours ends at its TTL.
 */
#ifndef DISCO_AGENT_SESSION_TTL_H
#define DISCO_AGENT_SESSION_TTL_H

#include "base/clock.h"

/* A session that could not be destroyed is tried again after so long. */
#define SESSION_TTL_RETRY DURATION_S(1)

struct session_ttl;

struct session_ttl *session_ttl_new(uint64_t seed);
void session_ttl_free(struct session_ttl *t);
/* A session that is known keeps its deadline. */
void session_ttl_add(struct session_ttl *t, struct str id, struct duration ttl, struct instant now);
/* The TTL starts anew. False: not known. */
bool session_ttl_renew(struct session_ttl *t, struct str id, struct instant now);
void session_ttl_remove(struct session_ttl *t, struct str id);
void session_ttl_clear(struct session_ttl *t);
size_t session_ttl_count(const struct session_ttl *t);
struct instant session_ttl_deadline(const struct session_ttl *t);
/* One session whose time is over, or false. It comes again after SESSION_TTL_RETRY, until it is
 * removed. The text lives until the next call. */
bool session_ttl_expire(struct session_ttl *t, struct instant now, struct str *ret_id);

#endif
