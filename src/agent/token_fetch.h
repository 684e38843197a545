/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a token permits, on an agent without rows: known already (token_cache.h), or asked of a
 * server (SHIP_TOKEN). Core's thread.
 *
 *     token_fetch_hold ──(known)──> true
 *          └──(asked: one request for all that wait for the same token)──> go
 *
 * Once it is known a view of that token (agent_view_begin) has its rights. The anonymous token is
 * asked for like any other; acl.tokens.agent_master is known without a server.
 */
#ifndef DISCO_AGENT_TOKEN_FETCH_H
#define DISCO_AGENT_TOKEN_FETCH_H

#include "agent/agent.h"

#define TOKEN_FETCH_ASKED_MAX 256           /* different tokens at once; above: ERR_BUSY */
#define TOKEN_FETCH_PATIENCE  DURATION_S(2) /* then no server answers */
#define TOKEN_SECRET_MAX      512           /* bytes; longer ones do not exist */

struct token_wait {
    struct str token; /* as the client gave it; the caller's until go */
    void (*go)(struct token_wait *w);
    int status; /* 0: it is known what it permits; ERR_BUSY; ERR_CLOSED */
    /* private */
    struct list link;
};

struct token_fetch;
struct token_fetch *token_fetch_new(struct agent *a);
void token_fetch_stop(struct token_fetch *f); /* all that wait go; accepts NULL */
void token_fetch_free(struct token_fetch *f); /* accepts NULL */

/* True: known, and go does not come. */
bool token_fetch_hold(struct token_fetch *f, struct token_wait *w);
/* Sets v->acl and v->acl_status for v->token, by what is known, like policy_resolve. */
void token_fetch_resolve(struct token_fetch *f, struct view *v);
/* What it permits, as the caller's own; NULL: nothing is known. */
struct acl_set *token_fetch_copy(struct token_fetch *f, struct str token);

/* ---- the wire: a secret, and what was given to it ---- */
enum token_wire { TOKEN_WIRE_ABSENT, TOKEN_WIRE_GRANT, TOKEN_WIRE_OFF /* no ACLs there */ };

#endif
