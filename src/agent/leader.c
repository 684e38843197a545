/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The duties are conditions that are looked at one after the other whenever something may have
 * changed them (leadership, a change batch, a deadline, the answer to the last command); the first
 * that holds gives the next command. So nothing is queued, and a lost leadership leaves nothing
 * behind.
 *
 *     tokens or policies that are always there are missing -> COMMAND_ACL_BUILTIN
 *     a token has expired                   ->  COMMAND_ACL_DELETE
 *     own node differs from what is stored  ->  COMMAND_CATALOG_REGISTER
 *     the catalog differs from gossip       ->  COMMAND_CATALOG_REGISTER, _DEREGISTER
 *     a session is past its TTL             ->  COMMAND_SESSION_DESTROY
 *     nodes have moved in the network       ->  COMMAND_COORDINATES
 *     tombstones are older than 15 minutes  ->  COMMAND_TOMBSTONE_REAP
 *
 * One timer, set only while there is something to wait for: an idle leader sleeps.
 */
#include "agent/leader.h"

#include "agent/coordinates.h"
#include "agent/own_node.h"
#include "agent/session_ttl.h"
#include "base/log.h"
#include "base/mem.h"
#include "state/acl.h"
#include "state/kv.h"
#include "state/session.h"

#define LOG "agent.server"

/* consul: TombstoneTTL */
#define TOMBSTONE_AGE DURATION_S(15 * 60)
/* consul: ReconcileInterval; how soon a node that somebody deregistered is back */
#define RECONCILE_DELAY DURATION_S(60)
/* After a command that failed. */
#define RETRY_DELAY DURATION_S(1)

enum duty {
    DUTY_NONE,
    DUTY_ACL,
    DUTY_TOKEN,
    DUTY_REGISTER,
    DUTY_MEMBER,
    DUTY_SESSION,
    DUTY_REAP,
    DUTY_MOVED
};

struct leader {
    struct agent *agent;
    struct timers *timers;
    struct store_reader *reader;
    struct instant (*clock)(void);
    bool leading;
    struct timer timer;
    struct instant not_before; /* of the next command, after a failure */
    /* own node */
    bool check_acl;
    struct instant token_at; /* when the next token expires; NEVER: none does */
    bool check_node;         /* look at it as soon as possible */
    struct instant check_at;
    /* members: all of them are looked at at pass_at */
    struct leader_members *members; /* or NULL */
    struct instant pass_at;
    enum reconcile_act act; /* of the command on its way */
    /* coordinates: looked at at moved_at, those learned since moved_since */
    bool (*moved)(void *data, struct view *v, struct instant since, struct buf *command);
    void *moved_data;
    struct instant moved_at, moved_since;
    /* sessions */
    struct session_ttl *ttl;
    /* tombstones: those up to reap_index may go at reap_at (NEVER: none seen since the last time)
     */
    uint64_t reap_index;
    struct instant reap_at;
    /* the command on its way */
    enum duty busy;
    struct buf command;
    struct consensus_submit submit;
};

static void turn(struct leader *l);
static void arm(struct leader *l);
static void sessions_load(struct leader *l, struct instant now);
static void session_look(struct leader *l, struct view *v, struct str id, struct instant now);
static void tokens_look(struct leader *l, struct view *v, struct instant now);

static struct view view_begin(struct leader *l)
{
    return (struct view){.store = store_view_begin(l->reader)};
}

static void on_timer(struct timer *t, struct instant now)
{
    (void)now;
    turn(LIST_ITEM(t, struct leader, timer));
}

struct leader *leader_new(struct agent *a, struct timers *timers, struct store_reader *reader,
                          struct rng *rng, struct instant (*clock)(void))
{
    struct leader *l = mem_new(struct leader);
    l->agent = a;
    l->timers = timers;
    l->reader = reader;
    l->clock = clock;
    l->timer.fire = on_timer;
    l->check_at = l->reap_at = l->pass_at = l->token_at = l->moved_at = INSTANT_NEVER;
    l->ttl = session_ttl_new(rng_u64(rng));
    buf_init(&l->command, 0);
    return l;
}

