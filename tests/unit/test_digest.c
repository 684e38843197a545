/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/digest.h"
#include "base/encode.h"
#include "base/rng.h"
#include "tests/lib/unit.h"

/* FIPS 180-2 examples. */
static void test_sha256(void **state)
{
    uint8_t hash[32];
    struct buf hex = {0};

    (void)state;
    digest_sha256(STR_LIT("abc"), hash);
    encode_hex(str_make(hash, 32), &hex);
    assert_str(buf_str(&hex),
               STR_LIT("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    buf_clear(&hex);
    digest_sha256(STR_NONE, hash);
    encode_hex(str_make(hash, 32), &hex);
    assert_str(buf_str(&hex),
               STR_LIT("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    buf_fini(&hex);
}

/* The polynomial bit by bit: slow and plain. */
static uint32_t crc32c_by_bits(uint32_t crc, const unsigned char *p, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

/* RFC 3720 B.4, and that pieces of any length and alignment give what the definition gives. */
static void test_crc32c(void **state)
{
    unsigned char bytes[300];
    struct rng rng;

    (void)state;
    assert_int_equal(digest_crc32c(0, STR_LIT("123456789")), 0xe3069283);
    memset(bytes, 0, 32);
    assert_int_equal(digest_crc32c(0, str_make(bytes, 32)), 0x8a9136aa);
    rng_init(&rng, 9);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)rng_u64(&rng);
    for (int i = 0; i < 2000; i++) {
        size_t from = rng_below(&rng, 16), n = rng_below(&rng, 280), cut = rng_below(&rng, n + 1);
        uint32_t crc = digest_crc32c(0, str_make(bytes + from, cut));

        crc = digest_crc32c(crc, str_make(bytes + from + cut, n - cut));
        assert_int_equal(crc, crc32c_by_bits(0, bytes + from, n));
        assert_int_equal(digest_crc32c_portable(0, str_make(bytes + from, n)), crc);
    }
}

/* The check value of the catalogue of CRCs, whole and in two pieces. */
static void test_crc32(void **state)
{
    (void)state;
    assert_int_equal(digest_crc32(0, STR_LIT("123456789")), 0xcbf43926);
    assert_int_equal(digest_crc32(digest_crc32(0, STR_LIT("1234")), STR_LIT("56789")), 0xcbf43926);
    assert_int_equal(digest_crc32(0, STR_NONE), 0);
}

UNIT_MAIN(UNIT(test_sha256), UNIT(test_crc32c), UNIT(test_crc32))
