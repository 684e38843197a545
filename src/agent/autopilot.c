/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules for removals are Consul's pruneDeadServers: dead servers go only while they are fewer
 * than half of the voters (integer division), so of three servers a dead one stays until a fourth
 * has joined: a quorum is never made smaller because machines die one after the other.
 *
 * Ours: a server of the configuration that no member bears the id of is dead only after a while:
 * after a restart of everything gossip may not have found it yet.
 */
#include "agent/autopilot.h"

#include <string.h>

/* How long a server may be unknown to gossip. */
#define UNKNOWN_MAX DURATION_S(30)
/* How often healths are looked at while a learner waits for its vote. */
#define LOOK_INTERVAL DURATION_MS(200)

void autopilot_init(struct autopilot *a)
{
    memset(a, 0, sizeof *a);
}

static struct autopilot_health *find(struct autopilot *a, const char *id)
{
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->servers[i].id, id) == 0)
            return &a->servers[i];
    }
    return NULL;
}

/* The member that bears the id: the live one, if there are several. */
static const struct member *member_of(const char *id, struct str datacenter,
                                      const struct member *members, size_t n)
{
    const struct member *found = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[i];
        if (m->role == MEMBER_SERVER && str_eq(m->dc, datacenter) &&
            str_eq_nocase(m->id, str_z(id)) && (!found || m->status == MEMBER_ALIVE))
            found = m;
    }
    return found;
}

static void judge(struct autopilot_health *h, const struct autopilot_conf *conf, uint64_t newest,
                  struct instant now, bool is_new)
{
    bool healthy = h->serf == MEMBER_ALIVE;
    if (!h->leader)
        healthy = healthy && h->last_contact.ns <= conf->base.last_contact_threshold.ns &&
                  h->last_index + (uint64_t)conf->base.max_trailing_logs >= newest;
    if (is_new || healthy != h->healthy)
        h->since = now;
    h->healthy = healthy;
}

void autopilot_look(struct autopilot *a, const struct autopilot_conf *conf, struct instant now,
                    struct str datacenter, const struct autopilot_peer *peers, size_t peer_n,
                    const struct member *members, size_t member_n)
{
    struct autopilot before = *a;
    uint64_t newest = 0;
    a->n = 0;
    for (size_t i = 0; i < peer_n; i++) {
        if (peers[i].leader)
            newest = peers[i].last_index;
    }
    for (size_t i = 0; i < peer_n && a->n < AUTOPILOT_SERVERS_MAX; i++) {
        const struct autopilot_peer *p = &peers[i];
        const struct member *m = member_of(p->id, datacenter, members, member_n);
        struct autopilot_health *h = &a->servers[a->n++], *old = find(&before, p->id);
        if (old)
            *h = *old;
        else
            *h = (struct autopilot_health){.unknown = INSTANT_NEVER};
        memcpy(h->id, p->id, sizeof h->id);
        memcpy(h->address, p->address, sizeof h->address);
        h->voter = p->voter;
        h->leader = p->leader;
        h->last_index = p->last_index;
        h->last_contact = p->last_contact;
        h->serf = m ? m->status : MEMBER_NONE;
        if (m) {
            h->unknown = INSTANT_NEVER;
            str_copy_z(m->name, h->name, sizeof h->name);
            memcpy(h->version, m->version, sizeof h->version);
        } else if (h->unknown.ns == INSTANT_NEVER.ns) {
            h->unknown = now;
        }
        judge(h, conf, newest, now, !old);
    }
}

static size_t voters(const struct autopilot *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++)
        n += a->servers[i].voter;
    return n;
}

static bool change(struct autopilot_change *ret, enum autopilot_kind kind, const char *id,
                   const char *address, const char *name)
{
    *ret = (struct autopilot_change){.kind = kind};
    str_copy_z(str_z(id), ret->id, sizeof ret->id);
    str_copy_z(str_z(address), ret->address, sizeof ret->address);
    str_copy_z(str_z(name), ret->name, sizeof ret->name);
    return true;
}

static bool removal(struct autopilot_change *ret, const struct autopilot_health *h, const char *why,
                    bool force_leave)
{
    change(ret, AUTOPILOT_REMOVE, h->id, h->address, h->name);
    ret->why = why;
    ret->force_leave = force_leave;
    return true;
}

/* Does a live member with another id bear the name that this dead server has in the catalog, or use
 * its address? Then the machine was replaced. */
static bool is_replaced(const struct autopilot_health *h, struct str datacenter,
                        const struct member *members, size_t n, autopilot_name_fn name_of,
                        void *data)
{
    struct str name = name_of ? name_of(data, str_z(h->id)) : STR_NONE;
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[i];
        char address[ADDR_TEXT_MAX];
        if (m->status != MEMBER_ALIVE || m->role != MEMBER_SERVER || !str_eq(m->dc, datacenter) ||
            str_eq_nocase(m->id, str_z(h->id)))
            continue;
        addr_format(&m->rpc, address);
        if ((name.n && str_eq_nocase(name, m->name)) || strcmp(address, h->address) == 0)
            return true;
    }
    return false;
}

