/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/autopilot_run.h"

#include "agent/agent_state.h"
#include "agent/quorum.h"
#include "base/mem.h"
#include "state/pilot.h"

#define LOG "agent.server.autopilot"
/* consul: autopilot's interval */
#define INTERVAL DURATION_S(10)
/* After a change that failed. */
#define RETRY DURATION_S(1)
/* Of a server's members that are handed in: those of the LAN that are servers. */
#define MEMBERS_MAX 256

struct autopilot_run {
    struct agent *agent;
    struct pool *lan;
    struct autopilot pilot;
    struct autopilot_change change; /* under way */
    bool leading, busy, in_look;
    bool abandoned; /* freed while a change was under way */
    struct instant not_before;
    struct timer timer;
    struct member *members;
    struct pair (*tags)[MEMBER_TAGS_MAX];
    size_t member_n;
};

static void on_timer(struct timer *t, struct instant now)
{
    (void)now;
    autopilot_run_look(LIST_ITEM(t, struct autopilot_run, timer));
}

struct autopilot_run *autopilot_run_new(struct agent *a, struct pool *lan)
{
    struct autopilot_run *r = mem_new(struct autopilot_run);
    r->agent = a;
    r->lan = lan;
    r->timer.fire = on_timer;
    r->members = mem_alloc(MEMBERS_MAX * sizeof *r->members);
    r->tags = mem_alloc(MEMBERS_MAX * sizeof *r->tags);
    return r;
}

void autopilot_run_free(struct autopilot_run *r)
{
    if (!r)
        return;
    timers_cancel(r->agent->timers, &r->timer);
    mem_free(r->members);
    mem_free(r->tags);
    r->leading = false;
    r->abandoned = r->busy; /* then its change, which still points here, frees it */
    if (!r->abandoned)
        mem_free(r);
}

void autopilot_run_start(struct autopilot_run *r)
{
    autopilot_init(&r->pilot);
    r->leading = true;
    r->not_before = clock_now();
    autopilot_run_look(r);
}

void autopilot_run_stop(struct autopilot_run *r)
{
    r->leading = false;
    timers_cancel(r->agent->timers, &r->timer);
}

static void take_members(struct autopilot_run *r)
{
    r->member_n = 0;
    for (uint32_t i = 0; r->member_n < MEMBERS_MAX &&
                         pool_at(r->lan, i, &r->members[r->member_n], r->tags[r->member_n]);
         i++) {
        if (r->members[r->member_n].role == MEMBER_SERVER)
            r->member_n++;
    }
}

static struct str name_of(void *data, struct str id)
{
    static const struct str none = {0};
    struct view *v = data;
    struct catalog_node node;
    return catalog_node_by_id(v, id, &node) ? node.name : none;
}

static void tell(const struct autopilot_change *c)
{
    switch (c->kind) {
    case AUTOPILOT_ADD_LEARNER:
        log_info(LOG, "Adding server, without a vote yet: id=%s name=%s address=%s", c->id, c->name,
                 c->address);
        break;
    case AUTOPILOT_PROMOTE:
        log_info(LOG, "Promoting server to voter: id=%s name=%s address=%s", c->id, c->name,
                 c->address);
        break;
    case AUTOPILOT_READDRESS:
        log_info(LOG, "Server has a new address: id=%s name=%s address=%s", c->id, c->name,
                 c->address);
        break;
    case AUTOPILOT_REMOVE:
        log_info(LOG, "Attempting removal of server: id=%s name=%s reason=%s", c->id, c->name,
                 c->why);
        break;
    }
}

static void on_changed(void *data, int status)
{
    struct autopilot_run *r = data;
    struct agent *a = r->agent;
    r->busy = false;
    if (r->abandoned) {
        mem_free(r);
        return;
    }
    if (!r->leading)
        return;
    if (status) {
        log_warn(LOG, "a change of the servers failed, will be tried again: id=%s error=\"%s\"",
                 r->change.id, error_text(status));
        r->not_before = instant_add(clock_now(), RETRY);
    } else if (r->change.force_leave) {
        (void)!cluster_force_leave(a->cluster, str_z(r->change.name), false, false);
    }
    autopilot_run_look(r);
}

/* What the operator set, else what this agent was started with. */
static struct autopilot_conf conf_now(struct agent *a)
{
    struct autopilot_conf conf = {.base = a->config->autopilot};
    struct pilot p;
    struct view v = {.store = store_view_begin(a->reader)};
    if (pilot_get(&v, &p)) {
        conf.base = (struct config_autopilot){
            .cleanup_dead_servers = p.cleanup_dead_servers,
            .last_contact_threshold = {p.last_contact_ns},
            .server_stabilization_time = {p.stabilization_ns},
            .max_trailing_logs = p.max_trailing_logs,
            .min_quorum = p.min_quorum,
        };
    }
    store_view_end(v.store);
    return conf;
}

static bool decide(struct autopilot_run *r, const struct autopilot_conf *conf, struct instant now)
{
    struct agent *a = r->agent;
    struct autopilot_peer peers[AUTOPILOT_SERVERS_MAX];
    struct str dc = str_z(a->config->datacenter);
    size_t n = quorum_peers(a, peers, AUTOPILOT_SERVERS_MAX);
    take_members(r);
    struct view v = {.store = store_view_begin(a->reader)};
    autopilot_look(&r->pilot, conf, now, dc, peers, n, r->members, r->member_n);
    bool any =
        autopilot_next(&r->pilot, conf, now, dc, r->members, r->member_n, name_of, &v, &r->change);
    store_view_end(v.store);
    return any;
}

void autopilot_run_look(struct autopilot_run *r)
{
    struct instant now = clock_now(), at = instant_add(now, INTERVAL);
    if (!r->leading || r->in_look)
        return;
    struct autopilot_conf conf = conf_now(r->agent);
    r->in_look = true;
    bool any = decide(r, &conf, now);
    struct instant due = autopilot_deadline(&r->pilot, &conf, now);
    if (instant_before(due, at))
        at = due;
    if (any && !r->busy && instant_before(now, r->not_before)) {
        at = r->not_before;
    } else if (any && !r->busy) {
        tell(&r->change);
        r->busy = true;
        int rc = quorum_change(r->agent, &r->change, on_changed, r);
        if (rc) {
            r->busy = false;
            r->not_before = instant_add(now, RETRY);
        }
    }
    timers_set(r->agent->timers, &r->timer, at);
    r->in_look = false;
}

const struct autopilot *autopilot_run_state(struct autopilot_run *r)
{
    return &r->pilot;
}
