/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "base/encode.h"
#include "base/pack.h"
#include "gossip/gossip_lzw.h"
#include "gossip/gossip_packet.h"
#include "tests/lib/gossip_vectors.h"
#include "tests/lib/unit.h"

/* A pool's settings for one vector; the nonce of what is sealed is the recorded one. */
static uint8_t nonce[GOSSIP_NONCE_SIZE];
static void recorded_nonce(void *dst, size_t n)
{
    memcpy(dst, nonce, n);
}

static void settings(struct gossip_packet *p, const struct vector *v)
{
    const struct jvalue *seal = gossip_vectors_layer(v, "encrypt");
    struct str hex = STR_NONE;
    struct buf bytes = {0};

    gossip_packet_init(p);
    p->keyring = gossip_keyring_new();
    if (v->key.n > 0)
        assert_int_equal(gossip_keyring_add(p->keyring, buf_str(&v->key)), 0);
    p->label = v->label;
    p->random = recorded_nonce;
    p->no_compression = !gossip_vectors_layer(v, "compress");
    if (seal) {
        assert_int_equal(jread_str(jread_get(seal, "nonce"), &hex), 0);
        assert_int_equal(encode_hex_parse(hex, &bytes), 0);
        memcpy(nonce, bytes.p, sizeof(nonce));
        buf_fini(&bytes);
    }
}

static void settle(struct gossip_packet *p)
{
    gossip_keyring_free(p->keyring);
    gossip_packet_fini(p);
}

static bool is_version_0(const struct vector *v)
{
    const struct jvalue *seal = gossip_vectors_layer(v, "encrypt");
    int64_t version = 1;

    return seal && jread_i64(jread_get(seal, "version"), &version) == 0 && version == 0;
}

struct parts {
    struct str parts[256]; /* copies */
    size_t n;
};

static void keep(void *data, struct str message)
{
    struct parts *p = data;

    assert_true(p->n < COUNT_OF(p->parts));
    p->parts[p->n++] = str_make(mem_dup(message.p, message.n), message.n);
}

static void forget(struct parts *p)
{
    for (size_t i = 0; i < p->n; i++)
        mem_free((void *)(uintptr_t)p->parts[i].p);
    p->n = 0;
}

static void check_datagram(const struct vector *v)
{
    const struct jvalue *recorded = jread_get(v->decoded, "messages");
    struct gossip_packet p;
    struct parts parts = {.n = 0};
    struct buf body = {0}, again = {0};

    settings(&p, v);
    if (gossip_packet_open(&p, buf_str(&v->bytes), keep, &parts) != 0)
        fail_msg("%.*s does not open", STR_ARG(v->name));
    assert_int_equal(parts.n, jread_count(recorded));
    for (size_t i = 0; i < parts.n; i++)
        gossip_vectors_same_number(v, jread_at(recorded, i), "id", (uint8_t)parts.parts[i].p[0]);
    gossip_packet_compound(parts.parts, parts.n, &body);
    gossip_packet_seal(&p, buf_str(&body), gossip_vectors_layer(v, "crc"), &again);
    if (!is_version_0(v) && !str_eq(buf_str(&again), buf_str(&v->bytes)))
        fail_msg("%.*s is sealed to something else", STR_ARG(v->name));
    forget(&parts);
    buf_fini(&body);
    buf_fini(&again);
    settle(&p);
}

/* Byte by byte, as a stream may come; complete with the last one, and the same when all comes at
 * once. */
