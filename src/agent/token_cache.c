/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The entries stand in a map by secret and in a list by use, the latest last. An entry is
 *
 *     known     has a grant: a server named it
 *     absent    a server said that there is no such token
 *     decided   by the down policy alone, without age: asked about again at the next use
 *
 * Nobody's guesses drive out what is known: absent and decided ones stand in a list of their own,
 * and the room is taken from that first.
 */
#include "agent/token_cache.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

/* So long it may be looked at after it was looked for, by what was asked with it. */
#define IN_USE DURATION_S(10)

struct entry {
    struct list link;
    struct buf secret;
    struct grant grant;
    struct acl_set *set;   /* NULL: absent */
    bool is_known, allows; /* allows: where no rule speaks */
    struct instant fresh_until, used;
    size_t size;
};

struct token_cache {
    struct token_cache_settings settings;
    struct map map;
    struct list known, others; /* by use */
    size_t size;
};

static const char *const down_names[] = {
    [TOKEN_DOWN_EXTEND] = "extend-cache",
    [TOKEN_DOWN_ASYNC] = "async-cache",
    [TOKEN_DOWN_ALLOW] = "allow",
    [TOKEN_DOWN_DENY] = "deny",
};

bool token_cache_down_parse(struct str text, enum token_down *ret)
{
    for (size_t i = 0; i < sizeof down_names / sizeof down_names[0]; i++) {
        if (str_eq_z(text, down_names[i])) {
            *ret = (enum token_down)i;
            return true;
        }
    }
    return false;
}

struct token_cache *token_cache_new(uint64_t seed, const struct token_cache_settings *s)
{
    struct token_cache *c = mem_new(struct token_cache);

    c->settings = *s;
    map_init(&c->map, seed);
    list_init(&c->known);
    list_init(&c->others);
    return c;
}

/* ---- entries ---- */

static void clear(struct token_cache *c, struct entry *e)
{
    grant_fini(&e->grant);
    acl_set_free(e->set);
    e->grant = (struct grant){0};
    e->set = NULL;
    e->is_known = false;
    c->size -= e->size;
    e->size = 0;
}

static void forget(struct token_cache *c, struct entry *e)
{
    clear(c, e);
    list_remove(&e->link);
    (void)map_del(&c->map, buf_str(&e->secret));
    buf_fini(&e->secret);
    mem_free(e);
}

static void forget_list(struct token_cache *c, struct list *l)
{
    struct list *first;

    while ((first = list_first(l)) != NULL)
        forget(c, LIST_ITEM(first, struct entry, link));
}

void token_cache_free(struct token_cache *c)
{
    if (!c)
        return;
    forget_list(c, &c->known);
    forget_list(c, &c->others);
    map_fini(&c->map);
    mem_free(c);
}

/* The entry, empty, as the one that was used last. */
static struct entry *renew(struct token_cache *c, struct str secret, bool is_known,
                           struct instant now)
{
    struct entry *e = map_get(&c->map, secret);

    if (e) {
        clear(c, e);
        list_remove(&e->link);
    } else {
        e = mem_new(struct entry);
        buf_init(&e->secret, 0);
        buf_put_str(&e->secret, secret);
        map_set(&c->map, secret, e);
    }
    e->is_known = is_known;
    e->used = now;
    list_push(is_known ? &c->known : &c->others, &e->link);
    return e;
}

static size_t size_of(const struct grant *g)
{
    size_t n = sizeof *g;

    for (size_t i = 0; i < g->rules.n; i++)
        n += 2 * (sizeof g->rules.list[i] + g->rules.list[i].name.n); /* as a list, and as a set */
    return n;
}

static void make_room(struct token_cache *c, const struct entry *but)
{
    while (c->map.n > TOKEN_CACHE_MAX || c->size > TOKEN_CACHE_SIZE_MAX) {
        struct list *l = list_first(&c->others);

        if (!l || LIST_ITEM(l, struct entry, link) == but)
            l = list_first(&c->known);
        if (!l || LIST_ITEM(l, struct entry, link) == but)
            return; /* it alone is that large: it may stay */
        forget(c, LIST_ITEM(l, struct entry, link));
    }
}

static void copy_grant(const struct grant *from, struct grant *to)
{
    *to = *from;
    to->rules = (struct acl_rules){0};
    for (size_t i = 0; i < from->rules.n; i++) {
        const struct acl_rule *r = &from->rules.list[i];

        to->is_bad |= acl_rules_add(&to->rules, r->resource, r->is_prefix, r->name, r->access) != 0;
    }
}

