/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "gossip/gossip_keys.h"

#include "base/encode.h"
#include "base/map.h"
#include "base/mem.h"
#include "gossip/gossip_core.h"

#define KEYS_MAX     1024 /* different ones, of all members together */
#define MESSAGES_MAX ((size_t)1 << 20)

struct gather {
    struct gossip *gossip;
    uint64_t id;
    uint32_t members;
    struct timer all;           /* have answered: nothing more to wait for */
    struct map keys, primaries; /* base64 -> struct gossip_keys_count */
    uint32_t answers, errors;
    struct buf messages;
    void (*done)(void *data, const struct gossip_keys_result *r);
    void *data;
};

static void count(struct map *m, struct str key)
{
    struct gossip_keys_count *c = map_get(m, key);

    if (!c) {
        if (m->n >= KEYS_MAX)
            return;
        c = mem_new(struct gossip_keys_count);
        map_set(m, key, c);
    }
    c->n++;
}

static void on_answer(struct gather *a, struct str from, struct str payload)
{
    struct gossip_serf_message m;
    struct gossip_serf_key_response *r = &m.u.key_response;
    struct str key;

    a->answers++;
    if (gossip_serf_decode(payload, &m) != 0 || m.kind != GOSSIP_SERF_KEY_RESPONSE) {
        a->errors++;
        buf_putf(&a->messages, "%.*s: invalid answer\n", STR_ARG(from));
        return;
    }
    if (!r->result)
        a->errors++;
    if (r->message.n)
        buf_putf(&a->messages, "%.*s: %.*s\n", STR_ARG(from), STR_ARG(r->message));
    while (gossip_list_next_text(&r->keys, &key))
        count(&a->keys, key);
    if (r->primary.n)
        count(&a->primaries, r->primary);
}

static struct gossip_keys_count *flatten(struct map *m)
{
    struct gossip_keys_count *list = mem_alloc((m->n + 1) * sizeof(*list));
    size_t n = 0;

    MAP_FOREACH (m, e) {
        struct gossip_keys_count *c = e->value;

        list[n++] = (struct gossip_keys_count){map_key(e), c->n};
        mem_free(c);
    }
    return list;
}

static void finish(struct gather *a)
{
    struct gossip_keys_count *keys = flatten(&a->keys), *primaries = flatten(&a->primaries);
    struct gossip_keys_result r = {
        .members = a->members,
        .answers = a->answers,
        .errors = a->errors,
        .keys = keys,
        .primaries = primaries,
        .key_n = a->keys.n,
        .primary_n = a->primaries.n,
        .messages = buf_str(&a->messages),
    };

    timers_cancel(a->gossip->o.timers, &a->all);
    a->done(a->data, &r);
    mem_free(keys);
    mem_free(primaries);
    map_fini(&a->keys);
    map_fini(&a->primaries);
    buf_fini(&a->messages);
    mem_free(a);
}

static void on_all(struct timer *t, struct instant now)
{
    struct gather *a = LIST_ITEM(t, struct gather, all);

    (void)now;
    gossip_query_stop(a->gossip, a->id);
    finish(a);
}

static void on_reply(void *data, enum gossip_reply_kind kind, struct str from, struct str payload)
{
    struct gather *a = data;

    if (kind == GOSSIP_REPLY_PAYLOAD) {
        on_answer(a, from, payload);
        if (a->answers == a->members)
            timers_set(a->gossip->o.timers, &a->all, (struct instant){0});
    } else if (kind == GOSSIP_REPLY_END) {
        finish(a);
    }
}

int gossip_keys(struct gossip *g, struct instant now, enum gossip_keys_op op, struct str key,
                uint8_t relay, void (*done)(void *data, const struct gossip_keys_result *r),
                void *data)
{
    static const char *const names[] = {"_serf_install-key", "_serf_use-key", "_serf_remove-key",
                                        "_serf_list-keys"};
    struct gossip_serf_message m = {.kind = GOSSIP_SERF_KEY_REQUEST, .u.key = key};
    struct gather *a = mem_new(struct gather);
    struct gossip_query q = {
        .name = str_z(names[op]), .relay_factor = relay, .reply = on_reply, .data = a};
    struct buf payload;
    int r;

    a->gossip = g;
    a->members = g->table.status_n[GOSSIP_STATUS_ALIVE] + g->table.status_n[GOSSIP_STATUS_LEAVING];
    a->all.fire = on_all;
    a->done = done;
    a->data = data;
    map_init(&a->keys, rng_u64(g->o.rng));
    map_init(&a->primaries, rng_u64(g->o.rng));
    buf_init(&a->messages, MESSAGES_MAX);
    buf_init(&payload, 0);
    gossip_serf_encode(&m, &payload);
    q.payload = buf_str(&payload);
    r = gossip_query(g, now, &q, &a->id);
    if (r != 0) {
        map_fini(&a->keys);
        map_fini(&a->primaries);
        buf_fini(&a->messages);
        mem_free(a);
    }
    buf_fini(&payload);
    return r;
}