static void check_stream(const struct vector *v)
{
    bool is_answer = str_search(v->name, STR_LIT("responder")) < v->name.n;
    struct gossip_packet_stream s, whole;
    struct gossip_packet p;
    struct buf again = {0};
    struct str bytes = buf_str(&v->bytes);

    settings(&p, v);
    gossip_packet_stream_init(&s);
    for (size_t n = 0; n < bytes.n; n++)
        if (gossip_packet_stream_open(&p, &s, str_take(bytes, n), is_answer) != -EAGAIN)
            fail_msg("%.*s: complete after %zu of %zu", STR_ARG(v->name), n, bytes.n);
    if (gossip_packet_stream_open(&p, &s, bytes, is_answer) != 0)
        fail_msg("%.*s does not open", STR_ARG(v->name));
    assert_int_equal(s.stream_size, bytes.n);
    gossip_packet_stream_init(&whole);
    assert_int_equal(gossip_packet_stream_open(&p, &whole, bytes, is_answer), 0);
    assert_true(str_eq(whole.message, s.message));
    gossip_packet_stream_seal(&p, s.message, is_answer, &again);
    if (!is_version_0(v) && !str_eq(buf_str(&again), bytes))
        fail_msg("%.*s is sealed to something else", STR_ARG(v->name));
    buf_fini(&again);
    gossip_packet_stream_fini(&s);
    gossip_packet_stream_fini(&whole);
    settle(&p);
}

static void check_vector(const struct vector *v)
{
    if (str_eq_z(v->transport, "udp"))
        check_datagram(v);
    else if (str_eq_z(v->transport, "tcp"))
        check_stream(v);
}

/* Every recorded packet and stream opens, and is made again byte for byte. */
static void test_vectors(void **state)
{
    (void)state;
    assert_int_equal(gossip_vectors_each("library", check_vector), 74);
    assert_int_equal(gossip_vectors_each("captured", check_vector), 153);
    assert_int_equal(gossip_vectors_each("label", check_vector), 5);
}

static void count(void *data, struct str message)
{
    struct gossip_message m;

    if (gossip_message_decode(message, &m) == 0)
        ++*(int *)data;
}

static void check_negative(const struct vector *v)
{
    struct gossip_packet_stream s;
    struct gossip_packet p;
    int n = 0, rc;

    settings(&p, v);
    if (str_eq_z(v->transport, "tcp")) {
        gossip_packet_stream_init(&s);
        rc = gossip_packet_stream_open(&p, &s, buf_str(&v->bytes), false);
        if (rc == 0)
            fail_msg("%.*s opens", STR_ARG(v->name));
        gossip_packet_stream_fini(&s);
    } else if (gossip_packet_open(&p, buf_str(&v->bytes), count, &n) == 0 && n > 0) {
        fail_msg("%.*s opens", STR_ARG(v->name));
    }
    settle(&p);
}

/* Recorded damage is refused, and of a cut compound the whole parts are taken. */
static void test_negative(void **state)
{
    (void)state;
    assert_int_equal(gossip_vectors_each("negative", check_negative), 22);
}

static void put_compressed(const struct buf *plain, struct buf *out)
{
    struct gossip_lzw *z = gossip_lzw_new();
    struct buf packed = {0};

    gossip_lzw_encode(z, buf_str(plain), &packed);
    buf_put_u8(out, GOSSIP_COMPRESS);
    pack_map(out, 2);
    pack_raw(out, STR_LIT("Algo"));
    pack_uint(out, 0);
    pack_raw(out, STR_LIT("Buf"));
    pack_raw(out, buf_str(&packed));
    buf_fini(&packed);
    gossip_lzw_free(z);
}

/* Compressions in compressions, compounds in compounds, and crowds of messages end at the bounds;
 * the packet after them is taken as ever. */
