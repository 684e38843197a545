/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "tests/lib/unit.h"
#include "tests/lib/wal_keep.h"
#include "wal/wal_segment.h"
#include "wal/wal_snapshot.h"

static const struct wal_config small = {.server = "server-1", .segment_size = 8192};

static struct wal_keep keep;

static struct wal *open_ok(struct disk_sim *d)
{
    struct wal *w = NULL;

    if (wal_keep_open(&keep, d, &small, &w) < 0)
        fail_msg("%s", keep.err.text);
    return w;
}

/* What was committed is there after a reopening, with term and vote. */
static void test_append_and_reopen(void **state)
{
    struct disk_sim *d = disk_sim_new(1);
    struct wal *w = open_ok(d);

    (void)state;
    assert_true(keep.found.fresh);
    wal_put_state(w, 3, 77);
    for (uint64_t i = 1; i <= 5; i++)
        wal_keep_put(w, i, 3, 100 * i);
    assert_int_equal(wal_commit(w), 0);
    assert_int_equal(wal_commit(w), 0); /* nothing to do */
    wal_close(w);
    disk_sim_crash(d);
    w = open_ok(d);
    assert_false(keep.found.fresh);
    assert_int_equal(keep.found.term, 3);
    assert_int_equal(keep.found.vote, 77);
    assert_int_equal(keep.last, 5);
    assert_int_equal(keep.found.cut_bytes, 0);
    wal_keep_put(w, 6, 4, 10);
    assert_int_equal(wal_commit(w), 0);
    wal_close(w);
    w = open_ok(d);
    assert_int_equal(keep.last, 6);
    assert_int_equal(keep.terms[6], 4);
    wal_close(w);
    disk_sim_free(d);
}

/* An entry larger than a segment gets a segment of its size; truncation and reset are kept. */
static void test_large_truncate_reset(void **state)
{
    struct disk_sim *d = disk_sim_new(2);
    struct wal *w = open_ok(d);

    (void)state;
    wal_keep_put(w, 1, 1, 100);
    wal_keep_put(w, 2, 1, 50000);
    assert_int_equal(wal_commit(w), 0);
    wal_keep_put(w, 3, 1, 7000);
    assert_int_equal(wal_commit(w), 0);
    wal_put_truncate(w, 2);
    wal_keep_put(w, 2, 2, 20);
    wal_put_truncate(w, 9); /* behind the end: nothing */
    assert_int_equal(wal_commit(w), 0);
    wal_close(w);
    w = open_ok(d);
    assert_int_equal(keep.last, 2);
    assert_int_equal(keep.terms[2], 2);
    struct wal_snapshot_meta meta = {.index = 50, .term = 5};
    struct wal_snapshot_writer *s;
    memcpy(meta.log_id, wal_log_id(w), 16);
    assert_int_equal(wal_snapshot_create(&d->disk, &meta, &s), 0);
    assert_int_equal(wal_snapshot_finish(s, NULL), 0);
    wal_put_reset(w, 50, 5);
    wal_keep_put(w, 51, 5, 20);
    assert_int_equal(wal_commit(w), 0);
    wal_close(w);
    w = open_ok(d);
    assert_int_equal(keep.first, 51);
    assert_int_equal(keep.last, 51);
    assert_int_equal(keep.found.snapshot_index, 50);
    wal_close(w);
    disk_sim_free(d);
}

static int count_files(struct disk_sim *d)
{
    int n = 0;

    for (int i = 0; i < DISK_SIM_FILES; i++)
        n += d->files[i].used && d->files[i].name[0];
    return n;
}

static void snapshot(struct disk_sim *d, struct wal *w, uint64_t index, uint64_t term)
{
    struct wal_snapshot_meta meta = {.index = index, .term = term};
    struct wal_snapshot_writer *s;

    memcpy(meta.log_id, wal_log_id(w), 16);
    assert_int_equal(wal_snapshot_create(&d->disk, &meta, &s), 0);
    assert_int_equal(wal_snapshot_put(s, STR_LIT("rows")), 0);
    assert_int_equal(wal_snapshot_finish(s, NULL), 0);
}

