/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every key has exactly one path and every path leads back to its key; no name is longer than a
 * file system allows; what is not canonical is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fs/fs_path.h"

#define RANDOM_KEYS 20000

struct keys {
    struct map paths; /* path -> its key */
    size_t n;
};

static void check_names(struct str path)
{
    struct str rest = path;
    while (rest.p) {
        struct str name = str_split(&rest, '/');
        assert_true(name.n > 0 && name.n <= FS_PATH_NAME_MAX - (rest.p ? 0 : 2));
        assert_false(str_eq_z(name, ".") || str_eq_z(name, ".."));
        assert_true(str_is_utf8(name));
        for (size_t i = 0; i < name.n; i++)
            assert_true((unsigned char)name.p[i] >= 0x20 && name.p[i] != 0x7f);
    }
}

/* Encodes, decodes, and notes the path: two keys never share one. */
static void check_key(struct keys *keys, struct str key)
{
    struct buf path, back;
    buf_init(&path, 0);
    buf_init(&back, 0);
    fs_path_encode(key, &path);
    check_names(buf_str(&path));
    assert_int_equal(fs_path_decode(buf_str(&path), &back), 0);
    assert_true(str_eq(buf_str(&back), key));
    char *copy = str_dup_z(key);
    char *other = map_set(&keys->paths, buf_str(&path), copy);
    if (other)
        assert_true(strlen(other) == strlen(copy) && strcmp(other, copy) == 0);
    mem_free(other);
    keys->n++;
    buf_fini(&path);
    buf_fini(&back);
}

static void keys_fini(struct keys *keys)
{
    MAP_FOREACH (&keys->paths, e)
        mem_free(e->value);
    map_fini(&keys->paths);
}

/* Keys that are texts, with the path they must have (NULL: only that it is one-to-one). */
static const char *const VECTORS[][2] = {
    {"a", "a"},
    {"a/", "a/%"},
    {"a/b", "a/b"},
    {"a//b", "a/%/b"},
    {"a-b", "a-b"},
    {"a0", "a0"},
    {"a%", "a%25"},
    {"a%25", "a%2525"},
    {"a%v", "a%25v"},
    {"a%/b", "a%25/b"},
    {"%", "%25"},
    {"/", "%/%"},
    {"//", "%/%/%"},
    {"///x", "%/%/%/x"},
    {"/lead", "%/lead"},
    {".", "%2E"},
    {"..", "%2E%2E"},
    {"...", "..."},
    {".x", ".x"},
    {"a/.", "a/%2E"},
    {"a/..", "a/%2E%2E"},
    {"a/../b", "a/%2E%2E/b"},
    {"./a", "%2E/a"},
    {" ", " "},
    {"a b", "a b"},
    {"*", "*"},
    {"-rf", "-rf"},
    {"~", "~"},
    {"a\\b", "a\\b"},
    {"tab\t", "tab%09"},
    {"nl\n", "nl%0A"},
    {"\xff\xfe", "%FF%FE"},
    {"\xc3\xa9", "\xc3\xa9"},
    {"e\xcc\x81", "e\xcc\x81"},
    {"\xe2\x80\xa8", "\xe2\x80\xa8"},
    {"UPPER", "UPPER"},
    {"upper", "upper"},
    {"foo", "foo"},
    {"foo/", "foo/%"},
    {"foobar", "foobar"},
    {"foo/bar", "foo/bar"},
    {".snapshot", ".snapshot"},
    {"%+", "%25+"},
    {"a%+/b", "a%25+/b"},
    {"\x7f", "%7F"},
    {"\xed\xa0\x80", "%ED%A0%80"},
    {"\xc0\xaf", "%C0%AF"},
    {"\xf4\x90\x80\x80", "%F4%90%80%80"},
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    {"100%", "100%25"},
};

