/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Times come back after a restart, thinned or torn; those of another log do not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/fs_keep.h"
#include "tests/lib/unit.h"

struct place {
    char dir[64], raft[80], file[96];
};

static void make_place(struct place *p)
{
    (void)snprintf(p->dir, sizeof(p->dir), "/tmp/disco-keep-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->raft, sizeof(p->raft), "%s/raft", p->dir);
    (void)snprintf(p->file, sizeof(p->file), "%s/mount-times", p->dir);
    assert_int_equal(mkdir(p->raft, 0700), 0);
}

static void remove_place(struct place *p)
{
    unlink(p->file);
    rmdir(p->raft);
    assert_int_equal(rmdir(p->dir), 0);
}

static void test_restart(void **state)
{
    struct place p;
    struct fs_times t;
    struct fs_keep k;
    make_place(&p);
    fs_times_init(&t);
    fs_keep_open(&k, p.dir, &t);
    assert_int_equal(t.n, 0);
    for (uint64_t i = 1; i < 3 * FS_TIMES_MAX; i++)
        fs_keep_note(&k, &t, i * 2, (int64_t)i * 1000000);
    fs_keep_close(&k);
    struct fs_times again;
    fs_times_init(&again);
    fs_keep_open(&k, p.dir, &again);
    assert_int_equal(again.n, t.n);
    for (uint64_t i = 1; i < 6 * FS_TIMES_MAX - 2; i += 77)
        assert_int_equal(fs_times_get(&again, i), fs_times_get(&t, i));
    fs_keep_close(&k);

    /* Cut in the middle of a note: the others count. */
    struct stat st;
    assert_int_equal(stat(p.file, &st), 0);
    assert_int_equal(truncate(p.file, st.st_size - 5), 0);
    fs_times_fini(&again);
    fs_times_init(&again);
    fs_keep_open(&k, p.dir, &again);
    assert_int_equal(again.n, t.n - 1);
    fs_keep_close(&k);
    fs_times_fini(&again);
    fs_times_fini(&t);
    remove_place(&p);
}

static void test_another_log(void **state)
{
    struct place p;
    struct fs_times t;
    struct fs_keep k;
    make_place(&p);
    fs_times_init(&t);
    fs_keep_open(&k, p.dir, &t);
    fs_keep_note(&k, &t, 1000, 5);
    fs_keep_close(&k);
    fs_times_fini(&t);
    char moved[96];
    (void)snprintf(moved, sizeof(moved), "%s.old", p.raft); /* its inode is not used again */
    assert_int_equal(rename(p.raft, moved), 0);
    assert_int_equal(mkdir(p.raft, 0700), 0);
    fs_times_init(&t);
    fs_keep_open(&k, p.dir, &t);
    assert_int_equal(t.n, 0);
    fs_keep_close(&k);
    fs_times_fini(&t);
    rmdir(moved);
    remove_place(&p);
}

static void test_nowhere(void **state)
{
    struct fs_times t;
    struct fs_keep k;
    fs_times_init(&t);
    fs_keep_open(&k, NULL, &t);
    fs_keep_note(&k, &t, 3, 5);
    assert_int_equal(fs_times_get(&t, 3), 5);
    fs_keep_close(&k);
    fs_times_fini(&t);
}

UNIT_MAIN(UNIT(test_restart), UNIT(test_another_log), UNIT(test_nowhere))