void leader_free(struct leader *l)
{
    if (!l)
        return;
    ASSERT(!l->busy);
    timers_cancel(l->timers, &l->timer);
    leader_members_free(l->members);
    session_ttl_free(l->ttl);
    buf_fini(&l->command);
    mem_free(l);
}

void leader_set_members(struct leader *l, struct leader_members *m)
{
    ASSERT(!l->members && !l->leading);
    l->members = m;
}

void leader_set_coordinates(struct leader *l,
                            bool (*encode)(void *data, struct view *v, struct instant since,
                                           struct buf *command),
                            void *data)
{
    l->moved = encode;
    l->moved_data = data;
}

void leader_member_news(struct leader *l, struct str name)
{
    if (!l->leading || !l->members)
        return;
    leader_members_note(l->members, name);
    turn(l);
}

void leader_start(struct leader *l)
{
    struct instant now = l->clock();
    l->leading = true;
    l->not_before = now;
    l->check_node = true;
    l->check_acl = agent_config(l->agent)->acl_enabled;
    l->pass_at = l->members ? now : INSTANT_NEVER;
    l->moved_at = l->moved ? instant_add(now, COORDINATES_PERIOD) : INSTANT_NEVER;
    l->moved_since = (struct instant){0};
    sessions_load(l, now);
    struct view v = view_begin(l);
    tokens_look(l, &v, now);
    l->reap_index = view_index(&v);
    l->reap_at =
        store_count(v.store, TABLE_TOMBSTONE) ? instant_add(now, TOMBSTONE_AGE) : INSTANT_NEVER;
    store_view_end(v.store);
    turn(l);
}

void leader_stop(struct leader *l)
{
    l->leading = false;
    l->check_node = l->check_acl = false;
    l->check_at = l->reap_at = l->pass_at = l->token_at = l->moved_at = INSTANT_NEVER;
    if (l->members)
        leader_members_clear(l->members);
    session_ttl_clear(l->ttl);
    timers_cancel(l->timers, &l->timer);
}

size_t leader_sessions(const struct leader *l)
{
    return session_ttl_count(l->ttl);
}

bool leader_renew(struct leader *l, struct str session_id)
{
    bool known = session_ttl_renew(l->ttl, session_id, l->clock());
    arm(l);
    return known;
}

void leader_applied(struct leader *l, const struct change_batch *changes)
{
    size_t pos = 0;
    enum watch_kind kind;
    struct str key;
    struct instant now = l->clock();
    bool has_keys = false, has_tokens = false;
    if (!l->leading)
        return;
    struct view v = view_begin(l);
    struct str node = str_z(agent_config(l->agent)->node_name);
    while (change_next(changes, &pos, &kind, &key)) {
        if (kind == WATCH_SESSION)
            session_look(l, &v, key, now);
        else if (kind == WATCH_NODE && str_eq_nocase(key, node) && l->busy != DUTY_REGISTER &&
                 instant_before(instant_add(now, RECONCILE_DELAY), l->check_at))
            l->check_at = instant_add(now, RECONCILE_DELAY);
        has_keys |= kind == WATCH_KV;
        has_tokens |= kind == WATCH_ACL;
    }
    if (has_tokens)
        tokens_look(l, &v, now);
    if (has_keys && l->reap_at.ns == INSTANT_NEVER.ns && store_count(v.store, TABLE_TOMBSTONE)) {
        l->reap_index = changes->index;
        l->reap_at = instant_add(now, TOMBSTONE_AGE);
    }
    store_view_end(v.store);
    arm(l);
}

/* ---- the turn ---- */