static void test_vectors(void **state)
{
    struct keys keys = {.n = 0};
    map_init(&keys.paths, 1);
    for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
        struct buf path;
        buf_init(&path, 0);
        check_key(&keys, str_z(VECTORS[i][0]));
        fs_path_encode(str_z(VECTORS[i][0]), &path);
        assert_string_equal(buf_z(&path), VECTORS[i][1]);
        buf_fini(&path);
    }
    check_key(&keys, str_make("nul\0k", 5));
    keys_fini(&keys);
}

static void put_times(struct buf *b, const char *unit, size_t n)
{
    buf_clear(b);
    while (n--)
        buf_put_z(b, unit);
}

static void test_long_components(void **state)
{
    static const size_t sizes[] = {1, 250, 252, 253, 254, 255, 256, 257, 300, 506, 507, 759, 765};
    struct keys keys = {.n = 0};
    struct buf key, path;
    map_init(&keys.paths, 1);
    buf_init(&key, 0);
    buf_init(&path, 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        static const char *const tails[] = {"",  ".", "..", "\xc3\xa9", "\xff",
                                            "%", "/", "/x", "//"};
        for (size_t t = 0; t < sizeof(tails) / sizeof(tails[0]); t++) {
            put_times(&key, "k", sizes[i]);
            buf_put_z(&key, tails[t]);
            check_key(&keys, buf_str(&key));
        }
    }
    put_times(&key, "\xc3\xa9", 128);
    check_key(&keys, buf_str(&key));
    put_times(&key, "%", 86);
    check_key(&keys, buf_str(&key));
    put_times(&key, "x", 70000);
    check_key(&keys, buf_str(&key));
    put_times(&key, "d/", 3000);
    buf_put_c(&key, 'x');
    check_key(&keys, buf_str(&key));

    put_times(&key, "k", 300);
    fs_path_encode(buf_str(&key), &path);
    assert_int_equal(path.n, 253 + 2 + 1 + 47);
    assert_int_equal(str_search(buf_str(&path), STR_LIT("%+/")), 253);
    buf_fini(&path);
    buf_fini(&key);
    keys_fini(&keys);
}

static void test_random_keys(void **state)
{
    static const char alphabet[] = {'/', '%', '.', 'a', (char)0xff, '\0'};
    struct keys keys = {.n = 0};
    struct rng rng;
    map_init(&keys.paths, 1);
    rng_init(&rng, 20260131);
    for (int i = 0; i < RANDOM_KEYS; i++) {
        char key[600];
        size_t n = 1 + rng_below(&rng, rng_below(&rng, 4) ? 12 : sizeof(key));
        for (size_t k = 0; k < n; k++)
            key[k] = alphabet[rng_below(&rng, i % 2 ? sizeof(alphabet) : 4)];
        check_key(&keys, str_make(key, n));
    }
    /* Long runs of two-, three- and one-byte units, so that cuts fall at every place. */
    for (int i = 0; i < 2000; i++) {
        static const char *const units[] = {"k", "\xc3\xa9", "\xe2\x80\xa8", "\xc3", "\xa9", "\n"};
        struct buf key;
        buf_init(&key, 0);
        for (size_t k = 240 + rng_below(&rng, 300); k > 0; k--)
            buf_put_z(&key, units[rng_below(&rng, rng_below(&rng, 30) ? 1 : 6)]);
        check_key(&keys, buf_str(&key));
        buf_fini(&key);
    }
    keys_fini(&keys);
}

