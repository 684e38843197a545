/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the disk to a running machine, and back.
 *
 * The log is read whole; entries behind the snapshot are kept for followers that lag. Nothing is
 * applied but the snapshot: what of the log is committed is learnt from the term that begins now.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "consensus/consensus_core.h"
#include "raft/raft_log.h"

#define SNAPSHOT_THRESHOLD 16384 /* consul: raft_snapshot_threshold */
#define TRAILING_LOGS      10240 /* consul: raft_trailing_logs */
#define INFLIGHT_MAX       65536
#define INFLIGHT_BYTES_MAX ((size_t)96 << 20)
/* For multiplier 1; Consul's default of 5 makes it a second. */
#define ELECTION_MS  200
#define HEARTBEAT_MS 20
/* After the first configuration was made: others may make it in the same moment. */
#define FIRST_MS 50
#define SOLE_MS  20

/* ---- what the log held ---- */

static int on_entry(void *data, uint64_t index, uint64_t term, uint8_t kind, struct str bytes)
{
    struct raft_log *log = data;

    if (kind >= RAFT_ENTRY_KINDS || bytes.n > RAFT_ENTRY_SIZE_MAX)
        return ERR_CORRUPT;
    if (log->last < log->first && index != log->last + 1)
        raft_log_reset(log, index - 1, 0); /* the first: the term before it is not known */
    if (index != log->last + 1)
        return ERR_CORRUPT;
    struct raft_entry *e = raft_entry_new((enum raft_entry_kind)kind, bytes);
    e->index = index;
    e->term = term;
    raft_log_append(log, e);
    return 0;
}

static int on_truncate(void *data, uint64_t from)
{
    struct raft_log *log = data;

    raft_log_truncate(log, from > log->first ? from : log->first);
    return 0;
}

static int on_reset(void *data, uint64_t index, uint64_t term)
{
    raft_log_reset(data, index, term);
    return 0;
}

static int restore_entries(struct consensus *c, const struct raft_log *log,
                           const struct wal_found *found, struct error *err)
{
    uint64_t first = log->first;

    if (log->last < first) {
        /* The snapshot may be newer than the log: the crash came between the two. */
        if (found->last_index != found->snapshot_index)
            raft_restore_base(c->raft, found->last_index, 0);
        return 0;
    }
    if (first == 1)
        raft_restore_base(c->raft, 0, 0);
    else if (log->base_term)
        raft_restore_base(c->raft, first - 1, log->base_term);
    else if (first - 1 == found->snapshot_index)
        raft_restore_base(c->raft, first - 1, found->snapshot_term);
    else { /* this one's term is known, so it serves as the base */
        raft_restore_base(c->raft, first, raft_log_get(log, first)->term);
        first++;
    }
    for (uint64_t i = first; i <= log->last; i++) {
        int rc = raft_restore_entry(c->raft, raft_entry_ref(raft_log_get(log, i)));
        if (rc < 0)
            return error_set(err, rc, "entry %" PRIu64 " of the log is not a configuration", i);
    }
    return 0;
}

static int restore(struct consensus *c, const struct raft_log *log, const struct wal_found *found,
                   struct error *err)
{
    struct raft_configuration conf;
    int rc;

    if (found->cut_bytes)
        log_warn(CONSENSUS_SUBSYSTEM,
                 "a torn write was cut from the log's end: file=%s offset=%" PRIu64
                 " bytes=%" PRIu64 " (it was not acknowledged)",
                 found->cut_file, found->cut_at, found->cut_bytes);
    raft_restore_state(c->raft, (struct raft_state){found->term, found->vote});
    if (found->snapshot_index) {
        rc = fsm_load(&c->fsm, c->disk, found->snapshot_index, found->snapshot_term,
                      wal_log_id(c->wal), false, &conf, err);
        if (rc < 0)
            return rc;
        raft_restore_snapshot(c->raft, found->snapshot_index, found->snapshot_term, &conf);
        log_info(CONSENSUS_SUBSYSTEM, "restored from snapshot: index=%" PRIu64,
                 found->snapshot_index);
    }
    return restore_entries(c, log, found, err);
}

static int open_log(struct consensus *c, bool *ret_fresh, struct error *err)
{
    struct raft_log log;
    struct wal_found found;
    struct wal_visitor visitor = {
        .data = &log, .entry = on_entry, .truncate = on_truncate, .reset = on_reset};
    struct wal_config conf = {.server = c->conf.server_id};
    int rc = wal_disk_open(c->conf.dir, &c->disk, err);

    if (rc < 0)
        return rc;
    raft_log_init(&log);
    rc = wal_open(c->disk, &conf, &visitor, &found, &c->wal, err);
    if (rc == 0)
        rc = restore(c, &log, &found, err);
    if (rc == 0)
        *ret_fresh = found.last_index == 0 && found.snapshot_index == 0;
    raft_log_fini(&log);
    return rc < 0 ? error_wrap(err, "log %s", c->conf.dir) : 0;
}

/* ---- open ---- */

static void on_timer(struct timer *t, struct instant now)
{
    struct consensus *c = LIST_ITEM(t, struct consensus, timer);

    raft_expire(c->raft, now);
    consensus_set_dirty(c);
}

