/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who belongs: the first configuration, changes, the cluster's id, facts about the servers.
 *
 * The id of a cluster is made of the names in its first configuration: servers that bootstrap
 * together agree on it without talking, and two clusters that were begun apart never mix their
 * logs, whose first entries would look alike. It is kept in the file "cluster" beside the log.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "consensus/consensus_core.h"

#define CLUSTER_FILE "cluster"
#define CLUSTER_TMP  "cluster.tmp"

/* ---- the cluster's id ---- */

static int cluster_write(struct wal_disk *d, const uint8_t id[16])
{
    int file;
    int rc = d->open(d, CLUSTER_TMP, true, &file);

    if (rc < 0)
        return rc;
    rc = d->write(d, file, 0, id, 16);
    if (rc == 0)
        rc = d->sync(d, file);
    d->close(d, file);
    if (rc == 0)
        rc = d->rename(d, CLUSTER_TMP, CLUSTER_FILE);
    return rc == 0 ? d->sync_dir(d) : rc;
}

void consensus_link_set_cluster(struct consensus *c, const uint8_t id[16])
{
    memcpy(c->cluster, id, sizeof c->cluster);
    int rc = c->disk ? cluster_write(c->disk, id) : 0;
    if (rc < 0)
        log_warn(CONSENSUS_SUBSYSTEM, "the cluster's id was not stored: error=\"%s\"",
                 error_text(rc));
}

