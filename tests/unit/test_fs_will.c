/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was flushed is read by the next life, the last value of each entry; a torn end is left out;
 * a log that is mostly replaced is made small; a file that is none is refused.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/fs_will.h"
#include "tests/lib/unit.h"

static void on_entry(void *data, enum fs_will_kind kind, uint64_t key, struct str value)
{
    buf_putf(data, "%d/%llu=%.*s ", (int)kind, (unsigned long long)key, STR_ARG(value));
}

static const char *all(struct fs_will *w, struct buf *out)
{
    buf_clear(out);
    assert_int_equal(fs_will_read(w, on_entry, out), 0);
    return buf_z(out);
}

/* The next life of the same file. */
static struct fs_will *reborn(struct fs_will *w)
{
    struct fs_will *next;
    struct error err;
    int fd = dup(w->fd);
    fs_will_free(w);
    assert_int_equal(fs_will_open(fd, &next, &err), 0);
    return next;
}

static void test_last_value_counts(void **state)
{
    struct fs_will *w;
    struct error err;
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(fs_will_new(&w, &err), 0);
    fs_will_put(w, FS_WILL_INODE, 7, STR_LIT("a"));
    fs_will_put(w, FS_WILL_HANDLE, 7, STR_LIT("h"));
    fs_will_put(w, FS_WILL_INODE, 8, STR_LIT("b"));
    assert_int_equal(fs_will_flush(w), 0);
    fs_will_put(w, FS_WILL_INODE, 7, STR_LIT("c"));
    fs_will_drop(w, FS_WILL_INODE, 8);
    fs_will_put(w, FS_WILL_MOUNT, 0, STR_LIT("m"));
    assert_int_equal(fs_will_flush(w), 0);
    fs_will_put(w, FS_WILL_INODE, 9, STR_LIT("never told"));
    w = reborn(w);
    assert_string_equal(all(w, &out), "1/0=m 3/7=c 4/7=h ");
    assert_int_equal(fs_will_set(w, 5, 2), 0);
    fs_will_put(w, FS_WILL_INODE, 8, STR_LIT("again"));
    assert_int_equal(fs_will_flush(w), 0);
    w = reborn(w);
    assert_int_equal(w->life, 5);
    assert_int_equal(w->tries, 2);
    assert_string_equal(all(w, &out), "1/0=m 3/7=c 3/8=again 4/7=h ");
    fs_will_free(w);
    buf_fini(&out);
}

/* Cut anywhere, with rests of what stood there before behind the cut: whole records count. */
static void test_torn_end(void **state)
{
    for (uint64_t lost = 1; lost < 43; lost++) {
        struct fs_will *w;
        struct error err;
        struct buf out;
        buf_init(&out, 0);
        assert_int_equal(fs_will_new(&w, &err), 0);
        fs_will_put(w, FS_WILL_INODE, 1, STR_LIT("whole"));
        fs_will_put(w, FS_WILL_INODE, 2, STR_LIT("torn"));
        fs_will_put(w, FS_WILL_INODE, 3, STR_LIT("lost"));
        assert_int_equal(fs_will_flush(w), 0);
        assert_int_equal(ftruncate(w->fd, (off_t)(w->end - lost)), 0);
        assert_int_equal(ftruncate(w->fd, (off_t)w->end), 0);
        w = reborn(w);
        assert_string_equal(all(w, &out), lost < 4     ? "3/1=whole 3/2=torn "
                                          : lost <= 21 ? "3/1=whole 3/2=torn "
                                                       : "3/1=whole ");
        fs_will_put(w, FS_WILL_INODE, 4, STR_LIT("x"));
        assert_int_equal(fs_will_flush(w), 0);
        w = reborn(w);
        assert_non_null(strstr(all(w, &out), "3/4=x "));
        fs_will_free(w);
        buf_fini(&out);
    }
}

static void test_stays_small(void **state)
{
    struct fs_will *w;
    struct error err;
    struct buf out;
    struct stat st;
    char value[1000];
    memset(value, 'v', sizeof(value));
    buf_init(&out, 0);
    assert_int_equal(fs_will_new(&w, &err), 0);
    fs_will_put(w, FS_WILL_MOUNT, 0, STR_LIT("stays"));
    for (uint64_t i = 0; i < 20000; i++) {
        fs_will_put(w, FS_WILL_INODE, i % 10, str_make(value, sizeof(value)));
        assert_int_equal(fs_will_flush(w), 0);
    }
    for (uint64_t i = 0; i < 10; i++)
        fs_will_put(w, FS_WILL_INODE, i, STR_LIT("z"));
    assert_int_equal(fs_will_flush(w), 0);
    assert_int_equal(fstat(w->fd, &st), 0);
    assert_true(st.st_blocks * 512 < 3 * 1024 * 1024);
    w = reborn(w);
    assert_string_equal(all(w, &out), "1/0=stays 3/0=z 3/1=z 3/2=z 3/3=z 3/4=z 3/5=z 3/6=z 3/7=z "
                                      "3/8=z 3/9=z ");
    fs_will_free(w);
    buf_fini(&out);
}

static void test_none(void **state)
{
    struct fs_will *w;
    struct error err;
    assert_int_equal(fs_will_new(&w, &err), 0);
    int fd = dup(w->fd);
    fs_will_free(w);
    assert_int_equal(pwrite(fd, "x", 1, 20), 1);
    assert_int_equal(fs_will_open(fd, &w, &err), ERR_CORRUPT);
    FILE *f = tmpfile();
    fd = dup(fileno(f));
    (void)fclose(f);
    assert_true(fs_will_open(fd, &w, &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_value_counts),
        cmocka_unit_test(test_torn_end),
        cmocka_unit_test(test_stays_small),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