static void test_bombs(void **state)
{
    struct gossip_packet p;
    struct buf zeros = {0}, bomb = {0}, nest = {0};
    struct str parts[2] = {STR_LIT("\x0b\x81\xa5SeqNo\x01"), STR_LIT("\x0b\x81\xa5SeqNo\x02")};
    struct buf good = {0};
    int n = 0;

    (void)state;
    gossip_packet_init(&p);
    for (int i = 0; i < 1 << 20; i++)
        buf_put_c(&zeros, 8);
    put_compressed(&zeros, &bomb);
    assert_int_equal(gossip_packet_open(&p, buf_str(&bomb), count, &n), ERR_TOO_LARGE);

    /* 255 parts, each of them 255 parts, ...: one packet of few bytes once decompressed */
    buf_put_u8(&nest, GOSSIP_USER);
    for (int depth = 0; depth < 3; depth++) {
        struct buf outer = {0};
        int count_max = depth == 2 ? 20 : 255;

        buf_put_u8(&outer, GOSSIP_COMPOUND);
        buf_put_u8(&outer, (uint8_t)count_max);
        for (int i = 0; i < count_max; i++)
            buf_put_u16(&outer, (uint16_t)nest.n);
        for (int i = 0; i < count_max; i++)
            buf_put_str(&outer, buf_str(&nest));
        buf_fini(&nest);
        nest = outer;
        if (nest.n > 200)
            break;
    }
    buf_clear(&bomb);
    for (int i = 0; i < 10; i++) {
        struct buf packed = {0};

        put_compressed(&nest, &packed);
        buf_fini(&nest);
        nest = packed;
    }
    assert_int_equal(gossip_packet_open(&p, buf_str(&nest), count, &n), ERR_TOO_LARGE);
    assert_int_equal(p.dropped[GOSSIP_DROP_LIMIT], 2);
    assert_int_equal(n, 0);

    gossip_packet_compound(parts, 2, &good);
    assert_int_equal(gossip_packet_open(&p, buf_str(&good), count, &n), 0);
    assert_int_equal(n, 2);
    buf_fini(&zeros);
    buf_fini(&bomb);
    buf_fini(&nest);
    buf_fini(&good);
    gossip_packet_fini(&p);
}

/* A crowd of empty user messages: counted, and cut. */
static void test_crowd(void **state)
{
    struct gossip_packet p;
    struct buf inner = {0}, outer = {0};
    int n = 0;

    (void)state;
    gossip_packet_init(&p);
    buf_put_u8(&inner, GOSSIP_COMPOUND);
    buf_put_u8(&inner, 255);
    for (int i = 0; i < 255; i++)
        buf_put_u16(&inner, 1);
    for (int i = 0; i < 255; i++)
        buf_put_u8(&inner, GOSSIP_USER);
    buf_put_u8(&outer, GOSSIP_COMPOUND);
    buf_put_u8(&outer, 60);
    for (int i = 0; i < 60; i++)
        buf_put_u16(&outer, (uint16_t)inner.n);
    for (int i = 0; i < 60; i++)
        buf_put_str(&outer, buf_str(&inner));
    assert_int_equal(gossip_packet_open(&p, buf_str(&outer), count, &n), ERR_TOO_LARGE);
    assert_in_range(n, 1, GOSSIP_PACKET_MESSAGES_MAX);
    buf_fini(&inner);
    buf_fini(&outer);
    gossip_packet_fini(&p);
}

/* What announces much is refused before anything is allocated for it. */
static void test_stream_bounds(void **state)
{
    static const struct {
        struct str bytes;
        int rc;
    } cases[] = {
        {STR_LIT("\x0a\x7f\xff\xff\xff"), ERR_TOO_LARGE},
        {STR_LIT("\x06\x83\xa4Join\xc2\xa5Nodes\xce\x7f\xff\xff\xff\xacUserStateLen\x00"),
         ERR_TOO_LARGE},
        {STR_LIT("\x06\x83\xa4Join\xc2\xa5Nodes\x00\xacUserStateLen\xce\x7f\xff\xff\xff"),
         ERR_TOO_LARGE},
        {STR_LIT("\x06\x83\xa4Join\xc2\xa5Nodes\xff\xacUserStateLen\x00"), ERR_CORRUPT},
        {STR_LIT("\x08\x81\xaaUserMsgLen\xce\x7f\xff\xff\xff"), ERR_TOO_LARGE},
        {STR_LIT("\x07\x00"), ERR_CORRUPT},
        {STR_LIT("\x00\xc1"), ERR_CORRUPT},
        {STR_LIT("\x09\x82\xa4"
                 "Algo\x01\xa3"
                 "Buf\xa1x"),
         ERR_CORRUPT},
        {STR_LIT("GET / HTTP/1.1\r\n\r\n"), ERR_CORRUPT},
    };
    struct gossip_packet p;

    (void)state;
    gossip_packet_init(&p);
    p.keyring = gossip_keyring_new();
    assert_int_equal(gossip_keyring_add(p.keyring, STR_LIT("0123456789abcdef")), 0);
    p.accept_plain = true;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct gossip_packet_stream s;
        int rc;

        gossip_packet_stream_init(&s);
        rc = gossip_packet_stream_open(&p, &s, cases[i].bytes, false);
        if (rc != cases[i].rc)
            fail_msg("case %zu: %d", i, rc);
        gossip_packet_stream_fini(&s);
    }
    gossip_keyring_free(p.keyring);
    gossip_packet_fini(&p);
}