static int by_name(const void *a, const void *b)
{
    const struct raft_server *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void cluster_of(const struct raft_configuration *conf, uint8_t ret[16])
{
    struct raft_configuration sorted = *conf;
    uint8_t digest[32];
    struct buf names;

    qsort(sorted.servers, sorted.n, sizeof sorted.servers[0], by_name);
    buf_init(&names, 0);
    for (uint32_t i = 0; i < sorted.n; i++) {
        buf_put_z(&names, sorted.servers[i].name);
        buf_put_c(&names, '\n');
    }
    digest_sha256(buf_str(&names), digest);
    memcpy(ret, digest, 16);
    buf_fini(&names);
}

void consensus_member_open(struct consensus *c)
{
    const struct raft_configuration *conf = raft_get_configuration(c->raft);
    uint8_t id[16];
    /* Nothing but a file: the crash came before the first configuration was durable. Whoever takes
     * this server in, or is found when it begins again, may be another cluster. */
    if (consensus_is_empty(c))
        return;
    int file, rc = c->disk ? c->disk->open(c->disk, CLUSTER_FILE, false, &file) : ERR_NOT_FOUND;

    if (rc == 0) {
        rc = c->disk->read(c->disk, file, 0, c->cluster, sizeof c->cluster);
        c->disk->close(c->disk, file);
    }
    /* With others there, the id was made of other names than those of today: they tell it. */
    if (rc == 0 || conf->n != 1 || conf->servers[0].id != c->id)
        return;
    cluster_of(conf, id);
    consensus_link_set_cluster(c, id);
}

/* ---- the first configuration ---- */

bool consensus_is_empty(const struct consensus *c)
{
    struct raft_facts f;

    raft_get_facts(c->raft, &f);
    return f.last == 0 && f.snapshot_index == 0 && f.term == 0 &&
           raft_get_configuration(c->raft)->n == 0;
}

int consensus_bootstrap(struct consensus *c, const struct consensus_server *servers, size_t n,
                        struct error *err)
{
    struct raft_configuration conf = {0};
    uint8_t id[16];

    if (!consensus_is_empty(c) || c->closing)
        return error_set(err, ERR_EXISTS, "this server belongs to a cluster already");
    for (size_t i = 0; i < n; i++) {
        int rc = raft_configuration_put(&conf, str_z(servers[i].id), str_z(servers[i].address),
                                        servers[i].voter ? RAFT_VOTER : RAFT_LEARNER);
        if (rc < 0)
            return error_set(err, ERR_INVALID, "server \"%s\" at %s: %s", servers[i].id,
                             servers[i].address, error_text(rc));
    }
    if (!raft_configuration_is_voter(&conf, c->id))
        return error_set(err, ERR_INVALID, "this server is not among the first voters");
    qsort(conf.servers, conf.n, sizeof conf.servers[0], by_name); /* the same on all of them */
    cluster_of(&conf, id);
    consensus_link_set_cluster(c, id);
    /* It has promised nothing yet: a machine that begins with this configuration takes its place.
     */
    raft_free(c->raft);
    c->raft = consensus_make_raft(c);
    raft_bootstrap(c->raft, &conf);
    c->starting = true;
    raft_start(c->raft, engine_now(c->engine));
    consensus_set_dirty(c);
    if (c->in_turn)
        engine_again(c->engine);
    return 0;
}

/* ---- changes ---- */

static void change_end(struct consensus *c, struct consensus_change *ch, int status)
{
    list_remove(&ch->link);
    ch->status = status;
    list_push(&c->changes_done, &ch->link);
}

void consensus_change(struct consensus *c, enum consensus_change_kind kind, const char *id,
                      const char *address, struct consensus_change *ch)
{
    static const enum raft_change_kind kinds[] = {[CONSENSUS_ADD_LEARNER] = RAFT_ADD_LEARNER,
                                                  [CONSENSUS_PROMOTE] = RAFT_PROMOTE,
                                                  [CONSENSUS_DEMOTE] = RAFT_DEMOTE,
                                                  [CONSENSUS_REMOVE] = RAFT_REMOVE,
                                                  [CONSENSUS_ADDRESS] = RAFT_ADDRESS};
    struct raft_facts f;

    list_init(&ch->link);
    raft_get_facts(c->raft, &f);
    ch->term = f.term;
    int rc = c->closing ? ERR_CLOSED
             /* in memory nobody can be sent the log's beginning once it was compacted */
             : !c->disk && kind == CONSENSUS_ADD_LEARNER
                 ? ERR_UNSUPPORTED
                 : raft_change(c->raft, kinds[kind], str_z(id), str_z(address ? address : ""),
                               &ch->index);
    list_push(rc < 0 ? &c->changes_done : &c->changes, &ch->link);
    ch->status = rc;
    consensus_set_dirty(c);
    if (c->in_turn)
        engine_again(c->engine);
}

void consensus_member_step(struct consensus *c)
{
    struct raft_facts f;
    struct list *x;

    raft_get_facts(c->raft, &f);
    LIST_FOREACH (&c->changes, l) {
        struct consensus_change *ch = LIST_ITEM(l, struct consensus_change, link);
        if (ch->term != f.term || f.role != RAFT_LEADER || c->closing)
            /* a leader that removed itself goes when that is committed */
            change_end(c, ch, ch->term == f.term && f.commit >= ch->index ? 0 : ERR_UNCERTAIN);
        else if (f.applied >= ch->index)
            change_end(c, ch, 0);
    }
    while ((x = list_pop(&c->changes_done)) != NULL) {
        struct consensus_change *ch = LIST_ITEM(x, struct consensus_change, link);
        ch->done(ch);
    }
}

int consensus_transfer(struct consensus *c, const char *id)
{
    int rc = raft_transfer(c->raft, engine_now(c->engine), id ? raft_server_id(str_z(id)) : 0);

    consensus_set_dirty(c);
    if (c->in_turn)
        engine_again(c->engine);
    return rc;
}

/* ---- facts ---- */

static const char *address_of(const struct consensus *c, const struct raft_server *s)
{
    const struct consensus_link *l = consensus_link_of(c, s->id);
    return s->id == c->id ? c->conf.server_address : l ? l->address : s->address;
}

void consensus_servers(const struct consensus *c,
                       void (*each)(void *data, const char *id, const char *address, bool voter),
                       void *data)
{
    const struct raft_configuration *conf = raft_get_configuration(c->raft);

    for (uint32_t i = 0; i < conf->n; i++)
        each(data, conf->servers[i].name, address_of(c, &conf->servers[i]),
             conf->servers[i].suffrage == RAFT_VOTER);
}

void consensus_peers(const struct consensus *c,
                     void (*each)(void *data, const struct consensus_peer *p), void *data)
{
    const struct raft_configuration *conf = raft_get_configuration(c->raft);
    struct raft_facts f;

    raft_get_facts(c->raft, &f);
    for (uint32_t i = 0; i < conf->n; i++) {
        const struct raft_server *s = &conf->servers[i];
        const struct consensus_link *l = consensus_link_of(c, s->id);
        struct consensus_peer p = {
            .id = s->name,
            .address = address_of(c, s),
            .voter = s->suffrage == RAFT_VOTER,
            .is_self = s->id == c->id,
            .is_leader = s->id == f.leader,
        };
        if (p.is_self) {
            p.heard = true;
            p.match_index = f.last;
        } else {
            p.match_index = raft_match(c->raft, s->id);
            p.heard = l && l->heard_ever;
            if (p.heard)
                p.last_contact = instant_since(engine_now(c->engine), l->heard);
        }
        each(data, &p);
    }
}

const char *consensus_leader_address(const struct consensus *c)
{
    const struct raft_server *s =
        raft_configuration_find(raft_get_configuration(c->raft), c->leader);

    /* A leader that may not answer yet (its term's first entry is not applied) is none for those
     * who wait for one. */
    if (c->leader == c->id)
        return c->is_leader ? c->conf.server_address : "";
    return s ? address_of(c, s) : "";
}