struct raft *consensus_make_raft(struct consensus *c)
{
    int64_t multiplier = c->conf.raft_multiplier ? c->conf.raft_multiplier : 5;
    struct raft_options options = {
        .id = c->id,
        .election = DURATION_MS(ELECTION_MS * multiplier),
        .heartbeat = DURATION_MS(HEARTBEAT_MS * multiplier),
        .first = DURATION_MS(FIRST_MS),
        .sole = DURATION_MS(SOLE_MS),
        .drift = DURATION_MS(HEARTBEAT_MS * multiplier),
        .inflight_max = c->conf.inflight_max,
        .inflight_bytes_max = INFLIGHT_BYTES_MAX,
    };

    return raft_new(&options, c->rng, consensus_tell, c);
}

static struct consensus *make(const struct consensus_config *conf, struct state *state,
                              struct store *store, struct timers *timers, struct rng *rng,
                              struct published *published, const struct consensus_hooks *hooks)
{
    struct consensus *c = mem_new(struct consensus);

    c->conf = *conf;
    if (!c->conf.snapshot_threshold)
        c->conf.snapshot_threshold = SNAPSHOT_THRESHOLD;
    if (!c->conf.trailing_logs)
        c->conf.trailing_logs = TRAILING_LOGS;
    if (!c->conf.inflight_max)
        c->conf.inflight_max = INFLIGHT_MAX;
    c->hooks = *hooks;
    c->timers = timers;
    c->published = published;
    c->timer.fire = on_timer;
    list_init(&c->incoming);
    list_init(&c->pending);
    list_init(&c->finished);
    list_init(&c->reads_new);
    list_init(&c->reads_asked);
    list_init(&c->reads_confirmed);
    list_init(&c->conns);
    list_init(&c->links);
    list_init(&c->places);
    list_init(&c->changes);
    list_init(&c->changes_done);
    c->linked_index = UINT64_MAX;
    consensus_forward_open(c);
    consensus_storage_init(c);
    fsm_init(&c->fsm, state, store);
    c->id = raft_server_id(str_z(conf->server_id));
    c->rng = rng;
    c->raft = consensus_make_raft(c);
    return c;
}

static void unmake(struct consensus *c)
{
    timers_cancel(c->timers, &c->timer);
    timers_cancel(c->timers, &c->look);
    consensus_storage_fini(c);
    fsm_fini(&c->fsm);
    raft_free(c->raft);
    mem_free(c);
}

static int bootstrap(struct consensus *c, struct error *err)
{
    struct raft_configuration conf = {0};

    if (raft_configuration_put(&conf, str_z(c->conf.server_id), str_z(c->conf.server_address),
                               RAFT_VOTER) < 0)
        return error_set(err, ERR_INVALID, "server id \"%s\" or address \"%s\" is too long",
                         c->conf.server_id, c->conf.server_address);
    raft_bootstrap(c->raft, &conf);
    return 0;
}

/* An empty log, but a vote: for a server of a cluster that has not sent us anything yet. consul:
 * the same, such a state is not bootstrapped. */
static bool has_promised(const struct consensus *c)
{
    struct raft_facts f;

    raft_get_facts(c->raft, &f);
    if (f.term > 0)
        log_warn(CONSENSUS_SUBSYSTEM,
                 "this server has voted in a cluster, it begins none: term=%" PRIu64, f.term);
    return f.term > 0;
}

int consensus_open(const struct consensus_config *conf, struct state *state, struct store *store,
                   void *uv_loop, struct timers *timers, struct rng *rng,
                   struct published *published, const struct consensus_hooks *hooks,
                   struct consensus **ret, struct error *err)
{
    struct consensus *c = make(conf, state, store, timers, rng, published, hooks);
    bool fresh = true;
    int rc = conf->dir ? open_log(c, &fresh, err) : 0;

    if (rc == 0)
        rc = consensus_recover(c, &fresh, err);
    if (rc == 0 && fresh && conf->bootstrap && !has_promised(c))
        rc = bootstrap(c, err);
    if (rc == 0) {
        rc = engine_open(uv_loop, consensus_turn, c, &c->engine);
        if (rc < 0)
            error_set(err, rc, "consensus: the loop gives no handle: %s", error_text(rc));
    }
    if (rc < 0) {
        unmake(c);
        return rc;
    }
    if (c->wal)
        c->thread = wal_thread_start(c->wal, engine_mailbox(c->engine));
    c->starting = true;
    raft_start(c->raft, engine_now(c->engine));
    consensus_member_open(c);
    consensus_link_open(c);
    c->dirty = true;
    *ret = c;
    return 0;
}

/* ---- close ---- */

static void on_engine_closed(void *data)
{
    struct consensus *c = data;
    void (*closed)(void *d) = c->closed;
    void *closed_data = c->closed_data;

    c->engine = NULL;
    unmake(c);
    closed(closed_data);
}

void consensus_close_if_quiet(struct consensus *c)
{
    if (!consensus_storage_is_quiet(c) || !consensus_install_is_quiet(c) || !c->engine ||
        !list_is_empty(&c->incoming) || !list_is_empty(&c->conns) || !list_is_empty(&c->arrivals))
        return;
    consensus_install_close(c);
    consensus_storage_fini(c); /* the thread posts to the engine's mailbox: first */
    struct engine *e = c->engine;
    c->engine = NULL;
    engine_close(e, on_engine_closed, c);
}

void consensus_close(struct consensus *c, void (*cb)(void *data), void *data)
{
    ASSERT(!c->closing);
    c->closing = true;
    c->closed = cb;
    c->closed_data = data;
    timers_cancel(c->timers, &c->retry);
    timers_cancel(c->timers, &c->quiet);
    consensus_link_close(c);
    consensus_set_dirty(c);
    engine_again(c->engine);
}