static void on_done(struct consensus_submit *s)
{
    struct leader *l = LIST_ITEM(s, struct leader, submit);
    enum duty duty = l->busy;
    l->busy = DUTY_NONE;
    if (!l->leading)
        return;
    if (s->status || s->result->status) {
        log_warn(LOG, "leader duty failed, will be tried again: error=\"%s\"",
                 s->status ? error_text(s->status) : s->result->text);
        l->not_before = instant_add(l->clock(), RETRY_DELAY);
        l->check_node |= duty == DUTY_REGISTER;
        l->check_acl |= duty == DUTY_ACL;
        if (duty == DUTY_TOKEN)
            l->token_at = l->not_before;
        if (duty == DUTY_MEMBER && s->status == 0)
            leader_members_give_up(l->members); /* refused for what it says: later again */
    } else if (duty == DUTY_REGISTER) {
        log_info("agent", "Synced node info");
        log_info("agent", "Synced service: service=consul");
    } else if (duty == DUTY_REAP) {
        l->reap_at = INSTANT_NEVER;
    }
    turn(l);
}

static void submit(struct leader *l, enum duty duty)
{
    l->busy = duty;
    l->submit.command = buf_str(&l->command);
    l->submit.done = on_done;
    consensus_submit(agent_consensus(l->agent), &l->submit);
}

/* ---- tokens that expire ---- */

struct expiry {
    int64_t at_ns; /* of the one that is first; 0: none expires */
    char accessor[64];
};

static bool expiry_look(void *data, const struct acl_token *t)
{
    struct expiry *e = data;
    if (t->expires_ns && (!e->at_ns || t->expires_ns < e->at_ns) &&
        str_copy_z(t->accessor, e->accessor, sizeof e->accessor))
        e->at_ns = t->expires_ns;
    return true;
}

/* The token is no good from that moment on, whether it is still there or not (state/policy); so
 * when the clock was set, being late does no harm. */
static void tokens_look(struct leader *l, struct view *v, struct instant now)
{
    struct expiry e = {0};
    acl_tokens(v, expiry_look, &e, NULL);
    l->token_at = INSTANT_NEVER;
    if (e.at_ns)
        l->token_at = instant_add(now, (struct duration){e.at_ns - clock_wall_ns()});
}

static bool token_expired(struct leader *l)
{
    struct expiry e = {0};
    struct view v = view_begin(l);
    acl_tokens(&v, expiry_look, &e, NULL);
    store_view_end(v.store);
    l->token_at = INSTANT_NEVER; /* until the delete is applied and they are looked at again */
    if (e.at_ns)
        acl_encode_delete(ACL_KIND_TOKEN, str_z(e.accessor), &l->command);
    return e.at_ns != 0;
}

/* Apply leaves alone what is there. */
static void encode_acl(struct leader *l)
{
    char accessor[37];
    rng_uuid(accessor);
    acl_encode_builtin(str_z(accessor), str_z(agent_config(l->agent)->acl_token_master),
                       clock_wall_ns(), &l->command);
}

static void member_log(enum reconcile_act act, struct str name)
{
    switch (act) {
    case RECONCILE_JOINED:
        log_info("agent.leader", "member joined, marking health alive: member=%.*s", STR_ARG(name));
        break;
    case RECONCILE_FAILED:
        log_info("agent.leader", "member failed, marking health critical: member=%.*s",
                 STR_ARG(name));
        break;
    case RECONCILE_LEFT:
    case RECONCILE_REAPED:
        log_info("agent.leader", "deregistering member: member=%.*s reason=%s", STR_ARG(name),
                 act == RECONCILE_LEFT ? "left" : "reaped");
        break;
    case RECONCILE_NOTHING:
        break;
    }
}

static bool member_due(struct leader *l, struct instant now)
{
    bool pass = !instant_before(now, l->pass_at);
    struct str name = STR_NONE;
    if (!pass && leader_members_is_empty(l->members))
        return false;
    struct view v = view_begin(l);
    if (pass) {
        l->pass_at = instant_add(now, RECONCILE_DELAY);
        leader_members_note_all(l->members, &v);
    }
    l->act = leader_members_next(l->members, &v, agent_config(l->agent), &l->command, &name);
    member_log(l->act, name);
    store_view_end(v.store);
    return l->act != RECONCILE_NOTHING;
}