/* With snapshots the number of files stays bounded, however much is written. */
static void test_compact(void **state)
{
    struct disk_sim *d = disk_sim_new(3);
    struct wal *w = open_ok(d);

    (void)state;
    for (uint64_t i = 1; i <= 2000; i++) {
        wal_keep_put(w, i, 1, 300);
        assert_int_equal(wal_commit(w), 0);
        if (i % 100 == 0) {
            snapshot(d, w, i, 1);
            assert_int_equal(wal_compact(w, i - 50, i, 1), 0);
            assert_true(count_files(d) < 20);
        }
    }
    wal_close(w);
    w = open_ok(d);
    assert_int_equal(keep.last, 2000);
    assert_true(keep.first <= 1951 && keep.first > 1800);
    assert_int_equal(keep.found.snapshot_index, 2000);
    wal_close(w);
    disk_sim_free(d);
}

/* Power loss before each single operation of a workload: what was acknowledged is there, what
 * follows is a prefix of what was tried, and the log can be written again. */
static void test_crash_everywhere(void **state)
{
    (void)state;
    for (int64_t ops = 0; ops < 400; ops++) {
        struct disk_sim *d = disk_sim_new((uint64_t)ops + 100);
        struct wal *w = NULL;
        uint64_t acked = 0, tried = 0, acked_term = 0;
        d->ops_left = ops;
        if (wal_keep_open(&keep, d, &small, &w) == 0) {
            while (tried < 40) {
                uint64_t n = 1 + rng_below(&d->rng, 3);
                wal_put_state(w, tried + 1, 0);
                for (uint64_t k = 0; k < n; k++)
                    wal_keep_put(w, ++tried, 1, rng_below(&d->rng, 2000));
                if (wal_commit(w) < 0)
                    break;
                acked = tried;
                acked_term = acked;
                if (rng_below(&d->rng, 8) == 0)
                    (void)!wal_seal(w);
            }
            wal_close(w);
        }
        disk_sim_crash(d);
        w = open_ok(d);
        assert_true(keep.last >= acked && keep.last <= tried);
        assert_true(acked == 0 || keep.found.term + 3 > acked_term);
        uint64_t have = keep.last;
        wal_keep_put(w, have + 1, 9, 64);
        assert_int_equal(wal_commit(w), 0);
        wal_close(w);
        disk_sim_crash(d);
        w = open_ok(d);
        assert_int_equal(keep.last, have + 1);
        assert_int_equal(keep.terms[have + 1], 9);
        wal_close(w);
        disk_sim_free(d);
    }
}

/* A full disk: entries are refused, terms are not; when space returns, so do entries. */
static void test_full(void **state)
{
    struct disk_sim *d = disk_sim_new(4);
    struct wal *w;
    uint64_t i = 0;
    int rc;

    (void)state;
    d->space = 40000;
    w = open_ok(d);
    do {
        wal_keep_put(w, ++i, 1, 1000);
        rc = wal_commit(w);
    } while (rc == 0);
    assert_int_equal(rc, -ENOSPC);
    assert_true(i > 10);
    assert_int_equal(wal_recover(w), -ENOSPC);
    wal_keep_put(w, i, 1, 1000); /* does nothing */
    assert_int_equal(wal_commit(w), -ENOSPC);
    wal_close(w);
    w = open_ok(d);
    assert_int_equal(keep.last, i - 1);
    wal_put_state(w, 2, 5);
    wal_put_entry(w, i, 2, 1, STR_NONE); /* the empty entry of a new term */
    assert_int_equal(wal_commit(w), 0);
    wal_keep_put(w, i + 1, 2, 1000);
    assert_int_equal(wal_commit(w), -ENOSPC);
    d->space = 0;
    assert_int_equal(wal_recover(w), 0);
    wal_keep_put(w, i + 1, 2, 1000);
    assert_int_equal(wal_commit(w), 0);
    wal_close(w);
    disk_sim_crash(d);
    w = open_ok(d);
    assert_int_equal(keep.last, i + 1);
    assert_int_equal(keep.found.term, 2);
    wal_close(w);
    disk_sim_free(d);
}

