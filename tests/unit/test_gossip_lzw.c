/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/encode.h"
#include "base/rng.h"
#include "gossip/gossip_lzw.h"
#include "tests/lib/gossip_vectors.h"
#include "tests/lib/unit.h"

static void check_vector(const struct vector *v)
{
    struct gossip_lzw *z = gossip_lzw_new();
    struct buf plain = {0}, out = {0};
    struct str hex = STR_NONE;
    struct buf hex_bytes = {0};

    assert_int_equal(jread_str(jread_get(v->decoded, "plain"), &hex), 0);
    assert_int_equal(encode_hex_parse(hex, &hex_bytes), 0);
    assert_int_equal(gossip_lzw_decode(z, buf_str(&v->bytes), 1 << 24, &plain), 0);
    if (!str_eq(buf_str(&plain), buf_str(&hex_bytes)))
        fail_msg("%.*s decodes to something else", STR_ARG(v->name));
    gossip_lzw_encode(z, buf_str(&plain), &out);
    if (!str_eq(buf_str(&out), buf_str(&v->bytes)))
        fail_msg("%.*s encodes to something else", STR_ARG(v->name));
    buf_fini(&plain);
    buf_fini(&out);
    buf_fini(&hex_bytes);
    gossip_lzw_free(z);
}

/* The reference's bytes, both ways, resets of the table and edges of widths among them. */
static void test_vectors(void **state)
{
    (void)state;
    assert_int_equal(gossip_vectors_each("lzw", check_vector), 19);
}

/* What is encoded decodes to the same, from all-alike to random, past several resets. */
static void test_round_trip(void **state)
{
    struct gossip_lzw *z = gossip_lzw_new();
    struct buf plain = {0}, packed = {0}, again = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 4);
    for (int i = 0; i < 200; i++) {
        size_t n = rng_below(&rng, i < 190 ? 3000 : 60000);
        uint64_t letters = 1 + rng_below(&rng, 256);

        buf_clear(&plain);
        buf_clear(&packed);
        buf_clear(&again);
        for (size_t j = 0; j < n; j++)
            buf_put_u8(&plain, (uint8_t)rng_below(&rng, letters));
        gossip_lzw_encode(z, buf_str(&plain), &packed);
        assert_int_equal(gossip_lzw_decode(z, buf_str(&packed), n, &again), 0);
        assert_true(str_eq(buf_str(&plain), buf_str(&again)));
        if (n > 0) {
            buf_clear(&again);
            assert_int_equal(gossip_lzw_decode(z, buf_str(&packed), n - 1, &again), ERR_TOO_LARGE);
        }
    }
    buf_fini(&plain);
    buf_fini(&packed);
    buf_fini(&again);
    gossip_lzw_free(z);
}

/* A stream without its end, and codes above the next free one. */
static void test_damage(void **state)
{
    struct gossip_lzw *z = gossip_lzw_new();
    struct buf out = {0};

    (void)state;
    assert_int_equal(gossip_lzw_decode(z, STR_NONE, 100, &out), ERR_CORRUPT);
    assert_int_equal(gossip_lzw_decode(z, STR_LIT("\x00\xc3"), 100, &out), ERR_CORRUPT);
    assert_int_equal(gossip_lzw_decode(z, STR_LIT("\xff\xff\xff\xff"), 100, &out), ERR_CORRUPT);
    buf_fini(&out);
    gossip_lzw_free(z);
}

/* A megabyte of zeros is two kilobytes: the bound is what stops it. */
static void test_bomb(void **state)
{
    struct gossip_lzw *z = gossip_lzw_new();
    struct buf plain = {0}, packed = {0}, out = {0};

    (void)state;
    for (int i = 0; i < 1 << 20; i++)
        buf_put_c(&plain, 0);
    gossip_lzw_encode(z, buf_str(&plain), &packed);
    assert_true(packed.n < 4096);
    assert_int_equal(gossip_lzw_decode(z, buf_str(&packed), 65536, &out), ERR_TOO_LARGE);
    assert_true(out.n <= 65536);
    buf_fini(&plain);
    buf_fini(&packed);
    buf_fini(&out);
    gossip_lzw_free(z);
}

UNIT_MAIN(UNIT(test_vectors), UNIT(test_round_trip), UNIT(test_damage), UNIT(test_bomb))
