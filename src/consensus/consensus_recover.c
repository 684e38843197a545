/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A quorum that is lost for good: the file peers.json beside the log names the servers that shall
 * form the cluster from now on (consul: the same file, protocol 3). Every one of them is stopped,
 * given the file and started.
 *
 *     [{"id": "UUID", "address": "10.1.0.1:8300", "non_voter": false}, ...]
 *
 * As Consul does it: all that the log holds is taken for committed and applied, a snapshot with the
 * new configuration is written at the log's end, the log begins anew behind it, and the file goes.
 * A server with an empty log begins a cluster with it.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/jread.h"
#include "base/log.h"
#include "base/mem.h"
#include "consensus/consensus_core.h"
#include "store/dump.h"

#define PEERS_FILE     "peers.json"
#define PEERS_SIZE_MAX ((uint64_t)64 << 10)

static int read_file(struct wal_disk *d, struct buf *ret)
{
    uint64_t size;
    int file, rc = d->open(d, PEERS_FILE, false, &file);

    if (rc < 0)
        return rc;
    rc = d->size(d, file, &size);
    if (rc == 0 && size > PEERS_SIZE_MAX)
        rc = ERR_TOO_LARGE;
    char *p = rc == 0 && size ? buf_reserve(ret, (size_t)size) : NULL;
    if (p)
        rc = d->read(d, file, 0, p, (size_t)size);
    if (rc == 0 && p)
        ret->n = (size_t)size;
    d->close(d, file);
    return rc;
}

static int one_server(const struct jvalue *v, struct raft_configuration *conf)
{
    struct str id = STR_NONE, address = STR_NONE;
    bool non_voter = false;
    int rc = jread_str(jread_get(v, "id"), &id);

    if (rc == 0)
        rc = jread_str(jread_get(v, "address"), &address);
    if (rc == 0)
        rc = jread_bool(jread_get(v, "non_voter"), &non_voter);
    if (rc == 0 && (id.n == 0 || address.n == 0))
        rc = ERR_INVALID;
    return rc < 0
               ? rc
               : raft_configuration_put(conf, id, address, non_voter ? RAFT_LEARNER : RAFT_VOTER);
}

static int parse(struct str text, struct raft_configuration *conf, struct error *err)
{
    struct jvalue *root;

    if (jread_parse(text, &root, err) < 0)
        return error_wrap(err, PEERS_FILE);
    int rc = jread_type(root) == JREAD_ARRAY && jread_count(root) > 0 ? 0 : ERR_INVALID;
    for (size_t i = 0; rc == 0 && i < jread_count(root); i++)
        rc = one_server(jread_at(root, i), conf);
    jread_free(root);
    if (rc == 0 && raft_configuration_voters(conf) == 0)
        rc = ERR_INVALID;
    if (rc < 0)
        return error_set(err, ERR_INVALID,
                         PEERS_FILE ": wanted is a list of {\"id\", \"address\", \"non_voter\"}, "
                                    "each server once, one voter at least");
    return 0;
}

/* ---- the log's end becomes a snapshot ---- */

static int on_chunk(void *data, struct str chunk)
{
    return wal_snapshot_put(data, chunk);
}

static int write_snapshot(struct consensus *c, uint64_t index, uint64_t term,
                          const struct raft_configuration *conf)
{
    struct wal_snapshot_meta meta = {.index = index, .term = term, .configuration_index = index};
    struct wal_snapshot_writer *w = NULL;

    memcpy(meta.log_id, wal_log_id(c->wal), sizeof meta.log_id);
    buf_init(&meta.configuration, 0);
    raft_configuration_encode(conf, &meta.configuration);
    int rc = wal_snapshot_create(c->disk, &meta, &w);
    buf_fini(&meta.configuration);
    if (rc < 0)
        return rc;
    struct store_reader *reader = store_reader_new(c->fsm.store);
    struct store_view *view = store_view_begin(reader);
    rc = dump_write(view, on_chunk, w);
    store_view_end(view);
    store_reader_free(reader);
    if (rc < 0) {
        wal_snapshot_abort(w);
        return rc;
    }
    return wal_snapshot_finish(w, NULL);
}

static void apply_all(struct consensus *c, uint64_t first, uint64_t last)
{
    while (first <= last) {
        uint64_t to = last - first < RAFT_APPLY_MAX ? last : first + RAFT_APPLY_MAX - 1;
        fsm_apply(&c->fsm, c->raft, first, to);
        first = to + 1;
    }
}

static int begin_anew(struct consensus *c, struct raft_configuration *conf)
{
    struct raft_facts f;

    raft_get_facts(c->raft, &f);
    apply_all(c, f.snapshot_index + 1, f.last);
    conf->index = f.last;
    int rc = write_snapshot(c, f.last, f.last_term, conf);
    if (rc == 0) {
        wal_put_reset(c->wal, f.last, f.last_term);
        rc = wal_commit(c->wal);
    }
    if (rc < 0)
        return rc;
    raft_free(c->raft);
    c->raft = consensus_make_raft(c);
    raft_restore_state(c->raft, (struct raft_state){f.term, f.vote});
    raft_restore_snapshot(c->raft, f.last, f.last_term, conf);
    return 0;
}

/* An empty log. What it begins with is durable before the file goes: after a crash between the two
 * there would be neither. A vote that was promised is void: the operator says who there is. */
static int begin(struct consensus *c, const struct raft_configuration *conf)
{
    struct buf bytes;

    buf_init(&bytes, 0);
    raft_configuration_encode(conf, &bytes);
    wal_put_state(c->wal, 1, 0);
    wal_put_entry(c->wal, 1, 1, RAFT_ENTRY_CONFIGURATION, buf_str(&bytes));
    int rc = wal_commit(c->wal);
    if (rc == 0) {
        struct raft_entry *e = raft_entry_new(RAFT_ENTRY_CONFIGURATION, buf_str(&bytes));
        e->index = e->term = 1;
        raft_free(c->raft);
        c->raft = consensus_make_raft(c);
        raft_restore_state(c->raft, (struct raft_state){.term = 1});
        raft_restore_base(c->raft, 0, 0);
        rc = raft_restore_entry(c->raft, e);
    }
    buf_fini(&bytes);
    return rc;
}

int consensus_recover(struct consensus *c, bool *fresh, struct error *err)
{
    struct raft_configuration conf = {0};
    struct buf text;

    if (!c->disk)
        return 0;
    buf_init(&text, PEERS_SIZE_MAX);
    int rc = read_file(c->disk, &text);
    if (rc == -ENOENT) {
        buf_fini(&text);
        return 0;
    }
    if (rc < 0)
        error_set(err, rc, PEERS_FILE ": %s", error_text(rc));
    else
        rc = parse(buf_str(&text), &conf, err);
    buf_fini(&text);
    if (rc < 0)
        return rc;
    log_warn(CONSENSUS_SUBSYSTEM,
             "found peers.json file, recovering Raft configuration...: servers=%" PRIu32, conf.n);
    rc = *fresh ? begin(c, &conf) : begin_anew(c, &conf);
    if (rc < 0)
        return error_set(err, rc, PEERS_FILE ": the log cannot begin anew: %s", error_text(rc));
    *fresh = false;
    rc = c->disk->remove(c->disk, PEERS_FILE);
    if (rc == 0)
        rc = c->disk->sync_dir(c->disk);
    if (rc < 0)
        return error_set(err, rc, PEERS_FILE ": cannot be removed: %s", error_text(rc));
    log_info(CONSENSUS_SUBSYSTEM, "deleted peers.json file after successful recovery");
    return 0;
}
