/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/gossip_few.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"

struct addr few_addr(int i)
{
    char text[32];
    struct addr a;

    snprintf(text, sizeof(text), "10.0.0.%d", i);
    ASSERT(addr_parse(str_z(text), 8301, &a) == 0);
    return a;
}

struct instant few_now(const struct few *f)
{
    return (struct instant){f->now};
}

/* ---- outputs and hooks ---- */

static void on_send(void *data, const struct addr *to, struct str datagram)
{
    struct few *f = data;
    struct few_letter *l = mem_alloc(sizeof(*l) + datagram.n);

    l->to = *to;
    l->n = datagram.n;
    memcpy(l->bytes, datagram.p, datagram.n);
    list_init(&l->link);
    list_push(&f->sent, &l->link);
}

static void on_dial(void *data, uint64_t id, const struct addr *to, struct str message,
                    bool answered, struct instant deadline)
{
    struct few *f = data;
    struct few_dial *d = mem_new(struct few_dial);

    (void)answered;
    (void)deadline;
    d->id = id;
    d->to = *to;
    buf_init(&d->message, 0);
    buf_put_str(&d->message, message);
    list_init(&d->link);
    list_push(&f->dials, &d->link);
}

static void dial_free(struct few_dial *d)
{
    list_remove(&d->link);
    buf_fini(&d->message);
    mem_free(d);
}

static void on_hang_up(void *data, uint64_t id)
{
    struct few *f = data;

    LIST_FOREACH (&f->dials, l) {
        if (LIST_ITEM(l, struct few_dial, link)->id == id)
            dial_free(LIST_ITEM(l, struct few_dial, link));
    }
}

static void on_snapshot(void *data, struct str lines, bool whole, bool sync)
{
    struct few *f = data;

    (void)sync;
    if (whole)
        buf_clear(&f->snapshot);
    f->wholes += whole;
    buf_put_str(&f->snapshot, lines);
}

static void on_news(void *data, enum gossip_news news, const struct gossip_member *m)
{
    struct few *f = data;
    struct gossip_info info;

    gossip_get_info(f->g, m, &info);
    f->news_n[news]++;
    snprintf(f->last, sizeof(f->last), "%s %.*s", gossip_news_text(news), STR_ARG(info.name));
}

static void on_event(void *data, const struct gossip_event *e)
{
    struct few *f = data;

    f->events++;
    snprintf(f->last, sizeof(f->last), "event %.*s %.*s", STR_ARG(e->name), STR_ARG(e->payload));
}

static void on_question(void *data, const struct gossip_question *q)
{
    struct few *f = data;

    f->questions++;
    f->handle = q->handle;
    snprintf(f->last, sizeof(f->last), "question %.*s", STR_ARG(q->name));
}

static void on_conflict(void *data, const struct gossip_member *m, const struct addr *other)
{
    (void)m;
    (void)other;
    ((struct few *)data)->conflicts++;
}

static void on_lost(void *data)
{
    ((struct few *)data)->lost++;
}

static void on_keyring(void *data)
{
    ((struct few *)data)->keyrings++;
}

/* ---- one pool ---- */

void few_init(struct few *f, char letter, int i)
{
    static const char *const names[] = {"node-a", "node-b", "node-c", "node-d"};

    *f = (struct few){.now = FEW_S};
    rng_init(&f->rng, (uint64_t)letter);
    timers_init(&f->timers);
    list_init(&f->sent);
    list_init(&f->dials);
    gossip_packet_init(&f->packet);
    gossip_options_init(&f->o, GOSSIP_LAN);
    f->o.name = str_z(names[letter - 'a']);
    f->o.addr = few_addr(i);
    f->o.packet = &f->packet;
    f->o.timers = &f->timers;
    f->o.rng = &f->rng;
    f->o.out = (struct gossip_outputs){f, on_send, on_dial, on_hang_up, on_snapshot};
    f->o.hooks = (struct gossip_hooks){.data = f,
                                       .news = on_news,
                                       .event = on_event,
                                       .question = on_question,
                                       .conflict = on_conflict,
                                       .name_lost = on_lost,
                                       .keyring = on_keyring};
}

void few_start(struct few *f)
{
    struct error err;

    if (!f->g)
        ASSERT(gossip_new(&f->o, &f->g, &err) == 0);
    gossip_start(f->g, few_now(f));
}

void few_forget(struct few *f)
{
    struct list *l;

    while ((l = list_pop(&f->sent)))
        mem_free(LIST_ITEM(l, struct few_letter, link));
}

void few_fini(struct few *f)
{
    gossip_free(f->g);
    few_forget(f);
    gossip_packet_fini(&f->packet);
    timers_fini(&f->timers);
    buf_fini(&f->snapshot);
}

void few_run(struct few *f, int64_t ns)
{
    int64_t until = f->now + ns;

    for (;;) {
        struct instant at = timers_deadline(&f->timers);

        if (at.ns > until)
            break;
        f->now = at.ns > f->now ? at.ns : f->now;
        timers_expire(&f->timers, few_now(f));
    }
    f->now = until;
}

