/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pack.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

/* What is packed unpacks to the same, at the edges of every form. */
static void test_round(void **state)
{
    static const uint64_t uints[] = {0,     1,     127,        128,         255,       256,
                                     65535, 65536, 0xffffffff, 0x100000000, INT64_MAX, UINT64_MAX};
    static const int64_t ints[] = {
        -1, -32, -33, -128, -129, -32768, -32769, INT32_MIN, (int64_t)INT32_MIN - 1, INT64_MIN};
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536};
    char *bytes = mem_alloc(65536);
    struct buf b = {0};
    struct unpack u;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(uints); i++)
        pack_uint(&b, uints[i]);
    for (size_t i = 0; i < COUNT_OF(ints); i++)
        pack_int(&b, ints[i]);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        pack_str(&b, str_make(bytes, sizes[i]));
        pack_bin(&b, str_make(bytes, sizes[i]));
    }
    pack_array(&b, 3);
    pack_nil(&b);
    pack_bool(&b, true);
    pack_double(&b, -1.5);
    u = unpack_make(buf_str(&b));
    for (size_t i = 0; i < COUNT_OF(uints); i++)
        assert_true(unpack_uint(&u) == uints[i]);
    for (size_t i = 0; i < COUNT_OF(ints); i++)
        assert_true(unpack_int(&u) == ints[i]);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_int_equal(unpack_str(&u).n, sizes[i]);
        assert_int_equal(unpack_str(&u).n, sizes[i]);
    }
    assert_int_equal(unpack_array(&u), 3);
    assert_true(unpack_is_nil(&u));
    assert_false(unpack_is_nil(&u));
    assert_true(unpack_bool(&u));
    assert_false(unpack_is_end(&u));
    assert_true(unpack_double(&u) == -1.5);
    assert_true(unpack_is_end(&u));
    u = unpack_make(buf_str(&b));
    for (size_t i = 0; i < COUNT_OF(uints) + COUNT_OF(ints) + 2 * COUNT_OF(sizes) + 1; i++)
        unpack_skip(&u);
    assert_true(unpack_is_end(&u));
    buf_fini(&b);
    mem_free(bytes);
}

/* Integers take the shortest form, as go-msgpack writes them. */
static void test_shortest(void **state)
{
    struct buf b = {0};

    (void)state;
    pack_uint(&b, 5);
    pack_int(&b, 200);
    pack_int(&b, -5);
    pack_map(&b, 1);
    pack_str(&b, STR_LIT("k"));
    pack_bin(&b, STR_LIT("v"));
    assert_str(buf_str(&b), STR_LIT("\x05\xcc\xc8\xfb\x81\xa1k\xc4\x01v"));
    buf_fini(&b);
}

/* Lengths that claim more than there is, wrong kinds, and depth: bad at once, and bad for good. */
static void test_bad(void **state)
{
    static const struct str arrays[] = {STR_LIT("\xdd\xff\xff\xff\xff\x01"), STR_LIT("\x91"),
                                        STR_LIT("\xdc\x00\x02\x01"), STR_LIT("\xdd\x00")};
    static const struct str maps[] = {STR_LIT("\xdf\xff\xff\xff\xff\x01\x01"), STR_LIT("\x81\x01"),
                                      STR_LIT("\xde\x80\x00")};
    static const struct str texts[] = {STR_LIT("\xdb\xff\xff\xff\xffx"),
                                       STR_LIT("\xa2x"),
                                       STR_LIT("\xc6\x00\x00"),
                                       STR_LIT("\x05"),
                                       STR_LIT("\xc1"),
                                       STR_LIT("")};
    struct unpack u;
    char deep[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(arrays); i++) {
        u = unpack_make(arrays[i]);
        assert_int_equal(unpack_array(&u), 0);
        assert_true(u.bad);
        assert_true(unpack_uint(&u) == 0 && u.bad && !unpack_is_end(&u));
    }
    for (size_t i = 0; i < COUNT_OF(maps); i++) {
        u = unpack_make(maps[i]);
        assert_int_equal(unpack_map(&u), 0);
        assert_true(u.bad);
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        u = unpack_make(texts[i]);
        assert_null(unpack_str(&u).p);
        assert_true(u.bad);
    }
    u = unpack_make(STR_LIT("\xff"));
    assert_true(unpack_uint(&u) == 0 && u.bad);
    u = unpack_make(STR_LIT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert_true(unpack_int(&u) == 0 && u.bad);
    memset(deep, '\x91', sizeof(deep));
    deep[UNPACK_DEPTH_MAX] = 1;
    u = unpack_make(str_make(deep, UNPACK_DEPTH_MAX + 1));
    unpack_skip(&u);
    assert_true(u.bad);
    deep[UNPACK_DEPTH_MAX - 1] = 1;
    u = unpack_make(str_make(deep, UNPACK_DEPTH_MAX));
    unpack_skip(&u);
    assert_true(unpack_is_end(&u));
}

/* Other writers' forms are read: nil as no text, single floats, extensions skipped. */
static void test_foreign(void **state)
{
    struct unpack u = unpack_make(STR_LIT("\xc0\xca\x3f\xc0\x00\x00\xd6\x01"
                                          "abcd\xc7\x02\x05xy\xd0\x80\xd1\xff\x00\x03"));

    (void)state;
    assert_null(unpack_str(&u).p);
    assert_true(unpack_double(&u) == 1.5);
    unpack_skip(&u);
    unpack_skip(&u);
    assert_int_equal(unpack_int(&u), -128);
    assert_true(unpack_double(&u) == -256);
    assert_true(unpack_double(&u) == 3);
    assert_true(unpack_is_end(&u));
}

UNIT_MAIN(UNIT(test_round), UNIT(test_shortest), UNIT(test_bad), UNIT(test_foreign))