/* The way from clear to sealed: first the keys without their use, then sending, then refusing. */
static void test_change_over(void **state)
{
    static const struct {
        bool send_plain, accept_plain;
    } steps[] = {{true, true}, {false, true}, {false, false}};
    struct str body = STR_LIT("\x0b\x81\xa5SeqNo\x01");
    struct gossip_packet p[3];
    struct buf out = {0};
    int n = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        gossip_packet_init(&p[i]);
        p[i].keyring = gossip_keyring_new();
        assert_int_equal(gossip_keyring_add(p[i].keyring, STR_LIT("0123456789abcdef")), 0);
        p[i].send_plain = steps[i].send_plain;
        p[i].accept_plain = steps[i].accept_plain;
        assert_int_equal(gossip_packet_overhead(&p[i]), steps[i].send_plain ? 0 : GOSSIP_SEAL_SIZE);
    }
    for (size_t from = 0; from < COUNT_OF(steps); from++) {
        for (size_t to = 0; to < COUNT_OF(steps); to++) {
            struct gossip_packet_stream s;
            bool works = !(from == 0 && to == 2);

            buf_clear(&out);
            gossip_packet_seal(&p[from], body, true, &out);
            assert_int_equal(gossip_packet_open(&p[to], buf_str(&out), count, &n) == 0, works);
            buf_clear(&out);
            gossip_packet_stream_seal(&p[from], STR_LIT("\x00\x81\xa5SeqNo\x01"), false, &out);
            gossip_packet_stream_init(&s);
            assert_int_equal(gossip_packet_stream_open(&p[to], &s, buf_str(&out), false),
                             works ? 0 : ERR_DENIED);
            gossip_packet_stream_fini(&s);
        }
    }
    assert_int_equal(n, 8);
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        settle(&p[i]);
    buf_fini(&out);
}

/* The words that memberlist has for streams it cannot open. */
static void test_refusals(void **state)
{
    struct gossip_packet p;

    (void)state;
    gossip_packet_init(&p);
    assert_string_equal(gossip_packet_stream_refusal(&p, ERR_DENIED, STR_LIT("\x0a")),
                        "Remote state is encrypted and encryption is not configured");
    p.keyring = gossip_keyring_new();
    assert_int_equal(gossip_keyring_add(p.keyring, STR_LIT("0123456789abcdef")), 0);
    assert_string_equal(gossip_packet_stream_refusal(&p, ERR_DENIED, STR_LIT("\x06")),
                        "Encryption is configured but remote state is not encrypted");
    assert_string_equal(gossip_packet_stream_refusal(&p, ERR_DENIED, STR_LIT("\x0a")),
                        "No installed keys could decrypt the message");
    gossip_keyring_free(p.keyring);
    gossip_packet_fini(&p);
}

UNIT_MAIN(UNIT(test_vectors), UNIT(test_negative), UNIT(test_bombs), UNIT(test_crowd),
          UNIT(test_stream_bounds), UNIT(test_change_over), UNIT(test_refusals))
