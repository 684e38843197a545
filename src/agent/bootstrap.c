/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/bootstrap.h"

#include <stdlib.h>

#include "agent/agent_state.h"
#include "agent/quorum.h"
#include "base/mem.h"

#define LOG "agent.server"
/* consul: maxPeerRetries, peerRetryBase; ours is quicker at first */
#define TRIES_MAX  8
#define FIRST_WAIT DURATION_MS(50)

struct question {
    struct bootstrap *b;
    struct ship ship;
    bool asking;
};

struct bootstrap {
    struct agent *agent;
    struct pool *lan;
    struct autopilot_peer servers[AUTOPILOT_SERVERS_MAX];
    struct question questions[AUTOPILOT_SERVERS_MAX];
    size_t n, asking_n;
    bool over, asking, failed, freed;
    int tries;
    struct timer timer;
};

static void ask_all(struct bootstrap *b);

static bool has_log(const struct agent *a)
{
    struct consensus_stats s;
    consensus_get_stats(a->consensus, &s);
    return s.last_log_index > 0 || s.last_snapshot_index > 0;
}

static void on_timer(struct timer *t, struct instant now)
{
    struct bootstrap *b = LIST_ITEM(t, struct bootstrap, timer);
    (void)now;
    ask_all(b);
}

struct bootstrap *bootstrap_new(struct agent *a, struct pool *lan)
{
    struct bootstrap *b = mem_new(struct bootstrap);
    b->agent = a;
    b->lan = lan;
    b->timer.fire = on_timer;
    bootstrap_look(b);
    return b;
}

void bootstrap_free(struct bootstrap *b)
{
    if (!b)
        return;
    timers_cancel(b->agent->timers, &b->timer);
    b->freed = b->over = true;
    if (b->asking_n == 0)
        mem_free(b); /* else with the last answer */
}

void bootstrap_server_seen(struct agent *a, const struct member *m)
{
    char id[37];
    if (m->id.n != 36 || !str_eq_z(m->dc, a->config->datacenter))
        return;
    (void)str_copy_z(m->id, id, sizeof id);
    quorum_set_address(a, id, &m->rpc);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct autopilot_peer *)a)->id, ((const struct autopilot_peer *)b)->id);
}

/* False: somebody contradicts, or too few are there. */
static bool gather(struct bootstrap *b)
{
    const struct config *c = b->agent->config;
    struct pair tags[MEMBER_TAGS_MAX];
    struct member m;
    int64_t voters = 0;
    b->n = 0;
    for (uint32_t i = 0; pool_at(b->lan, i, &m, tags); i++) {
        if (m.role != MEMBER_SERVER || !str_eq_z(m.dc, c->datacenter) || m.id.n != 36 ||
            m.status == MEMBER_LEFT)
            continue;
        if (m.expect && m.expect != c->bootstrap_expect) {
            log_error(LOG,
                      "Member has a conflicting expect value. All nodes should expect the same "
                      "number: member=%.*s",
                      STR_ARG(m.name));
            return false;
        }
        if (m.bootstrap) {
            log_error(LOG, "Member has bootstrap mode. Expect disabled: member=%.*s",
                      STR_ARG(m.name));
            return false;
        }
        if (b->n == AUTOPILOT_SERVERS_MAX)
            return false;
        struct autopilot_peer *p = &b->servers[b->n++];
        *p = (struct autopilot_peer){.voter = !m.read_replica};
        (void)str_copy_z(m.id, p->id, sizeof p->id);
        addr_format(&m.rpc, p->address);
        voters += !m.read_replica;
    }
    /* the same list, in the same order, on every server: the same first entry of the log */
    qsort(b->servers, b->n, sizeof b->servers[0], by_id);
    return voters >= c->bootstrap_expect;
}

static void conclude(struct bootstrap *b)
{
    struct buf peers;
    buf_init(&peers, 0);
    for (size_t i = 0; i < b->n; i++)
        buf_putf(&peers, "%s%s", i ? "," : "", b->servers[i].address);
    log_info(LOG, "Found expected number of peers, attempting bootstrap: peers=%s", buf_z(&peers));
    buf_fini(&peers);
    b->over = true;
    int rc = quorum_bootstrap(b->agent, b->servers, b->n);
    if (rc)
        log_error(LOG, "Failed to bootstrap cluster: error=\"%s\"", error_text(rc));
}

static void on_answered(struct ship *s)
{
    struct question *q = LIST_ITEM(s, struct question, ship);
    struct bootstrap *b = q->b;
    bool has_peers = s->status == 0 && s->answer.n > 0 && s->answer.p[0];
    bool failed = s->status != 0;
    ship_fini(s);
    q->asking = false;
    b->asking_n--;
    if (has_peers && !b->over) {
        log_info(LOG, "Existing Raft peers reported by server, disabling bootstrap mode: server=%s",
                 b->servers[q - b->questions].address);
        b->over = true;
    }
    b->failed |= failed;
    if (b->freed && b->asking_n == 0) {
        mem_free(b);
        return;
    }
    if (b->asking_n > 0 || b->over)
        return;
    b->asking = false;
    if (!b->failed) {
        conclude(b);
    } else if (++b->tries < TRIES_MAX) {
        struct duration wait = {FIRST_WAIT.ns << b->tries};
        timers_set(b->agent->timers, &b->timer, instant_add(clock_now(), wait));
    } else {
        log_error(LOG, "Failed to confirm peer status for servers, will wait for another to join");
        b->tries = 0;
    }
}

static void ask_all(struct bootstrap *b)
{
    if (b->over || b->asking)
        return;
    if (has_log(b->agent)) {
        b->over = true;
        return;
    }
    if (!gather(b))
        return;
    b->asking = true;
    b->failed = false;
    b->asking_n = 1; /* until all are asked */
    for (size_t i = 0; i < b->n; i++) {
        struct question *q = &b->questions[i];
        if (strcmp(b->servers[i].id, b->agent->node_id) == 0)
            continue;
        *q = (struct question){.b = b, .asking = true};
        q->ship = (struct ship){
            .kind = SHIP_PEERS, .target = SHIP_TO_ADDRESS, .may_repeat = true, .done = on_answered};
        if (addr_parse_port(str_z(b->servers[i].address), 0, &q->ship.address)) {
            b->failed = true;
            continue;
        }
        buf_init(&q->ship.body, 0);
        b->asking_n++;
        ship_submit_core(b->agent, &q->ship);
    }
    if (--b->asking_n == 0 && !b->failed)
        conclude(b);
}

void bootstrap_look(struct bootstrap *b)
{
    ask_all(b);
}
