/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gossip/gossip_keyring.h"
#include "tests/lib/unit.h"

#define KEY_A STR_LIT("aaaaaaaaaaaaaaaa")
#define KEY_B STR_LIT("bbbbbbbbbbbbbbbbbbbbbbbb")
#define KEY_C STR_LIT("cccccccccccccccccccccccccccccccc")

/* Install, use, remove as Consul's rules go. */
static void test_rules(void **state)
{
    struct gossip_keyring *k = gossip_keyring_new();

    (void)state;
    assert_int_equal(gossip_keyring_count(k), 0);
    assert_int_equal(gossip_keyring_add(k, STR_LIT("short")), ERR_INVALID);
    assert_int_equal(gossip_keyring_add(k, KEY_A), 0);
    assert_int_equal(gossip_keyring_add(k, KEY_B), 0);
    assert_int_equal(gossip_keyring_add(k, KEY_B), 0);
    assert_int_equal(gossip_keyring_count(k), 2);
    assert_str(gossip_keyring_at(k, 0), KEY_A);
    assert_int_equal(gossip_keyring_use(k, KEY_C), ERR_NOT_FOUND);
    assert_int_equal(gossip_keyring_remove(k, KEY_A), ERR_CONFLICT);
    assert_int_equal(gossip_keyring_use(k, KEY_B), 0);
    assert_str(gossip_keyring_at(k, 0), KEY_B);
    assert_str(gossip_keyring_at(k, 1), KEY_A);
    assert_int_equal(gossip_keyring_remove(k, KEY_C), 0);
    assert_int_equal(gossip_keyring_remove(k, KEY_A), 0);
    assert_int_equal(gossip_keyring_count(k), 1);
    gossip_keyring_free(k);
    assert_int_equal(gossip_keyring_count(NULL), 0);
}

/* There are only so many keys. */
static void test_bound(void **state)
{
    struct gossip_keyring *k = gossip_keyring_new();
    char key[17] = "0123456789abcd..";

    (void)state;
    for (int i = 0; i < GOSSIP_KEYS_MAX; i++) {
        key[14] = (char)i;
        assert_int_equal(gossip_keyring_add(k, str_make(key, 16)), 0);
    }
    assert_int_equal(gossip_keyring_add(k, KEY_C), ERR_TOO_LARGE);
    gossip_keyring_free(k);
}

/* The file's text, both ways; a bad one changes nothing. */
static void test_text(void **state)
{
    struct gossip_keyring *k = gossip_keyring_new();
    struct error err = {0};
    struct buf out = {0};

    (void)state;
    assert_int_equal(gossip_keyring_parse(k,
                                          STR_LIT("[\"YWFhYWFhYWFhYWFhYWFhYQ==\", "
                                                  "\"YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJi\"]\n"),
                                          &err),
                     0);
    assert_int_equal(gossip_keyring_count(k), 2);
    assert_str(gossip_keyring_at(k, 1), KEY_B);
    assert_true(gossip_keyring_parse(k, STR_LIT("[\"YQ==\"]"), &err) < 0);
    assert_true(gossip_keyring_parse(k, STR_LIT("{}"), &err) < 0);
    assert_true(gossip_keyring_parse(k, STR_LIT("[1]"), &err) < 0);
    assert_true(gossip_keyring_parse(k, STR_LIT("nonsense"), &err) < 0);
    assert_int_equal(gossip_keyring_count(k), 2);
    gossip_keyring_format(k, &out);
    assert_str(str_trim(buf_str(&out)),
               STR_LIT("[\"YWFhYWFhYWFhYWFhYWFhYQ==\",\"YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJi\"]"));
    buf_fini(&out);
    gossip_keyring_free(k);
}

/* Sealed by any key of the ring it opens; every changed byte and every other key is noticed. */
static void test_seal(void **state)
{
    static const uint8_t nonce[GOSSIP_NONCE_SIZE] = "nonce-nonce";
    struct gossip_keyring *k = gossip_keyring_new(), *old = gossip_keyring_new();
    struct buf sealed = {0}, plain = {0};

    (void)state;
    assert_int_equal(gossip_keyring_add(old, KEY_A), 0);
    gossip_keyring_seal(old, nonce, STR_LIT("aad"), STR_LIT("the text"), &sealed);
    assert_int_equal(sealed.n, 8 + GOSSIP_SEAL_SIZE);
    assert_int_equal(gossip_keyring_add(k, KEY_C), 0);
    assert_int_equal(gossip_keyring_open(k, STR_LIT("aad"), buf_str(&sealed), &plain), ERR_DENIED);
    assert_int_equal(gossip_keyring_add(k, KEY_A), 0);
    assert_int_equal(gossip_keyring_open(k, STR_LIT("aad"), buf_str(&sealed), &plain), 0);
    assert_str(buf_str(&plain), STR_LIT("the text"));
    assert_int_equal(gossip_keyring_open(k, STR_NONE, buf_str(&sealed), &plain), ERR_DENIED);
    for (size_t i = 0; i < sealed.n; i++) {
        sealed.p[i] ^= 1;
        buf_clear(&plain);
        assert_true(gossip_keyring_open(k, STR_LIT("aad"), buf_str(&sealed), &plain) < 0);
        assert_int_equal(plain.n, 0);
        sealed.p[i] ^= 1;
    }
    for (size_t n = 0; n < sealed.n; n++)
        assert_true(gossip_keyring_open(k, STR_LIT("aad"), str_take(buf_str(&sealed), n), &plain) <
                    0);
    buf_fini(&sealed);
    buf_fini(&plain);
    gossip_keyring_free(k);
    gossip_keyring_free(old);
}

UNIT_MAIN(UNIT(test_rules), UNIT(test_bound), UNIT(test_text), UNIT(test_seal))