/* Those that must go whatever the number of dead. */
static bool next_gone(struct autopilot *a, struct str datacenter, const struct member *members,
                      size_t n, autopilot_name_fn name_of, void *data, struct autopilot_change *ret)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct autopilot_health *h = &a->servers[i];
        if (h->leader)
            continue;
        if (h->serf == MEMBER_LEFT)
            return removal(ret, h, "left", false);
        if (h->serf != MEMBER_ALIVE && h->serf != MEMBER_LEAVING &&
            is_replaced(h, datacenter, members, n, name_of, data))
            return removal(ret, h, "replaced", false);
        if (!h->voter && h->serf == MEMBER_FAILED && a->n > 1)
            return removal(ret, h, "failed", true);
    }
    return false;
}

static bool is_unknown(const struct autopilot_health *h, struct instant now)
{
    return h->unknown.ns != INSTANT_NEVER.ns && instant_since(now, h->unknown).ns >= UNKNOWN_MAX.ns;
}

static bool next_dead(struct autopilot *a, const struct autopilot_conf *conf, struct instant now,
                      struct autopilot_change *ret)
{
    size_t dead = 0, voter_n = voters(a);
    const struct autopilot_health *first = NULL;
    for (size_t i = 0; i < a->n; i++) {
        const struct autopilot_health *h = &a->servers[i];
        if (h->leader || !h->voter || !(h->serf == MEMBER_FAILED || is_unknown(h, now)))
            continue;
        dead++;
        first = first ? first : h;
    }
    if (!first || !conf->base.cleanup_dead_servers)
        return false;
    if (dead >= voter_n / 2 || (int64_t)(voter_n - dead) < conf->base.min_quorum)
        return false;
    return removal(ret, first, first->serf == MEMBER_FAILED ? "failed" : "unknown",
                   first->serf == MEMBER_FAILED);
}

static bool next_promotion(struct autopilot *a, const struct autopilot_conf *conf,
                           struct instant now, struct str datacenter, const struct member *members,
                           size_t n, struct autopilot_change *ret)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct autopilot_health *h = &a->servers[i];
        const struct member *m = member_of(h->id, datacenter, members, n);
        if (h->voter || !h->healthy || !m || m->read_replica ||
            instant_since(now, h->since).ns < conf->base.server_stabilization_time.ns)
            continue;
        return change(ret, AUTOPILOT_PROMOTE, h->id, h->address, h->name);
    }
    return false;
}

/* Servers that gossip has and the configuration has not, or not under this address. */
static bool next_addition(struct autopilot *a, struct str datacenter, const struct member *members,
                          size_t n, struct autopilot_change *ret)
{
    size_t bootstraps = 0;
    for (size_t i = 0; i < n; i++)
        bootstraps += members[i].role == MEMBER_SERVER && members[i].status == MEMBER_ALIVE &&
                      str_eq(members[i].dc, datacenter) && members[i].bootstrap;
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[i];
        char id[37], address[ADDR_TEXT_MAX], name[256];
        if (m->role != MEMBER_SERVER || m->status != MEMBER_ALIVE || !str_eq(m->dc, datacenter) ||
            m->id.n != 36 || m->segment.n)
            continue;
        str_copy_z(m->id, id, sizeof id);
        str_copy_z(m->name, name, sizeof name);
        addr_format(&m->rpc, address);
        const struct autopilot_health *h = find(a, id);
        if (!h && (!m->bootstrap || bootstraps < 2) && a->n < AUTOPILOT_SERVERS_MAX)
            return change(ret, AUTOPILOT_ADD_LEARNER, id, address, name);
        if (h && !h->leader && strcmp(h->address, address) != 0) {
            change(ret, AUTOPILOT_READDRESS, id, address, name);
            ret->voter = h->voter;
            return true;
        }
    }
    return false;
}

bool autopilot_next(struct autopilot *a, const struct autopilot_conf *conf, struct instant now,
                    struct str datacenter, const struct member *members, size_t member_n,
                    autopilot_name_fn name_of, void *data, struct autopilot_change *ret)
{
    return next_gone(a, datacenter, members, member_n, name_of, data, ret) ||
           next_addition(a, datacenter, members, member_n, ret) ||
           next_promotion(a, conf, now, datacenter, members, member_n, ret) ||
           next_dead(a, conf, now, ret);
}

struct instant autopilot_deadline(const struct autopilot *a, const struct autopilot_conf *conf,
                                  struct instant now)
{
    struct instant at = INSTANT_NEVER;
    (void)conf;
    for (size_t i = 0; i < a->n; i++) {
        const struct autopilot_health *h = &a->servers[i];
        if (!h->voter || !h->healthy || h->unknown.ns != INSTANT_NEVER.ns)
            at = instant_add(now, LOOK_INTERVAL);
    }
    return at;
}

int autopilot_tolerance(const struct autopilot *a, bool *ret_healthy)
{
    int voter_n = 0, healthy_n = 0;
    bool all = true;
    for (size_t i = 0; i < a->n; i++) {
        voter_n += a->servers[i].voter;
        healthy_n += a->servers[i].voter && a->servers[i].healthy;
        all &= a->servers[i].healthy;
    }
    *ret_healthy = all;
    int spare = healthy_n - (voter_n / 2 + 1);
    return spare > 0 ? spare : 0;
}
