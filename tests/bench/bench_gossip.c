/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What gossip's wire costs per packet: messages, compression, encryption, all of it together, and a
 * whole table of a thousand members. Prints "name ns/op MB/s" lines.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gossip/gossip_message_serf.h"
#include "gossip/gossip_packet.h"

#define ROUNDS  20000
#define MEMBERS 1000

static void tell(const char *what, struct instant begin, uint64_t n, size_t size)
{
    double ns = (double)instant_since(clock_now(), begin).ns / (double)n;

    printf("gossip %-44s %10.0f ns/op %8.0f MB/s %8zu bytes\n", what, ns, (double)size * 1e3 / ns,
           size);
}

static void ignore(void *data, struct str message)
{
    struct gossip_message m;

    *(int *)data += gossip_message_decode(message, &m) == 0;
}

static struct gossip_node member(int i, char name[32], const struct buf *meta)
{
    snprintf(name, 32, "node-%05d.example", i);
    return (struct gossip_node){.node = str_z(name),
                                .addr = STR_LIT("\x0a\x01\x02\x03"),
                                .port = 8301,
                                .incarnation = (uint32_t)i + 1,
                                .meta = buf_str(meta),
                                .vsn = STR_LIT("\x01\x05\x02\x02\x05\x04")};
}

/* About as long as those of a Consul client. */
static void make_meta(struct buf *out)
{
    static const char *const tags[][2] = {
        {"acls", "0"},    {"build", "1.9.8:a1b2c3d4"},
        {"dc", "dc1"},    {"id", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
        {"role", "node"}, {"segment", ""},
        {"vsn", "2"},     {"vsn_max", "3"},
        {"vsn_min", "2"}};
    struct gossip_list l = {sizeof(tags) / sizeof(tags[0]), STR_NONE};
    struct buf items = {0};

    for (size_t i = 0; i < l.n; i++)
        gossip_list_put_pair(&items, str_z(tags[i][0]), str_z(tags[i][1]));
    l.items = buf_str(&items);
    gossip_tags_encode(&l, out);
    buf_fini(&items);
}

static void bench_messages(const struct buf *meta)
{
    struct gossip_message m = {.kind = GOSSIP_ALIVE}, got;
    struct buf out = {0};
    struct instant begin;
    char name[32];

    m.u.alive = member(1, name, meta);
    begin = clock_now();
    for (int i = 0; i < 10 * ROUNDS; i++) {
        buf_clear(&out);
        gossip_message_encode(&m, &out);
    }
    tell("alive: encode", begin, 10 * ROUNDS, out.n);
    begin = clock_now();
    for (int i = 0; i < 10 * ROUNDS; i++)
        ASSERT(gossip_message_decode(buf_str(&out), &got) == 0);
    tell("alive: decode", begin, 10 * ROUNDS, out.n);
    m = (struct gossip_message){.kind = GOSSIP_PING};
    m.u.ping.node = m.u.ping.source_node = STR_LIT("node-00001.example");
    m.u.ping.source_addr = STR_LIT("\x0a\x01\x02\x03");
    buf_clear(&out);
    gossip_message_encode(&m, &out);
    begin = clock_now();
    for (int i = 0; i < 10 * ROUNDS; i++)
        ASSERT(gossip_message_decode(buf_str(&out), &got) == 0);
    tell("ping: decode", begin, 10 * ROUNDS, out.n);
    buf_fini(&out);
}

/* A datagram's worth of news: a ping and four members. */
static void make_body(const struct buf *meta, struct buf *out)
{
    struct str parts[5];
    struct buf messages[5] = {{0}};

    for (int i = 0; i < 5; i++) {
        struct gossip_message m = {.kind = i ? GOSSIP_ALIVE : GOSSIP_PING};
        char name[32] = "node-00001.example";

        if (i)
            m.u.alive = member(i, name, meta);
        else
            m.u.ping = (struct gossip_ping){.seq = 7, .node = str_z(name)};
        gossip_message_encode(&m, &messages[i]);
        parts[i] = buf_str(&messages[i]);
    }
    gossip_packet_compound(parts, 5, out);
    for (int i = 0; i < 5; i++)
        buf_fini(&messages[i]);
}

static void bench_packet(const char *what, struct gossip_packet *p, const struct buf *body)
{
    struct buf out = {0};
    struct instant begin = clock_now();
    char text[64];
    int n = 0;

    for (int i = 0; i < ROUNDS; i++) {
        buf_clear(&out);
        gossip_packet_seal(p, buf_str(body), true, &out);
    }
    snprintf(text, sizeof(text), "packet of 5: send, %s", what);
    tell(text, begin, ROUNDS, body->n);
    begin = clock_now();
    for (int i = 0; i < ROUNDS; i++)
        ASSERT(gossip_packet_open(p, buf_str(&out), ignore, &n) == 0);
    snprintf(text, sizeof(text), "packet of 5: receive, %s", what);
    tell(text, begin, ROUNDS, body->n);
    ASSERT(n == 5 * ROUNDS);
    buf_fini(&out);
}

static void bench_packets(const struct buf *meta)
{
    static const char key[] = "0123456789abcdef0123456789abcdef";
    struct gossip_packet p;
    struct buf body = {0};

    make_body(meta, &body);
    gossip_packet_init(&p);
    p.no_compression = true;
    bench_packet("plain", &p, &body);
    p.no_compression = false;
    bench_packet("compressed", &p, &body);
    for (size_t n = 16; n <= 32; n += 16) {
        p.keyring = gossip_keyring_new();
        ASSERT(gossip_keyring_add(p.keyring, str_make(key, n)) == 0);
        p.no_compression = true;
        bench_packet(n == 16 ? "AES-128" : "AES-256", &p, &body);
        p.no_compression = false;
        if (n == 32)
            bench_packet("compressed and AES-256", &p, &body);
        gossip_keyring_free(p.keyring);
        p.keyring = NULL;
    }
    gossip_packet_fini(&p);
    buf_fini(&body);
}

static void bench_exchange(const struct buf *meta)
{
    struct gossip_packet_stream s;
    struct gossip_push_pull table;
    struct gossip_node node;
    struct gossip_packet p;
    struct buf plain = {0}, sealed = {0};
    struct instant begin = clock_now();
    char name[32];
    int n = 0;

    gossip_packet_init(&p);
    for (int round = 0; round < 20; round++) {
        buf_clear(&plain);
        buf_clear(&sealed);
        gossip_message_put_push_pull(&plain, false, MEMBERS, 0);
        for (int i = 0; i < MEMBERS; i++) {
            node = member(i, name, meta);
            gossip_message_put_node(&plain, &node);
        }
        gossip_packet_stream_seal(&p, buf_str(&plain), true, &sealed);
    }
    tell("table of 1000 members: send, compressed", begin, 20, plain.n);
    begin = clock_now();
    for (int round = 0; round < 20; round++) {
        gossip_packet_stream_init(&s);
        ASSERT(gossip_packet_stream_open(&p, &s, buf_str(&sealed), true) == 0);
        ASSERT(gossip_message_decode_push_pull(s.message, &table) == 0);
        while (gossip_message_next_node(&table.nodes, &node))
            n++;
        gossip_packet_stream_fini(&s);
    }
    ASSERT(n == 20 * MEMBERS);
    tell("table of 1000 members: receive, compressed", begin, 20, plain.n);
    buf_fini(&plain);
    buf_fini(&sealed);
    gossip_packet_fini(&p);
}

int main(void)
{
    struct buf meta = {0};

    make_meta(&meta);
    bench_messages(&meta);
    bench_packets(&meta);
    bench_exchange(&meta);
    buf_fini(&meta);
    return 0;
}
