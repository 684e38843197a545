/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makes each damage of the table in wal.c and looks at the outcome. */
#include <stdio.h>

#include "tests/lib/unit.h"
#include "tests/lib/wal_keep.h"
#include "wal/wal_segment.h"
#include "wal/wal_snapshot.h"

static const struct wal_config small = {.server = "server-1", .segment_size = 8192};
static struct wal_keep keep;

#define LAST_SEGMENT 3
#define ENTRIES      24

/* Three segments, each entry a batch of two sectors; not sealed. Offsets of the last segment's
 * batches: 512, 1536, ... */
static struct disk_sim *make_log(uint64_t *ret_last_batch, uint64_t *ret_end)
{
    struct disk_sim *d = disk_sim_new(7);
    struct wal *w = NULL;
    uint64_t writes = 0;

    assert_int_equal(wal_keep_open(&keep, d, &small, &w), 0);
    for (uint64_t i = 1; i <= 7 + 7 + 4; i++) {
        wal_keep_put(w, i, 1, 700);
        assert_int_equal(wal_commit(w), 0);
    }
    (void)writes;
    /* closed without the seal: as after kill -9 */
    d->fail_write = -1;
    wal_close(w);
    d->fail_write = 0;
    disk_sim_zero(d, "wal-0000000000000003", 512 + 4 * 1024, 8192 - 512 - 4 * 1024);
    *ret_last_batch = 512 + 3 * 1024;
    *ret_end = 512 + 4 * 1024;
    return d;
}

static void segment_name(uint64_t n, char *dst)
{
    wal_name_segment(n, dst);
}

/* Opens, expects a refusal whose line has all the words. */
static void refused(struct disk_sim *d, const char *file, const char *words)
{
    struct wal *w = NULL;
    int rc = wal_keep_open(&keep, d, &small, &w);

    if (rc == 0)
        fail_msg("accepted: %s %s", file, words);
    assert_non_null(strstr(keep.err.text, file));
    assert_non_null(strstr(keep.err.text, "offset"));
    assert_non_null(strstr(keep.err.text, words));
    assert_null(strchr(keep.err.text, '\n'));
    assert_true(strlen(keep.err.text) < ERROR_TEXT_MAX - 1);
}

/* Opens, expects everything up to `last`, and that writing goes on. */
static void accepted(struct disk_sim *d, uint64_t last, bool cut)
{
    struct wal *w = NULL;

    if (wal_keep_open(&keep, d, &small, &w) < 0)
        fail_msg("%s", keep.err.text);
    assert_int_equal(keep.last, last);
    assert_int_equal(keep.found.cut_bytes > 0, cut);
    wal_keep_put(w, last + 1, 2, 900);
    assert_int_equal(wal_commit(w), 0);
    wal_close(w);
    if (wal_keep_open(&keep, d, &small, &w) < 0)
        fail_msg("%s", keep.err.text);
    assert_int_equal(keep.last, last + 1);
    assert_int_equal(keep.found.cut_bytes, 0);
    wal_close(w);
}

static void test_sound(void **state)
{
    uint64_t at, end;
    struct disk_sim *d = make_log(&at, &end);

    (void)state;
    accepted(d, 18, false);
    disk_sim_free(d);
}

/* Each set of sectors of the last batch that is missing is a torn write. */
static void test_torn(void **state)
{
    uint64_t at, end;

    (void)state;
    for (int mask = 1; mask < 4; mask++) {
        struct disk_sim *d = make_log(&at, &end);
        for (uint64_t k = 0; k < 2; k++)
            if (mask >> k & 1)
                disk_sim_zero(d, "wal-0000000000000003", at + k * 512, 512);
        /* All of it missing is no tear: it was never written. */
        accepted(d, 17, mask != 3);
        disk_sim_free(d);
    }
}

