/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wishes, reads and turns.
 *
 * A wish waits in `incoming` until the turn, becomes an entry, waits in `pending` under its index,
 * and is answered from `finished` at the end of the turn that applied it: after the subscribers
 * have heard of the change, so that nobody learns of a success before the change can be seen.
 *
 * Order within a turn: propose, write, send, apply, tell. The entries of all wishes of a turn go to
 * the log thread as one order; while it syncs, those of the next turns collect there.
 */
#include <errno.h>

#include "base/mem.h"
#include "consensus/consensus_core.h"

/* Entries applied before the loop may look at its other business. */
#define TURN_APPLY_MAX 4096

void consensus_set_dirty(struct consensus *c)
{
    c->dirty = true;
}

/* ---- wishes ---- */

void consensus_submit(struct consensus *c, struct consensus_submit *s)
{
    list_init(&s->link);
    s->status = 0;
    s->index = 0;
    s->result = NULL;
    s->deadline = (struct instant){0};
    s->here_only = false;
    list_push(&c->incoming, &s->link);
    consensus_set_dirty(c);
    if (c->in_turn)
        engine_again(c->engine);
}

static void finish(struct consensus *c, struct consensus_submit *s, int status)
{
    list_remove(&s->link);
    s->status = status;
    list_push(&c->finished, &s->link);
}

void consensus_refuse_pending(struct consensus *c, uint64_t from, int status)
{
    LIST_FOREACH (&c->pending, l) {
        struct consensus_submit *s = LIST_ITEM(l, struct consensus_submit, link);
        if (s->index >= from)
            finish(c, s, status);
    }
}

static int propose(struct consensus *c, struct consensus_submit *s)
{
    int rc;

    if (c->closing)
        return ERR_CLOSED;
    if (c->storage_status < 0)
        return c->storage_status;
    if (s->command.n > COMMAND_SIZE_MAX)
        return ERR_TOO_LARGE;
    struct raft_entry *e = raft_entry_new(RAFT_ENTRY_COMMAND, s->command);
    rc = raft_propose(c->raft, e, &s->index);
    if (rc < 0) {
        raft_entry_unref(e);
    } else if (e->term != c->lead_term) {
        consensus_refuse_pending(c, 0, ERR_UNCERTAIN);
        c->lead_term = e->term;
    }
    return rc;
}

static void propose_all(struct consensus *c)
{
    struct list *l;

    while ((l = list_pop(&c->incoming)) != NULL) {
        struct consensus_submit *s = LIST_ITEM(l, struct consensus_submit, link);
        int rc = propose(c, s);
        if (rc == ERR_NOT_LEADER && !s->here_only)
            consensus_forward_submit(c, s);
        else if (rc < 0)
            finish(c, s, rc);
        else
            list_push(&c->pending, &s->link);
    }
}

/* ---- reads ---- */

void consensus_read(struct consensus *c, struct consensus_read *r)
{
    list_init(&r->link);
    r->status = 0;
    r->index = 0;
    r->deadline = (struct instant){0};
    r->here_only = false;
    list_push(&c->reads_new, &r->link);
    consensus_set_dirty(c);
    if (c->in_turn)
        engine_again(c->engine);
}

/* Until a read is confirmed its `index` is its id in the machine. */
static void ask_reads(struct consensus *c)
{
    struct list *l;

    while ((l = list_pop(&c->reads_new)) != NULL) {
        struct consensus_read *r = LIST_ITEM(l, struct consensus_read, link);
        r->status = c->closing ? ERR_CLOSED : raft_read(c->raft, &r->index);
        if (r->status == ERR_NOT_LEADER && !r->here_only)
            consensus_forward_read(c, r);
        else
            list_push(r->status < 0 ? &c->reads_confirmed : &c->reads_asked, l);
    }
}

static void confirm_reads(struct consensus *c, uint64_t id, uint64_t index, int status)
{
    LIST_FOREACH (&c->reads_asked, l) {
        struct consensus_read *r = LIST_ITEM(l, struct consensus_read, link);
        if (r->index > id)
            break;
        r->index = index;
        r->status = status;
        list_remove(l);
        if (status == ERR_NOT_LEADER && !r->here_only)
            consensus_forward_read(c, r);
        else
            list_push(&c->reads_confirmed, l);
    }
}

