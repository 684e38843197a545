/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/session_ttl.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timers.h"

struct session_ttl {
    struct map by_id;
    struct timers timers; /* not a loop's: a heap of deadlines */
    struct list expired;
};

struct ttl_entry {
    struct timer timer;
    struct list link; /* in `expired` */
    struct session_ttl *table;
    struct duration ttl;
    char *id;
};

static void on_deadline(struct timer *timer, struct instant now)
{
    struct ttl_entry *e = LIST_ITEM(timer, struct ttl_entry, timer);
    (void)now;
    list_push(&e->table->expired, &e->link);
}

struct session_ttl *session_ttl_new(uint64_t seed)
{
    struct session_ttl *t = mem_new(struct session_ttl);
    map_init(&t->by_id, seed);
    timers_init(&t->timers);
    list_init(&t->expired);
    return t;
}

static void entry_free(struct ttl_entry *e)
{
    timers_cancel(&e->table->timers, &e->timer);
    list_remove(&e->link);
    mem_free(e->id);
    mem_free(e);
}

void session_ttl_free(struct session_ttl *t)
{
    if (!t)
        return;
    session_ttl_clear(t);
    map_fini(&t->by_id);
    timers_fini(&t->timers);
    mem_free(t);
}

void session_ttl_add(struct session_ttl *t, struct str id, struct duration ttl, struct instant now)
{
    if (map_get(&t->by_id, id))
        return;
    struct ttl_entry *e = mem_new(struct ttl_entry);
    e->timer.fire = on_deadline;
    e->table = t;
    e->ttl = ttl;
    e->id = str_dup_z(id);
    list_init(&e->link);
    map_set(&t->by_id, id, e);
    timers_set(&t->timers, &e->timer, instant_add(now, ttl));
}

bool session_ttl_renew(struct session_ttl *t, struct str id, struct instant now)
{
    struct ttl_entry *e = map_get(&t->by_id, id);
    if (!e)
        return false;
    list_remove(&e->link);
    timers_set(&t->timers, &e->timer, instant_add(now, e->ttl));
    return true;
}

void session_ttl_remove(struct session_ttl *t, struct str id)
{
    struct ttl_entry *e = map_del(&t->by_id, id);
    if (e)
        entry_free(e);
}

void session_ttl_clear(struct session_ttl *t)
{
    MAP_FOREACH (&t->by_id, e) {
        struct ttl_entry *entry = e->value;
        map_del(&t->by_id, map_key(e));
        entry_free(entry);
    }
}

size_t session_ttl_count(const struct session_ttl *t)
{
    return t->by_id.n;
}

struct instant session_ttl_deadline(const struct session_ttl *t)
{
    return list_is_empty(&t->expired) ? timers_deadline(&t->timers) : (struct instant){0};
}

bool session_ttl_expire(struct session_ttl *t, struct instant now, struct str *ret_id)
{
    timers_expire(&t->timers, now);
    struct list *l = list_pop(&t->expired);
    if (!l)
        return false;
    struct ttl_entry *e = LIST_ITEM(l, struct ttl_entry, link);
    timers_set(&t->timers, &e->timer, instant_add(now, SESSION_TTL_RETRY));
    *ret_id = str_z(e->id);
    return true;
}