/* Each bit of the last batch: written whole, so damage. (One bit of each byte, in all bytes.) */
static void test_flip_in_last_batch(void **state)
{
    uint64_t at, end;
    struct disk_sim *d = make_log(&at, &end);

    (void)state;
    for (uint64_t i = at; i < end; i++) {
        disk_sim_flip(d, "wal-0000000000000003", i, (uint8_t)(1 << i % 8));
        refused(d, "wal-0000000000000003", "damaged");
        disk_sim_flip(d, "wal-0000000000000003", i, (uint8_t)(1 << i % 8));
    }
    accepted(d, 18, false);
    disk_sim_free(d);
}

static void test_flip_before(void **state)
{
    uint64_t at, end;
    struct disk_sim *d = make_log(&at, &end);
    char name[WAL_NAME_MAX];

    (void)state;
    for (uint64_t n = 1; n <= 3; n++) {
        segment_name(n, name);
        for (uint64_t i = 0; i < at; i += 37) {
            disk_sim_flip(d, name, i, 4);
            struct wal *w = NULL;
            assert_true(wal_keep_open(&keep, d, &small, &w) < 0);
            assert_non_null(strstr(keep.err.text, name));
            disk_sim_flip(d, name, i, 4);
        }
    }
    accepted(d, 18, false);
    disk_sim_free(d);
}

/* A hole is not a tear when something sound stands behind it. */
static void test_hole(void **state)
{
    uint64_t at, end;
    struct disk_sim *d = make_log(&at, &end);

    (void)state;
    disk_sim_zero(d, "wal-0000000000000003", at - 1024, 512);
    refused(d, "wal-0000000000000003", "sound ones follow");
    disk_sim_free(d);
    d = make_log(&at, &end);
    disk_sim_zero(d, "wal-0000000000000003", at - 1024, 1024);
    refused(d, "wal-0000000000000003", "sound ones follow");
    disk_sim_free(d);
    d = make_log(&at, &end);
    disk_sim_zero(d, "wal-0000000000000001", 512 + 1024, 6 * 1024);
    refused(d, "wal-0000000000000001", "segment after");
    disk_sim_free(d);
}

/* A missing sector in the last batch is damage when the log was sealed behind it. */
static void test_sealed(void **state)
{
    uint64_t at, end;
    struct disk_sim *d = make_log(&at, &end);
    struct wal *w = NULL;

    (void)state;
    assert_int_equal(wal_keep_open(&keep, d, &small, &w), 0);
    assert_int_equal(wal_seal(w), 0);
    wal_close(w);
    disk_sim_zero(d, "wal-0000000000000003", at + 512, 512);
    refused(d, "wal-0000000000000003", "sound ones follow");
    disk_sim_free(d);
}

static void test_missing(void **state)
{
    static const char *const names[] = {"wal-0000000000000001", "wal-0000000000000002",
                                        "wal-0000000000000003"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        uint64_t at, end;
        struct disk_sim *d = make_log(&at, &end);
        d->disk.remove(&d->disk, names[i]);
        refused(d, i == 0 ? "wal-0000000000000002" : names[i], i == 0 ? "neither" : "missing");
        disk_sim_free(d);
    }
}

static void test_foreign(void **state)
{
    uint64_t at, end;
    int file;
    struct disk_sim *d = make_log(&at, &end);

    (void)state;
    assert_int_equal(d->disk.open(&d->disk, "notes.txt", true, &file), 0);
    refused(d, "notes.txt", "move it away");
    disk_sim_free(d);
    d = make_log(&at, &end);
    d->disk.remove(&d->disk, "spare-0000000000000004");
    assert_int_equal(d->disk.open(&d->disk, "wal-0000000000000004", true, &file), 0);
    assert_int_equal(d->disk.write(&d->disk, file, 0, "something else entirely", 23), 0);
    refused(d, "wal-0000000000000004", "not a log segment");
    disk_sim_free(d);
    d = make_log(&at, &end); /* unfinished files are removed */
    assert_int_equal(d->disk.open(&d->disk, "spare-0000000000000004.tmp", true, &file), 0);
    accepted(d, 18, false);
    assert_null(disk_sim_find(d, "spare-0000000000000004.tmp"));
    disk_sim_free(d);
}