static bool moved_due(struct leader *l, struct instant now)
{
    if (instant_before(now, l->moved_at))
        return false;
    struct view v = view_begin(l);
    bool is_any = l->moved(l->moved_data, &v, l->moved_since, &l->command);
    store_view_end(v.store);
    l->moved_at = instant_add(now, COORDINATES_PERIOD);
    l->moved_since = now;
    return is_any;
}

/* The first duty that is due, its command encoded. */
static enum duty next_duty(struct leader *l, struct instant now)
{
    struct str id;
    buf_clear(&l->command);
    if (l->check_acl) {
        l->check_acl = false;
        encode_acl(l);
        return DUTY_ACL;
    }
    if (!instant_before(now, l->token_at) && token_expired(l))
        return DUTY_TOKEN;
    if (l->check_node || !instant_before(now, l->check_at)) {
        l->check_node = false;
        l->check_at = INSTANT_NEVER;
        struct view v = view_begin(l);
        bool differs = own_node_differs(&v, agent_config(l->agent), agent_node_id(l->agent));
        store_view_end(v.store);
        if (differs) {
            own_node_encode(agent_config(l->agent), agent_node_id(l->agent), &l->command);
            return DUTY_REGISTER;
        }
    }
    if (l->members && member_due(l, now))
        return DUTY_MEMBER;
    if (session_ttl_expire(l->ttl, now, &id)) {
        log_debug(LOG, "Session TTL expired: session=%.*s", STR_ARG(id));
        session_encode_destroy(id, &l->command);
        return DUTY_SESSION;
    }
    if (!instant_before(now, l->reap_at)) {
        kv_encode_reap(l->reap_index, &l->command);
        return DUTY_REAP;
    }
    return moved_due(l, now) ? DUTY_MOVED : DUTY_NONE;
}

static void turn(struct leader *l)
{
    struct instant now = l->clock();
    if (l->leading && !l->busy && !instant_before(now, l->not_before)) {
        enum duty duty = next_duty(l, now);
        if (duty)
            submit(l, duty);
    }
    arm(l);
}

static void arm(struct leader *l)
{
    struct instant at = session_ttl_deadline(l->ttl);
    if (!l->leading || l->busy) {
        timers_cancel(l->timers, &l->timer);
        return;
    }
    if (instant_before(l->check_at, at))
        at = l->check_at;
    if (instant_before(l->reap_at, at))
        at = l->reap_at;
    if (instant_before(l->pass_at, at))
        at = l->pass_at;
    if (instant_before(l->token_at, at))
        at = l->token_at;
    if (instant_before(l->moved_at, at))
        at = l->moved_at;
    if (l->check_acl || l->check_node || instant_before(at, l->not_before) ||
        (l->members && !leader_members_is_empty(l->members)))
        at = l->not_before;
    if (at.ns == INSTANT_NEVER.ns)
        timers_cancel(l->timers, &l->timer);
    else
        timers_set(l->timers, &l->timer, at);
}

/* ---- sessions ---- */

static void session_add(struct leader *l, const struct session *s, struct instant now)
{
    struct duration ttl;
    if (s->ttl.n && !duration_parse(s->ttl, (struct duration){0}, &ttl) && ttl.ns > 0)
        session_ttl_add(l->ttl, s->id, ttl, now);
}

struct load {
    struct leader *leader;
    struct instant now;
};

static bool load_one(void *data, const struct session *s)
{
    struct load *load = data;
    session_add(load->leader, s, load->now);
    return true;
}

/* A new leader does not know when a session was renewed last: each starts anew (consul too). */
static void sessions_load(struct leader *l, struct instant now)
{
    struct load load = {l, now};
    uint64_t index;
    struct view v = view_begin(l);
    session_list(&v, STR_NONE, load_one, &load, &index);
    store_view_end(v.store);
}

static void session_look(struct leader *l, struct view *v, struct str id, struct instant now)
{
    struct session s;
    uint64_t index;
    if (id.n && session_get(v, id, &s, &index))
        session_add(l, &s, now);
    else
        session_ttl_remove(l->ttl, id);
}
