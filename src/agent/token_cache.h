/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tokens permit, on an agent that has no rows to look it up in: as servers have said, for as
 * long as acl.token_ttl, policy_ttl and role_ttl let it be believed, and what follows when none of
 * them answers (acl.down_policy). consul: agent/consul/acl.go, ACLResolver.
 *
 * A token is asked about as a whole, with its policies and roles; so it is asked about again when
 * the first of its parts is too old. Pure: the time is handed in. At most TOKEN_CACHE_MAX tokens
 * and TOKEN_CACHE_SIZE_MAX bytes of rules; those that were not used for longest go first, and of
 * those the ones that do not exist. What can never be used again is forgotten by token_cache_sweep.
 */
#ifndef DISCO_AGENT_TOKEN_CACHE_H
#define DISCO_AGENT_TOKEN_CACHE_H

#include "base/clock.h"
#include "state/grant.h"

#define TOKEN_CACHE_MAX      4096
#define TOKEN_CACHE_SIZE_MAX ((size_t)16 << 20)
/* That there is no such token is believed no longer than this: it may be made. */
#define TOKEN_CACHE_ABSENT_TTL DURATION_S(5)
/* Nobody has used it for so long: forgotten, whatever the down policy could still want it for. */
#define TOKEN_CACHE_KEEP DURATION_S(24 * 3600)

enum token_down { TOKEN_DOWN_EXTEND, TOKEN_DOWN_ASYNC, TOKEN_DOWN_ALLOW, TOKEN_DOWN_DENY };

struct token_cache_settings {
    enum token_down down;
    bool default_allow;
    struct duration token_ttl, policy_ttl, role_ttl;
};

enum token_cache_state {
    TOKEN_CACHE_ASK,   /* a server is to be asked first */
    TOKEN_CACHE_READY, /* what is known will do */
    TOKEN_CACHE_AGING, /* it will do, but a server is to be asked meanwhile (async-cache) */
};

struct token_cache;
struct token_cache *token_cache_new(uint64_t seed, const struct token_cache_settings *s);
void token_cache_free(struct token_cache *c); /* accepts NULL */

/* Counts as a use. */
enum token_cache_state token_cache_look(struct token_cache *c, struct str secret,
                                        struct instant now);
/* A server said what the token was given (NULL: that there is no such token). */
void token_cache_put(struct token_cache *c, struct str secret, const struct grant *g,
                     struct instant now);
/* No server answered: what is known is believed for another while, or no longer, as the down policy
 * wants; without anything it decides by itself, this once. */
void token_cache_down(struct token_cache *c, struct str secret, struct instant now);

/* What it permits, whatever its age: 0, or ERR_NO_TOKEN. *ret lives until the next put, down, or
 * sweep. */
int token_cache_get(const struct token_cache *c, struct str secret, int64_t wall_ns,
                    const struct acl_set **ret);
/* The same as a set of the caller's own. */
struct acl_set *token_cache_copy(const struct token_cache *c, struct str secret);

/* Forgets; to be called now and then. */
void token_cache_sweep(struct token_cache *c, struct instant now, int64_t wall_ns);
size_t token_cache_count(const struct token_cache *c);
/* "extend-cache" ...; false: there is no such policy. */
bool token_cache_down_parse(struct str text, enum token_down *ret);

#endif