/* ---- apply ---- */

static void apply(struct consensus *c, uint64_t first, uint64_t last)
{
    fsm_apply(&c->fsm, c->raft, first, last);
    for (uint64_t i = first; i <= last; i++) {
        c->applied_since++;
        c->applied_bytes += raft_entry_at(c->raft, i)->size + sizeof(struct raft_entry);
    }
    published_set(c->published, PUBLISHED_APPLIED_INDEX, last);
    if (c->hooks.applied)
        c->hooks.applied(c->hooks.data, &c->fsm.changes);
    LIST_FOREACH (&c->pending, l) {
        struct consensus_submit *s = LIST_ITEM(l, struct consensus_submit, link);
        if (s->index > last)
            break;
        list_remove(l);
        /* The same index in another term is another's entry. */
        bool same = s->index >= first && raft_entry_at(c->raft, s->index)->term == c->lead_term;
        s->status = same ? 0 : ERR_UNCERTAIN;
        s->result = same ? &c->fsm.results[s->index - first] : NULL;
        s->done(s); /* the result lives until the next group */
    }
}

/* ---- news ---- */

/* A server that comes back under another address tells the others through the log. */
static void correct_address(struct consensus *c)
{
    const struct raft_server *s = raft_configuration_find(raft_get_configuration(c->raft), c->id);
    uint64_t index;

    if (s && strcmp(s->address, c->conf.server_address) != 0 &&
        raft_change(c->raft, RAFT_ADDRESS, str_z(s->name), str_z(c->conf.server_address), &index) ==
            0)
        c->dirty = true;
}

static void publish(struct consensus *c, struct instant now)
{
    struct raft_facts f;

    raft_get_facts(c->raft, &f);
    bool is_leader = f.role == RAFT_LEADER && f.term_start > 0 && f.applied >= f.term_start &&
                     instant_before(now, f.lease);
    uint64_t contact = 0;
    if (f.role != RAFT_LEADER && instant_before(f.contact, now))
        contact = (uint64_t)duration_ms(instant_since(now, f.contact));
    if (c->leader != f.leader)
        consensus_forward_leader(c, now);
    c->leader = f.leader;
    published_set(c->published, PUBLISHED_KNOWS_LEADER, f.leader != 0);
    published_set(c->published, PUBLISHED_APPLIED_INDEX, f.applied);
    published_set(c->published, PUBLISHED_COMMIT_INDEX, f.commit);
    published_set(c->published, PUBLISHED_TERM, f.term);
    published_set(c->published, PUBLISHED_LAST_CONTACT_MS, contact);
    published_set(c->published, PUBLISHED_LEASE, (uint64_t)f.lease.ns);
    published_set(c->published, PUBLISHED_IS_LEADER, is_leader);
    if (is_leader != c->is_leader) {
        c->is_leader = is_leader;
        if (is_leader)
            correct_address(c);
        if (c->hooks.leadership)
            c->hooks.leadership(c->hooks.data, is_leader);
    }
    struct instant at = raft_deadline(c->raft);
    if (is_leader && instant_before(f.lease, at))
        at = f.lease;
    if (at.ns == INSTANT_NEVER.ns)
        timers_cancel(c->timers, &c->timer);
    else if (!timers_is_set(&c->timer) || c->timer.at.ns != at.ns)
        timers_set(c->timers, &c->timer, at);
}

static void on_role(struct consensus *c, enum raft_role role, uint64_t term)
{
    if (role != RAFT_LEADER || term != c->lead_term)
        consensus_refuse_pending(c, 0, ERR_UNCERTAIN);
    if (role == RAFT_LEADER)
        c->lead_term = term;
}

static void on_send(struct consensus *c, struct raft_message *m)
{
    if (m->kind != RAFT_SNAPSHOT || consensus_install_fill(c, m))
        consensus_link_send(c, m);
    raft_message_free(m);
}