/* Only canonical names exist. */
static void test_refused(void **state)
{
    static const char *const names[] = {"%61", "%zz", "100%", "%2e", "a%2f", "%",    "%v",  "%t",
                                        "%+",  "a%+", "%%",   "a%2", "%25%", "%+%v", "%%%v"};
    struct buf key;
    enum fs_path_kind kind;
    buf_init(&key, 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int r = fs_path_parse(STR_LIT("d/"), str_z(names[i]), &key, &kind);
        if (str_eq_z(str_z(names[i]), "%"))
            assert_int_equal(r, 0);
        else
            assert_int_equal(r, ERR_INVALID);
    }
    char name[257];
    memset(name, 'k', sizeof(name));
    assert_int_equal(fs_path_parse(STR_LIT(""), str_make(name, 254), &key, &kind), ERR_INVALID);
    assert_int_equal(fs_path_parse(STR_LIT(""), str_make(name, 253), &key, &kind), 0);
    assert_true(fs_path_parse(STR_LIT(""), str_make(name, 256), &key, &kind) < 0);
    buf_fini(&key);
}

static void test_faces(void **state)
{
    struct buf key;
    enum fs_path_kind kind;
    buf_init(&key, 0);
    assert_int_equal(fs_path_parse(STR_LIT("d/"), STR_LIT("a%v"), &key, &kind), 0);
    assert_int_equal(kind, FS_PATH_VALUE);
    assert_true(str_eq_z(buf_str(&key), "d/a"));
    assert_int_equal(fs_path_parse(STR_LIT("d/"), STR_LIT("%%t"), &key, &kind), 0);
    assert_int_equal(kind, FS_PATH_TREE);
    assert_true(str_eq_z(buf_str(&key), "d/"));
    assert_int_equal(fs_path_parse(STR_LIT(""), STR_LIT("a%25%v"), &key, &kind), 0);
    assert_int_equal(kind, FS_PATH_VALUE);
    assert_true(str_eq_z(buf_str(&key), "a%"));
    buf_fini(&key);
}

/* The inside of a cut component holds only the keys that are cut just there. */
static void test_step_membership(void **state)
{
    struct buf dir, key, name;
    struct fs_path_step step;
    buf_init(&dir, 0);
    buf_init(&key, 0);
    buf_init(&name, 0);
    put_times(&dir, "k", 252);
    put_times(&key, "k", 252);
    buf_put_z(&key, "\xc3\xa9z");
    assert_true(fs_path_step(buf_str(&dir), buf_str(&key), &name, &step));
    assert_true(step.is_last && !step.continued);
    assert_string_equal(buf_z(&name), "\xc3\xa9z");
    put_times(&key, "k", 300);
    assert_false(fs_path_step(buf_str(&dir), buf_str(&key), &name, &step));
    put_times(&key, "k", 252);
    assert_false(fs_path_step(buf_str(&dir), buf_str(&key), &name, &step));
    assert_false(fs_path_step(STR_LIT("b/"), STR_LIT("a/x"), &name, &step));
    buf_fini(&dir);
    buf_fini(&key);
    buf_fini(&name);
}

static void test_labels(void **state)
{
    struct buf name, text;
    buf_init(&name, 0);
    buf_init(&text, 0);
    static const char *const texts[][2] = {
        {"web", "web"}, {"a/b", "a%2Fb"}, {"..", "%2E%2E"}, {"", "%"}, {"Sp ace", "Sp ace"}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(fs_path_label(str_z(texts[i][0]), &name));
        assert_string_equal(buf_z(&name), texts[i][1]);
        assert_int_equal(fs_path_label_parse(buf_str(&name), &text), 0);
        assert_true(str_eq_z(buf_str(&text), texts[i][0]));
    }
    assert_int_equal(fs_path_label_parse(STR_LIT("a%2fb"), &text), ERR_INVALID);
    assert_int_equal(fs_path_label_parse(STR_LIT("a%v"), &text), ERR_INVALID);
    put_times(&text, "s", 256);
    assert_false(fs_path_label(buf_str(&text), &name));
    buf_fini(&name);
    buf_fini(&text);
}

static int check_memory(void **state)
{
    return mem_outstanding() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),     cmocka_unit_test(test_long_components),
        cmocka_unit_test(test_random_keys), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_faces),       cmocka_unit_test(test_step_membership),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests_name("fs_path", tests, NULL, check_memory);
}
