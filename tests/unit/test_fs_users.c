/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/fs_users.h"
#include "tests/lib/unit.h"

static const char *token(const struct fs_users *u, uid_t uid)
{
    static char text[64];
    struct str t;
    if (!fs_users_find(u, uid, &t))
        return "none";
    assert_true(str_copy_z(t, text, sizeof(text)));
    return text;
}

/* Names and numbers, comments, everybody else; a map that is none changes nothing. */
static void test_text(void **state)
{
    struct fs_users *u = fs_users_new();
    struct error err;
    (void)state;
    assert_string_equal(token(u, 0), "none");
    assert_int_equal(
        fs_users_parse(u, "m", STR_LIT("# who\n\n 7 seven\n5\tfive \nroot  zero\n"), &err), 0);
    assert_int_equal(fs_users_count(u), 3);
    assert_string_equal(token(u, 7), "seven");
    assert_string_equal(token(u, 5), "five");
    assert_string_equal(token(u, 0), "zero");
    assert_string_equal(token(u, 6), "none");
    assert_int_equal(fs_users_parse(u, "m", STR_LIT("* all\n5 five"), &err), 0);
    assert_string_equal(token(u, 6), "all");
    assert_string_equal(token(u, 5), "five");

    static const struct {
        const char *text, *why;
    } bad[] = {
        {"5", "mount.users: m:1: a line is a user and a token"},
        {"\n5 a b", "mount.users: m:2: a line is a user and a token"},
        {"no-such-user x", "mount.users: m:1: there is no user \"no-such-user\""},
        {"5 a\n5 b", "mount.users: m:2: a second line for user 5"},
        {"* a\n* b", "mount.users: m:2: a second line for *"},
        {"4294967295 a", "mount.users: m:1: there is no user \"4294967295\""},
        {"5 /no/such", "mount.users: m:1: mount.users: /no/such: No such file or directory"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_true(fs_users_parse(u, "m", str_z(bad[i].text), &err) < 0);
        assert_string_equal(err.text, bad[i].why);
        assert_string_equal(token(u, 6), "all");
    }
    fs_users_free(u);
}

static void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(chmod(path, mode), 0);
}

/* Only what nobody else may read; a token may stand in a file of its own. */
static void test_files(void **state)
{
    char map[] = "/tmp/disco-users.XXXXXX", file[64], text[128];
    struct fs_users *u = fs_users_new();
    struct error err;
    (void)state;
    close(mkstemp(map));
    (void)snprintf(file, sizeof(file), "%s.token", map);
    (void)snprintf(text, sizeof(text), "9 %s\n", file);
    put(map, text, 0600);
    put(file, "secret\nrest\n", 0600);
    assert_int_equal(fs_users_load(u, map, &err), 0);
    assert_string_equal(token(u, 9), "secret");
    struct str before, after;
    assert_true(fs_users_find(u, 9, &before));
    assert_int_equal(fs_users_load(u, map, &err), 0);
    assert_true(fs_users_find(u, 9, &after));
    assert_ptr_equal(before.p, after.p); /* borrowed over a reload */
    put(file, "secret\n", 0640);
    assert_true(fs_users_load(u, map, &err) < 0);
    put(file, "\n", 0600);
    assert_true(fs_users_load(u, map, &err) < 0);
    put(file, "secret\n", 0600);
    put(map, text, 0604);
    assert_true(fs_users_load(u, map, &err) < 0);
    assert_true(fs_users_load(u, "/tmp", &err) < 0);
    assert_string_equal(token(u, 9), "secret");
    unlink(map);
    unlink(file);
    fs_users_free(u);
}

UNIT_MAIN(UNIT(test_text), UNIT(test_files))
