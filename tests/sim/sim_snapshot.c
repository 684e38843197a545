/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The simulator's snapshot files: the state (a hash of all that was applied)
 * and the configuration, filled up to some random size and with a checksum at
 * the end, so that a file put together from pieces of two is found out. They
 * travel in small chunks; a transfer goes on after a crash with what was
 * stored of it.
 */
#include "base/digest.h"
#include "tests/sim/sim_cluster.h"

#define CHUNK    96
#define FILE_MAX 8192

void snapshot_free(struct snapshot *f)
{
    union {
        const char *in;
        void *out;
    } p = {f->bytes.p};

    mem_free(p.out);
    *f = (struct snapshot){0};
}

void snapshot_write(struct server *s, uint64_t index)
{
    struct raft_facts f;
    struct raft_configuration conf;
    struct buf b, c;

    raft_get_facts(s->r, &f);
    snapshot_free(&s->old);
    if (cluster_chance(500)) /* the one before is kept while it is being sent */
        s->old = s->snap;
    else
        snapshot_free(&s->snap);
    raft_configuration_at(s->r, index, &conf);
    buf_init(&c, 0);
    raft_configuration_encode(&conf, &c);
    buf_init(&b, 0);
    buf_put_u64(&b, s->hash);
    buf_put_u64(&b, conf.index);
    buf_put_u32(&b, (uint32_t)c.n);
    buf_put_str(&b, buf_str(&c));
    buf_fini(&c);
    for (uint64_t n = cluster_below(100), x = rng_u64(&sim.rng); n; n--)
        buf_put_u64(&b, x ^ n);
    buf_put_u32(&b, digest_crc32c(0, buf_str(&b)));
    s->snap = (struct snapshot){
        .index = index, .term = f.applied_term, .number = rng_u64(&sim.rng), .bytes = buf_take(&b)};
    s->snap_gone = false;
}

void snapshot_read(const struct snapshot *f, const struct server *s, uint64_t *ret_hash,
                   struct raft_configuration *ret_conf)
{
    struct cursor end = cursor_make(str_drop(f->bytes, f->bytes.n - 4));
    struct str body = str_take(f->bytes, f->bytes.n - 4);
    struct cursor in = cursor_make(body);

    CHECK(cursor_u32(&end) == digest_crc32c(0, body), "a snapshot of pieces of several", s);
    *ret_hash = cursor_u64(&in);
    uint64_t conf_index = cursor_u64(&in);
    uint32_t n = cursor_u32(&in);
    CHECK(raft_configuration_decode(cursor_bytes(&in, n), ret_conf) == 0, "configuration", s);
    ret_conf->index = conf_index;
    CHECK(f->index <= sim.truth_n && sim.truth[f->index].term == f->term &&
              sim.truth[f->index].hash == *ret_hash,
          "a snapshot of what was never applied", s);
}

bool snapshot_fill(struct server *s, struct raft_message *m)
{
    const struct snapshot *f = &s->snap;

    if (m->index == s->old.index && m->log_term == s->old.term)
        f = &s->old;
    if (m->index != f->index || m->log_term != f->term || (f == &s->snap && s->snap_gone))
        return false;
    if (m->offset > f->bytes.n)
        m->offset = 0;
    size_t n = f->bytes.n - m->offset < CHUNK ? f->bytes.n - m->offset : CHUNK;
    m->chunk = (struct str){mem_dup(f->bytes.p + m->offset, n), n};
    m->last = m->offset + n == f->bytes.n;
    m->hint = f->bytes.n;
    m->hint_term = f->number;
    return true;
}

static bool is_of(const struct snapshot *f, const struct raft_message *m)
{
    return f->index == m->index && f->term == m->log_term && f->number == m->hint_term;
}

static void store_chunk(struct server *s, const struct raft_message *m)
{
    if (!is_of(&s->partial, m) || s->partial_size != m->hint) {
        if (m->offset != 0)
            return;
        snapshot_free(&s->partial);
        s->partial = (struct snapshot){.index = m->index,
                                       .term = m->log_term,
                                       .number = m->hint_term,
                                       .bytes = {mem_alloc(FILE_MAX), 0}};
        s->partial_size = m->hint;
    }
    if (m->offset != s->partial.bytes.n)
        return;
    union {
        const char *in;
        char *out;
    } p = {s->partial.bytes.p};
    CHECK(m->offset + m->chunk.n <= s->partial_size && s->partial_size <= FILE_MAX, "size", s);
    memcpy(p.out + m->offset, m->chunk.p, m->chunk.n);
    s->partial.bytes.n += m->chunk.n;
    if (m->offset > 0)
        sim.totals.resumed++;
}

void snapshot_chunk(struct server *s, struct raft_message *m)
{
    store_chunk(s, m);
    bool mine = is_of(&s->partial, m);
    uint64_t have = mine ? s->partial.bytes.n : 0;

    if (!mine || have < s->partial_size) {
        if (cluster_chance(500)) {
            raft_chunk_stored(s->r, m->index, m->log_term, have);
        } else {
            cluster_push((struct event){.at = sim.now + cluster_random(1 * MS),
                                        .kind = CHUNK_STORED,
                                        .server = cluster_number(s),
                                        .life = s->life,
                                        .a = m->index,
                                        .b = m->log_term,
                                        .c = have});
        }
    } else if (raft_snapshot_install(s->r, m->index)) {
        if (cluster_chance(100)) { /* it cannot be loaded after all */
            snapshot_free(&s->partial);
            cluster_event(cluster_random(5 * MS), ABANDONED, s, 0);
        } else {
            snapshot_free(&s->old);
            snapshot_free(&s->snap);
            s->snap = s->partial;
            s->snap_gone = false;
            s->partial = (struct snapshot){0};
            cluster_event(cluster_random(5 * MS), INSTALLED, s, 0);
        }
    } else {
        snapshot_free(&s->partial);
    }
    raft_message_free(m);
}

void snapshot_installed(struct server *s)
{
    struct raft_configuration conf;

    snapshot_read(&s->snap, s, &s->hash, &conf);
    CHECK(s->snap.index > s->applied, "a snapshot takes the state back", s);
    s->applied = s->snap.index;
    raft_snapshot_installed(s->r, s->snap.index, s->snap.term, &conf);
    sim.totals.snapshots++;
}