static void test_newer_format(void **state)
{
    uint64_t at, end;
    struct disk_sim *d = make_log(&at, &end);

    (void)state;
    disk_sim_flip(d, "wal-0000000000000002", 11, 3); /* 1 becomes 2 */
    refused(d, "wal-0000000000000002", "format 2");
    disk_sim_free(d);
}

static void test_wrong_server(void **state)
{
    struct wal_config other = {.server = "server-2", .segment_size = 8192};
    uint64_t at, end;
    struct disk_sim *d = make_log(&at, &end);
    struct wal *w = NULL;

    (void)state;
    assert_int_equal(wal_keep_open(&keep, d, &other, &w), ERR_CONFLICT);
    assert_non_null(strstr(keep.err.text, "server-1"));
    assert_non_null(strstr(keep.err.text, "server-2"));
    disk_sim_free(d);
}

/* A segment of another log, in place of one's own. */
static void test_wrong_log(void **state)
{
    uint64_t at, end;
    struct disk_sim *a = make_log(&at, &end), *b = make_log(&at, &end);

    (void)state;
    memcpy(disk_sim_find(a, "wal-0000000000000002")->cache,
           disk_sim_find(b, "wal-0000000000000002")->cache, 8192);
    refused(a, "wal-0000000000000002", "another log");
    disk_sim_free(a);
    disk_sim_free(b);
}

/* Segments are gone that a snapshot stands for; then the snapshot is gone, too. */
static void test_missing_snapshot(void **state)
{
    uint64_t at, end;
    struct disk_sim *d = make_log(&at, &end);
    struct wal_snapshot_meta meta = {.index = 16, .term = 1};
    struct wal_snapshot_writer *s;
    struct wal *w = NULL;
    char name[WAL_NAME_MAX];

    (void)state;
    assert_int_equal(wal_keep_open(&keep, d, &small, &w), 0);
    memcpy(meta.log_id, wal_log_id(w), 16);
    assert_int_equal(wal_snapshot_create(&d->disk, &meta, &s), 0);
    assert_int_equal(wal_snapshot_finish(s, NULL), 0);
    assert_int_equal(wal_compact(w, 16, 16, 1), 0);
    wal_close(w);
    assert_null(disk_sim_find(d, "wal-0000000000000002"));
    assert_int_equal(wal_keep_open(&keep, d, &small, &w), 0);
    assert_int_equal(keep.last, 18);
    wal_close(w);
    wal_name_snapshot(16, 1, name);
    d->disk.remove(&d->disk, name);
    refused(d, "wal-0000000000000003", "snapshot");
    disk_sim_free(d);
}

/* Sectors of zeros that belong to the content are not missing ones. */
static void test_zeros_in_content(void **state)
{
    struct disk_sim *d = disk_sim_new(9);
    struct wal *w = NULL;
    static char zeros[3000];

    (void)state;
    assert_int_equal(wal_keep_open(&keep, d, &small, &w), 0);
    wal_put_entry(w, 1, 1, 2, (struct str){zeros, sizeof zeros});
    assert_int_equal(wal_commit(w), 0);
    wal_close(w);
    disk_sim_zero(d, "wal-0000000000000001", 512 + 3584, 8192 - 512 - 3584); /* no seal */
    disk_sim_flip(d, "wal-0000000000000001", 512 + 1500, 1);
    assert_int_equal(wal_keep_open(&keep, d, &small, &w), ERR_CORRUPT);
    disk_sim_free(d);
}

UNIT_MAIN(UNIT(test_sound), UNIT(test_torn), UNIT(test_flip_in_last_batch), UNIT(test_flip_before),
          UNIT(test_hole), UNIT(test_sealed), UNIT(test_missing), UNIT(test_foreign),
          UNIT(test_newer_format), UNIT(test_wrong_server), UNIT(test_wrong_log),
          UNIT(test_missing_snapshot), UNIT(test_zeros_in_content))