/* True when there is more than one turn may take. */
static bool drain(struct consensus *c, struct instant now)
{
    struct raft_effect e;
    uint64_t applied = 0;

    while (applied < TURN_APPLY_MAX && raft_next_effect(c->raft, now, &e))
        switch (e.kind) {
        case RAFT_EFFECT_PERSIST:
            consensus_persist(c, &e.u.persist);
            break;
        case RAFT_EFFECT_SEND:
            on_send(c, e.u.message);
            break;
        case RAFT_EFFECT_CHUNK:
            consensus_install_chunk(c, e.u.message);
            break;
        case RAFT_EFFECT_READ:
            confirm_reads(c, e.u.read.id, e.u.read.index, e.u.read.status);
            break;
        case RAFT_EFFECT_APPLY:
            apply(c, e.u.apply.first, e.u.apply.last);
            applied += e.u.apply.last - e.u.apply.first + 1;
            break;
        case RAFT_EFFECT_ROLE:
            on_role(c, e.u.role.role, e.u.role.term);
            break;
        }
    return applied >= TURN_APPLY_MAX;
}

/* Answers what can be answered. The callbacks may submit again: that is for the next turn. */
static void answer(struct consensus *c)
{
    uint64_t applied = published_get(c->published, PUBLISHED_APPLIED_INDEX);
    struct list *l;

    consensus_forward_finish(c, applied);
    while ((l = list_pop(&c->finished)) != NULL) {
        struct consensus_submit *s = LIST_ITEM(l, struct consensus_submit, link);
        s->done(s);
    }
    LIST_FOREACH (&c->reads_confirmed, x) {
        struct consensus_read *r = LIST_ITEM(x, struct consensus_read, link);
        if (r->status == 0 && r->index > applied)
            continue;
        list_remove(x);
        r->done(r);
    }
}

void consensus_turn(void *data)
{
    struct consensus *c = data;

    if (!c->dirty || !c->raft)
        return;
    struct instant now = engine_now(c->engine);
    c->dirty = false; /* what is asked for from here on is for the next turn */
    c->in_turn = true;
    consensus_install_step(c);
    propose_all(c);
    ask_reads(c);
    if (drain(c, now))
        c->dirty = true;
    publish(c, now);
    consensus_link_sync(c);
    consensus_forward_step(c, now);
    if (c->conf.net)
        net_flush(c->conf.net);
    if (c->dirty)
        engine_again(c->engine);
    consensus_snapshot_if_due(c);
    if (c->closing) {
        consensus_refuse_pending(c, 0, ERR_CLOSED);
        confirm_reads(c, UINT64_MAX, 0, ERR_CLOSED);
        consensus_forward_close(c);
    }
    consensus_member_step(c);
    answer(c);
    c->in_turn = false;
    if (c->closing)
        consensus_close_if_quiet(c);
}

/* ---- facts ---- */

void consensus_leave(struct consensus *c)
{
    c->leaving = true;
    consensus_set_dirty(c);
}

bool consensus_is_leader(const struct consensus *c)
{
    return c->is_leader;
}

void consensus_get_stats(const struct consensus *c, struct consensus_stats *ret)
{
    static const char *const names[] = {[RAFT_FOLLOWER] = "Follower",
                                        [RAFT_PRE_CANDIDATE] = "Candidate",
                                        [RAFT_CANDIDATE] = "Candidate",
                                        [RAFT_LEADER] = "Leader"};
    struct raft_facts f;

    raft_get_facts(c->raft, &f);
    *ret = (struct consensus_stats){
        .state = names[f.role],
        .term = f.term,
        .last_log_index = f.last,
        .last_log_term = f.last_term,
        .commit_index = f.commit,
        .applied_index = f.applied,
        .last_snapshot_index = f.snapshot_index,
        .last_snapshot_term = f.snapshot_term,
        .fsm_pending = f.commit - f.applied,
        .num_peers = 0,
        .storage_status = c->storage_status,
    };
    const struct raft_configuration *conf = raft_get_configuration(c->raft);
    for (uint32_t i = 0; i < conf->n; i++)
        ret->num_peers += conf->servers[i].suffrage == RAFT_VOTER && conf->servers[i].id != c->id;
}
