/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/encode.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

static struct str random_bytes(struct rng *rng, char dst[64])
{
    size_t n = rng_below(rng, 64);

    for (size_t i = 0; i < n; i++)
        dst[i] = (char)rng_u64(rng);
    return str_make(dst, n);
}

/* RFC 4648 10. */
static void test_base64(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zg===", "Zm9v=", "====", "Zm 9v===", "Zm9\n", "Z-9v", "Zg=g", "A=AA"};
    struct buf b = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        encode_base64(str_z(cases[i][0]), &b);
        assert_str(buf_str(&b), str_z(cases[i][1]));
        buf_clear(&b);
        assert_int_equal(encode_base64_parse(str_z(cases[i][1]), &b), 0);
        assert_str(buf_str(&b), str_z(cases[i][0]));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(encode_base64_parse(str_z(bad[i]), &b), ERR_INVALID);
    buf_fini(&b);
}

/* Every encoding is undone by its decoding. */
static void test_inverse(void **state)
{
    struct buf text = {0}, back = {0};
    char room[64];
    struct rng rng;

    (void)state;
    rng_init(&rng, 11);
    for (int i = 0; i < 20000; i++) {
        struct str bytes = random_bytes(&rng, room);

        for (int how = 0; how < 4; how++) {
            buf_clear(&text);
            buf_clear(&back);
            switch (how) {
            case 0:
                encode_base64(bytes, &text);
                assert_int_equal(encode_base64_parse(buf_str(&text), &back), 0);
                break;
            case 1:
                encode_hex(bytes, &text);
                assert_int_equal(encode_hex_parse(buf_str(&text), &back), 0);
                break;
            default:
                encode_percent(bytes, how == 2, &text);
                assert_int_equal(encode_percent_parse(buf_str(&text), how == 3, &back), 0);
            }
            assert_str(buf_str(&back), bytes);
        }
    }
    buf_fini(&text);
    buf_fini(&back);
}

static void test_percent(void **state)
{
    struct buf b = {0};

    (void)state;
    encode_percent(STR_LIT("a/b c+%\0\xff~._-"), true, &b);
    assert_str(buf_str(&b), STR_LIT("a/b%20c%2B%25%00%FF~._-"));
    buf_clear(&b);
    assert_int_equal(encode_percent_parse(STR_LIT("a+b%2f%2F%"), true, &b), ERR_INVALID);
    assert_int_equal(encode_percent_parse(STR_LIT("%2"), true, &b), ERR_INVALID);
    assert_int_equal(encode_percent_parse(STR_LIT("%gg"), true, &b), ERR_INVALID);
    buf_clear(&b);
    assert_int_equal(encode_percent_parse(STR_LIT("a+b%2f%2F%252F"), true, &b), 0);
    assert_str(buf_str(&b), STR_LIT("a b//%2F"));
    buf_fini(&b);
}

static void test_hex_and_uuid(void **state)
{
    struct buf b = {0};
    char uuid[37];

    (void)state;
    assert_int_equal(encode_hex_parse(STR_LIT("0fF"), &b), ERR_INVALID);
    assert_int_equal(encode_hex_parse(STR_LIT("0g"), &b), ERR_INVALID);
    assert_int_equal(encode_hex_parse(STR_LIT("0fF0"), &b), 0);
    assert_str(buf_str(&b), STR_LIT("\x0f\xf0"));
    buf_fini(&b);
    rng_uuid(uuid);
    assert_true(encode_is_uuid(str_z(uuid)));
    assert_true(encode_is_uuid(STR_LIT("ADF4238a-882b-9ddc-4a9d-5b6758e4159e")));
    assert_false(encode_is_uuid(STR_LIT("adf4238a-882b-9ddc-4a9d-5b6758e4159")));
    assert_false(encode_is_uuid(STR_LIT("adf4238a-882b-9ddc-4a9d-5b6758e4159g")));
    assert_false(encode_is_uuid(STR_LIT("adf4238a0882b-9ddc-4a9d-5b6758e4159e")));
}

UNIT_MAIN(UNIT(test_base64), UNIT(test_inverse), UNIT(test_percent), UNIT(test_hex_and_uuid))