/* Writes and syncs fail now and then, and what a failing sync leaves unwritten looks clean; power
 * is lost at the end. Nothing acknowledged is lost, nothing refused comes back with other bytes. */
static void test_failing_disk(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct disk_sim *d = disk_sim_new(seed);
        struct wal *w = open_ok(d);
        uint64_t acked = 0, term = 1;
        d->sync_loses = true;
        for (int round = 0; round < 200; round++) {
            d->fail_write = rng_below(&d->rng, 10) == 0 ? -EIO : 0;
            d->fail_sync = rng_below(&d->rng, 10) == 0 ? -EIO : 0;
            wal_keep_put(w, acked + 1, term, rng_below(&d->rng, 1500) + 1);
            if (wal_commit(w) == 0) {
                acked++;
                continue;
            }
            term++;
            d->fail_write = rng_below(&d->rng, 3) == 0 ? -EIO : 0;
            d->fail_sync = rng_below(&d->rng, 3) == 0 ? -EIO : 0;
            while (wal_recover(w) < 0)
                d->fail_write = d->fail_sync = 0;
        }
        d->fail_write = d->fail_sync = 0;
        wal_close(w);
        disk_sim_crash(d);
        w = open_ok(d);
        assert_true(keep.last == acked || keep.last == acked + 1);
        wal_close(w);
        disk_sim_free(d);
    }
}

static int on_frame(void *data, struct str bytes)
{
    buf_put_str(data, bytes);
    return 0;
}

/* A snapshot gives back what was put, and any flipped bit in it is found. */
static void test_snapshot(void **state)
{
    struct disk_sim *d = disk_sim_new(5);
    struct wal *w = open_ok(d);
    struct wal_snapshot_meta meta = {.index = 9, .term = 2, .configuration_index = 4}, got;
    struct wal_snapshot_writer *s;
    struct error err = {0};
    struct buf all;
    char name[WAL_NAME_MAX];

    (void)state;
    memcpy(meta.log_id, wal_log_id(w), 16);
    buf_init(&meta.configuration, 0);
    buf_put_z(&meta.configuration, "conf");
    assert_int_equal(wal_snapshot_create(&d->disk, &meta, &s), 0);
    assert_int_equal(wal_snapshot_put(s, STR_LIT("hello ")), 0);
    assert_int_equal(wal_snapshot_put(s, STR_LIT("world")), 0);
    assert_int_equal(wal_snapshot_finish(s, NULL), 0);
    buf_init(&all, 0);
    assert_int_equal(wal_snapshot_load(&d->disk, 9, 2, meta.log_id, &got, on_frame, &all, &err), 0);
    assert_str(buf_str(&all), STR_LIT("hello world"));
    assert_str(buf_str(&got.configuration), STR_LIT("conf"));
    assert_int_equal(got.configuration_index, 4);
    buf_fini(&got.configuration);
    wal_name_snapshot(9, 2, name);
    for (uint64_t at = 0; at < disk_sim_find(d, name)->size; at++) {
        disk_sim_flip(d, name, at, 0x10);
        int rc = wal_snapshot_load(&d->disk, 9, 2, meta.log_id, &got, NULL, NULL, &err);
        assert_true(rc < 0);
        assert_non_null(strstr(err.text, "offset"));
        buf_fini(&got.configuration);
        disk_sim_flip(d, name, at, 0x10);
    }
    buf_fini(&all);
    buf_fini(&meta.configuration);
    wal_close(w);
    disk_sim_free(d);
}

UNIT_MAIN(UNIT(test_append_and_reopen), UNIT(test_large_truncate_reset), UNIT(test_compact),
          UNIT(test_crash_everywhere), UNIT(test_full), UNIT(test_failing_disk),
          UNIT(test_snapshot))
