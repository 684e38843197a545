/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who belongs: configurations, one server at a time (dissertation 4.1 to 4.3),
 * and leadership transfer (3.10).
 *
 *   - A configuration is in effect as soon as it is in the log, and out of it when truncated.
 *   - A change begins only when the one before is committed and the leader has committed an entry
 *     of its own term (Ongaro's correction of 2015: without it two changes can miss each other).
 *   - New servers learn first and are promoted when they have nearly all of the log (4.2.1).
 *   - A leader that is not in the configuration leads on until that is committed (4.2.2).
 */
#include "base/mem.h"
#include "raft/raft_core.h"

/* A learner this near to the end may be promoted. */
#define CAUGHT_UP_ENTRIES 1024

static bool configuration_of(const struct raft *r, uint64_t index, struct raft_configuration *ret)
{
    const struct raft_entry *e = raft_log_get(&r->log, index);

    if (e->kind != RAFT_ENTRY_CONFIGURATION)
        return false;
    int rc = raft_configuration_decode(raft_entry_str(e), ret);
    ASSERT(rc == 0); /* checked when it was let into the log */
    ret->index = index;
    return true;
}

/* The newest at or before `index`: in the log, else of the snapshot. */
static void search_configuration(const struct raft *r, uint64_t index,
                                 struct raft_configuration *ret)
{
    uint64_t i = index < r->log.last ? index : r->log.last;

    for (; i >= r->log.first && i > r->snapshot_conf.index; i--)
        if (configuration_of(r, i, ret))
            return;
    *ret = r->snapshot_conf;
}

void raft_configuration_at(const struct raft *r, uint64_t index, struct raft_configuration *ret)
{
    if (r->conf.index <= index) /* the newest of all: no walk through a long log */
        *ret = r->conf;
    else
        search_configuration(r, index, ret);
}

const struct raft_configuration *raft_get_configuration(const struct raft *r)
{
    return &r->conf;
}

void raft_member_refresh(struct raft *r)
{
    uint64_t index = r->log.last;

    if (RAFT_MUTATE(CONFIGURATION_LATE) && r->log.last > 0)
        index = r->applied ? r->applied : 1;
    search_configuration(r, index, &r->conf);
    raft_trace(r, RAFT_TRACE_CONFIGURATION, r->conf.index, 0);
    if (r->role == RAFT_LEADER) {
        raft_member_progress(r);
        if (!raft_is_sole(r) && r->deadline.ns == INSTANT_NEVER.ns)
            r->deadline = r->quorum_check = r->now; /* there is somebody to talk to now */
    }
}

/* One progress for each server, those that were known kept. */
void raft_member_progress(struct raft *r)
{
    struct raft_progress *all = mem_alloc((r->conf.n ? r->conf.n : 1) * sizeof *all);

    for (uint32_t i = 0; i < r->conf.n; i++) {
        struct raft_progress *known = raft_member_find(r, r->conf.servers[i].id);
        if (known)
            all[i] = *known;
        else
            all[i] = (struct raft_progress){
                .id = r->conf.servers[i].id, .next = r->log.last + 1, .recent = true};
    }
    mem_free(r->progress);
    r->progress = all;
    r->progress_n = r->conf.n;
}

struct raft_progress *raft_member_find(struct raft *r, uint64_t id)
{
    for (uint32_t i = 0; i < r->progress_n; i++)
        if (r->progress[i].id == id)
            return &r->progress[i];
    return NULL;
}

bool raft_member_is_voter(const struct raft *r, uint64_t id)
{
    return raft_configuration_is_voter(&r->conf, id);
}

uint32_t raft_member_quorum(const struct raft *r)
{
    return (raft_configuration_voters(&r->conf) + RAFT_MUTATE(HALF_ELECTS)) / 2 +
           !RAFT_MUTATE(HALF_ELECTS);
}

/* A voter, or one whose removal may not be committed: it may be needed to finish that (4.2.2). */
bool raft_member_may_stand(const struct raft *r)
{
    struct raft_configuration before;

    if (raft_member_is_voter(r, r->options.id))
        return true;
    if (r->conf.index <= r->commit || r->conf.index == 0)
        return false;
    raft_configuration_at(r, r->conf.index - 1, &before);
    return raft_configuration_is_voter(&before, r->options.id);
}

void raft_member_committed(struct raft *r)
{
    if (RAFT_MUTATE(CONFIGURATION_LATE))
        raft_member_refresh(r);
    if (r->role == RAFT_LEADER && r->conf.index <= r->commit && r->term_start <= r->commit &&
        !raft_member_is_voter(r, r->options.id) && !RAFT_MUTATE(REMOVED_LEADS))
        raft_become_follower(r, r->state.term, 0);
}

static int change_configuration(struct raft *r, enum raft_change_kind kind, struct str name,
                                struct str address, struct raft_configuration *c)
{
    uint64_t id = raft_server_id(name);
    const struct raft_server *s = raft_configuration_find(c, id);
    const struct raft_progress *p = raft_member_find(r, id);

    switch (kind) {
    case RAFT_ADD_LEARNER:
        if (s)
            return ERR_EXISTS;
        return raft_configuration_put(c, name, address, RAFT_LEARNER);
    case RAFT_PROMOTE:
        if (!s || s->suffrage == RAFT_VOTER)
            return ERR_CONFLICT;
        if (!p || p->match + CAUGHT_UP_ENTRIES < r->log.last || p->match < r->term_start)
            return ERR_BUSY;
        return raft_configuration_put(c, name, str_z(s->address), RAFT_VOTER);
    case RAFT_DEMOTE:
    case RAFT_REMOVE:
        if (!s || (s->suffrage == RAFT_LEARNER && kind == RAFT_DEMOTE) ||
            (s->suffrage == RAFT_VOTER && raft_configuration_voters(c) == 1))
            return ERR_CONFLICT;
        if (kind == RAFT_DEMOTE)
            return raft_configuration_put(c, name, str_z(s->address), RAFT_LEARNER);
        raft_configuration_del(c, id);
        return 0;
    case RAFT_ADDRESS:
        if (!s)
            return ERR_CONFLICT;
        return raft_configuration_put(c, name, address, s->suffrage);
    }
    return ERR_INVALID;
}

int raft_change(struct raft *r, enum raft_change_kind kind, struct str name, struct str address,
                uint64_t *ret_index)
{
    struct raft_configuration c = r->conf;
    struct buf bytes;
    int rc;

    if (r->storage_status < 0)
        return r->storage_status;
    if (r->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if ((r->commit < r->term_start && !RAFT_MUTATE(CHANGE_TOO_SOON)) ||
        (r->conf.index > r->commit && !RAFT_MUTATE(TWO_CHANGES)) || r->transfer_to)
        return ERR_BUSY;
    rc = change_configuration(r, kind, name, address, &c);
    if (rc < 0)
        return rc;
    buf_init(&bytes, 0);
    raft_configuration_encode(&c, &bytes);
    struct raft_entry *e = raft_entry_new(RAFT_ENTRY_CONFIGURATION, buf_str(&bytes));
    buf_fini(&bytes);
    rc = raft_propose(r, e, ret_index);
    if (rc < 0)
        raft_entry_unref(e);
    return rc;
}

/* ---- transfer ---- */

int raft_transfer(struct raft *r, struct instant now, uint64_t to)
{
    struct raft_progress *p = NULL;

    r->now = now;
    if (r->role != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if (r->transfer_to)
        return ERR_BUSY;
    for (uint32_t i = 0; i < r->progress_n; i++) {
        struct raft_progress *q = &r->progress[i];
        if (q->id == r->options.id || !raft_member_is_voter(r, q->id) || (to && q->id != to))
            continue;
        if (!p || q->match > p->match)
            p = q;
    }
    if (!p)
        return ERR_CONFLICT;
    r->transfer_to = p->id;
    r->transfer_until = instant_add(now, r->options.election);
    raft_member_transfer_step(r, p);
    return 0;
}

/* The target is told when it has everything; it then stands at once, and voters let it. From here
 * on the lease of this term is worth nothing. */
void raft_member_transfer_step(struct raft *r, struct raft_progress *p)
{
    if (r->role != RAFT_LEADER || r->transfer_to != p->id || p->match != r->log.last)
        return;
    struct raft_message *m = raft_message_new(RAFT_TIMEOUT_NOW, p->id);
    m->term = r->state.term;
    r->lease_void = !RAFT_MUTATE(LEASE_KEPT);
    raft_send(r, m);
}

uint64_t raft_match(const struct raft *r, uint64_t id)
{
    for (uint32_t i = 0; r->role == RAFT_LEADER && i < r->progress_n; i++)
        if (r->progress[i].id == id)
            return r->progress[i].match;
    return 0;
}