struct counting {
    enum gossip_kind kind;
    uint32_t n;
    struct gossip_message *ret;
};

static void count_one(void *data, struct str message)
{
    struct counting *c = data;
    struct gossip_message m;

    if (gossip_message_decode(message, &m) != 0 || m.kind != c->kind)
        return;
    c->n++;
    if (c->ret)
        *c->ret = m;
}

uint32_t few_count(struct few *f, enum gossip_kind kind, struct gossip_message *ret)
{
    struct counting c = {kind, 0, ret};

    LIST_FOREACH (&f->sent, l) {
        struct few_letter *letter = LIST_ITEM(l, struct few_letter, link);

        ASSERT(gossip_packet_open(&f->packet, (struct str){letter->bytes, letter->n}, count_one,
                                  &c) == 0);
    }
    return c.n;
}

void few_tell(struct few *f, int from, const struct gossip_message *m)
{
    struct addr a = few_addr(from);
    struct buf bytes = {0}, packet = {0};

    gossip_message_encode(m, &bytes);
    gossip_packet_seal(&f->packet, buf_str(&bytes), false, &packet);
    gossip_receive(f->g, few_now(f), &a, buf_str(&packet));
    buf_fini(&bytes);
    buf_fini(&packet);
}

void few_tell_serf(struct few *f, int from, const struct gossip_serf_message *s)
{
    struct buf bytes = {0};
    struct gossip_message m = {.kind = GOSSIP_USER};

    gossip_serf_encode(s, &bytes);
    m.u.user = buf_str(&bytes);
    few_tell(f, from, &m);
    buf_fini(&bytes);
}

void few_alive(struct few *f, const char *name, int i, uint32_t incarnation)
{
    static const uint8_t vsn[GOSSIP_VSN_SIZE] = {1, 5, 2, 2, 5, 4};
    struct addr a = few_addr(i);
    uint8_t ip[16];
    struct gossip_message m = {.kind = GOSSIP_ALIVE,
                               .u.alive = {.node = str_z(name),
                                           .addr = gossip_message_ip(&a, ip),
                                           .port = 8301,
                                           .incarnation = incarnation,
                                           .vsn = str_make(vsn, sizeof(vsn))}};

    few_tell(f, i, &m);
}

void few_claim(struct few *f, enum gossip_kind kind, const char *name, uint32_t incarnation,
               const char *from)
{
    struct gossip_message m = {.kind = kind, .u.claim = {incarnation, str_z(name), str_z(from)}};

    few_tell(f, 99, &m);
}

static void info_of(const struct few *f, const char *name, struct gossip_info *ret)
{
    const struct gossip_member *m = gossip_find(f->g, str_z(name));

    *ret = (struct gossip_info){.status = GOSSIP_STATUS_NONE};
    if (m)
        gossip_get_info(f->g, m, ret);
}

enum gossip_status few_status(const struct few *f, const char *name)
{
    struct gossip_info info;

    info_of(f, name, &info);
    return info.status;
}

enum gossip_state few_state(const struct few *f, const char *name)
{
    struct gossip_info info;

    info_of(f, name, &info);
    return info.state;
}

uint32_t few_incarnation(const struct few *f, const char *name)
{
    struct gossip_info info;

    info_of(f, name, &info);
    return info.incarnation;
}

/* ---- several ---- */

static struct few *at(struct few *const *all, size_t n, const struct addr *a)
{
    for (size_t i = 0; i < n; i++) {
        if (addr_eq(&all[i]->o.addr, a) && all[i]->g)
            return all[i];
    }
    return NULL;
}

static void hand_on(struct few *f, struct few *const *all, size_t n)
{
    struct list *l;

    while ((l = list_pop(&f->sent))) {
        struct few_letter *letter = LIST_ITEM(l, struct few_letter, link);
        struct few *to = at(all, n, &letter->to);

        if (to)
            gossip_receive(to->g, few_now(to), &f->o.addr, (struct str){letter->bytes, letter->n});
        mem_free(letter);
    }
    while ((l = list_first(&f->dials))) {
        struct few_dial *d = LIST_ITEM(l, struct few_dial, link);
        struct few *to = at(all, n, &d->to);
        struct buf answer = {0};
        uint64_t id = d->id;
        int status = -ECONNREFUSED;

        if (to)
            status = gossip_answer(to->g, few_now(to), &f->o.addr, buf_str(&d->message), &answer);
        dial_free(d);
        gossip_dialed(f->g, few_now(f), id, status, buf_str(&answer));
        buf_fini(&answer);
    }
}

void few_live(struct few *const *all, size_t n, int64_t ns)
{
    for (int64_t spent = 0; spent < ns; spent += 5 * FEW_MS) {
        for (size_t i = 0; i < n; i++)
            few_run(all[i], 5 * FEW_MS);
        for (size_t i = 0; i < n; i++)
            hand_on(all[i], all, n);
    }
}
