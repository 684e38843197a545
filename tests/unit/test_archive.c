/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tar in gzip: there and back, cut anywhere, damaged anywhere. */
#include "base/archive.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

static void make(struct buf *out)
{
    struct archive_file files[] = {
        {STR_LIT("a.txt"), STR_LIT("hello")},
        {STR_LIT("empty"), STR_NONE},
        {STR_LIT("c"), STR_LIT("0123456789abcdef")},
    };

    buf_init(out, 0);
    archive_write(files, 3, 1700000000, out);
    assert_false(out->failed);
}

static int read_back(struct str bytes, size_t limit)
{
    struct archive_file files[ARCHIVE_FILES_MAX];
    struct str found;
    struct error err;
    struct buf tar;
    size_t n;

    buf_init(&tar, limit);
    int rc = archive_read(bytes, &tar, files, &n, &err);
    if (rc == 0 && n == 3) {
        assert_true(archive_find(files, n, "a.txt", &found));
        assert_true(archive_find(files, n, "empty", &found));
        assert_int_equal(found.n, 0);
        assert_true(archive_find(files, n, "c", &found));
        assert_false(archive_find(files, n, "d", &found));
    }
    buf_fini(&tar);
    return rc;
}

static void there_and_back(void **state)
{
    struct buf b;

    make(&b);
    assert_int_equal(read_back(buf_str(&b), 0), 0);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(read_back(str_make(b.p, n), 0), ERR_CORRUPT);
    assert_int_equal(read_back(buf_str(&b), 2000), ERR_TOO_LARGE);
    assert_int_equal(read_back(STR_LIT("no archive"), 0), ERR_CORRUPT);
    buf_fini(&b);
    (void)state;
}

/* A file in pieces is the file as a whole; one that is not whole is told. */
static void in_pieces(void **state)
{
    const struct archive_file one = {STR_LIT("name"), STR_LIT("some bytes, and more")};
    struct archive_writer *w;
    struct buf whole, pieces;

    buf_init(&whole, 0);
    buf_init(&pieces, 0);
    archive_write(&one, 1, 5, &whole);
    w = archive_begin(5, &pieces);
    archive_file(w, one.name, one.bytes.n);
    for (size_t i = 0; i < one.bytes.n; i++)
        archive_put(w, str_make(one.bytes.p + i, 1));
    archive_end(w);
    assert_str(buf_str(&pieces), buf_str(&whole));
    buf_clear(&pieces);
    w = archive_begin(5, &pieces);
    archive_file(w, one.name, one.bytes.n);
    archive_put(w, str_take(one.bytes, 3));
    archive_end(w);
    assert_true(pieces.failed);
    buf_fini(&pieces);
    buf_fini(&whole);
    (void)state;
}

static void damaged(void **state)
{
    struct rng rng;
    struct buf b;

    make(&b);
    rng_init(&rng, 7);
    for (int i = 0; i < 3000; i++) {
        char *copy = mem_dup(b.p, b.n);

        copy[rng_below(&rng, b.n)] ^= (char)(1 << rng_below(&rng, 8));
        (void)read_back(str_make(copy, b.n), 1 << 20);
        mem_free(copy);
    }
    buf_fini(&b);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back),
                                       cmocka_unit_test(in_pieces), cmocka_unit_test(damaged)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