/* ---- news ---- */

static struct duration shorter(struct duration a, struct duration b)
{
    return a.ns < b.ns ? a : b;
}

static struct duration ttl_of(const struct token_cache *c, const struct entry *e)
{
    const struct token_cache_settings *s = &c->settings;
    struct duration ttl = s->token_ttl;

    if (e->grant.has_policies)
        ttl = shorter(ttl, s->policy_ttl);
    if (e->grant.has_roles)
        ttl = shorter(ttl, s->role_ttl);
    return e->set ? ttl : shorter(ttl, TOKEN_CACHE_ABSENT_TTL);
}

void token_cache_put(struct token_cache *c, struct str secret, const struct grant *g,
                     struct instant now)
{
    struct entry *e = renew(c, secret, g != NULL, now);

    if (g) {
        copy_grant(g, &e->grant);
        e->allows = c->settings.default_allow;
        e->set = grant_set(&e->grant, e->allows);
        e->size = size_of(g);
        c->size += e->size;
    }
    e->fresh_until = instant_add(now, ttl_of(c, e));
    make_room(c, e);
}

/* consul: ACLResolver.down. What allow allows is neither ACLs nor snapshots; with extend-cache and
 * async-cache a token that is not known has what nobody has a rule for. */
static void decide(struct token_cache *c, struct str secret, struct instant now)
{
    const struct token_cache_settings *s = &c->settings;
    struct entry *e = renew(c, secret, false, now);

    e->allows = s->down == TOKEN_DOWN_ALLOW || (s->down != TOKEN_DOWN_DENY && s->default_allow);
    e->set = grant_set(&e->grant, e->allows);
    e->fresh_until = now;
    make_room(c, e);
}

void token_cache_down(struct token_cache *c, struct str secret, struct instant now)
{
    enum token_down down = c->settings.down;
    struct entry *e = map_get(&c->map, secret);
    bool is_kept = down == TOKEN_DOWN_EXTEND || down == TOKEN_DOWN_ASYNC;

    if (e && is_kept && (e->is_known || !e->set))
        e->fresh_until = instant_add(now, ttl_of(c, e));
    else
        decide(c, secret, now);
}

/* ---- questions ---- */

enum token_cache_state token_cache_look(struct token_cache *c, struct str secret,
                                        struct instant now)
{
    struct entry *e = map_get(&c->map, secret);

    if (!e)
        return TOKEN_CACHE_ASK;
    e->used = now;
    list_remove(&e->link);
    list_push(e->is_known ? &c->known : &c->others, &e->link);
    if (instant_before(now, e->fresh_until))
        return TOKEN_CACHE_READY;
    return e->is_known && c->settings.down == TOKEN_DOWN_ASYNC ? TOKEN_CACHE_AGING
                                                               : TOKEN_CACHE_ASK;
}

int token_cache_get(const struct token_cache *c, struct str secret, int64_t wall_ns,
                    const struct acl_set **ret)
{
    const struct entry *e = map_get(&c->map, secret);

    if (!e || !e->set || (e->grant.expires_ns != 0 && wall_ns >= e->grant.expires_ns))
        return ERR_NO_TOKEN;
    *ret = e->set;
    return 0;
}

struct acl_set *token_cache_copy(const struct token_cache *c, struct str secret)
{
    const struct entry *e = map_get(&c->map, secret);

    return e && e->set ? grant_set(&e->grant, e->allows) : NULL;
}

static bool is_needed(const struct token_cache *c, const struct entry *e, struct instant now,
                      int64_t wall_ns)
{
    enum token_down down = c->settings.down;

    if (instant_before(now, e->fresh_until) || instant_since(now, e->used).ns < IN_USE.ns)
        return true;
    if (!e->is_known || down == TOKEN_DOWN_ALLOW || down == TOKEN_DOWN_DENY)
        return false;
    return (e->grant.expires_ns == 0 || wall_ns < e->grant.expires_ns) &&
           instant_since(now, e->used).ns < TOKEN_CACHE_KEEP.ns;
}

void token_cache_sweep(struct token_cache *c, struct instant now, int64_t wall_ns)
{
    struct list *const lists[] = {&c->known, &c->others};

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        LIST_FOREACH (lists[i], l) {
            struct entry *e = LIST_ITEM(l, struct entry, link);

            if (!is_needed(c, e, now, wall_ns))
                forget(c, e);
        }
    }
}

size_t token_cache_count(const struct token_cache *c)
{
    return c->map.n;
}
