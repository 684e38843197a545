/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_recall.h"

#include <libknot/libknot.h>

#include "base/mem.h"

struct slot {
    char *bytes; /* the key, then the answer; NULL: free */
    size_t key_n, answer_n;
    struct instant at;
};

struct dns_recall {
    uint64_t seed;
    struct slot slots[DNS_RECALL_SLOTS];
};

struct dns_recall *dns_recall_new(uint64_t seed)
{
    struct dns_recall *r = mem_new(struct dns_recall);

    r->seed = seed;
    return r;
}

void dns_recall_free(struct dns_recall *r)
{
    for (size_t i = 0; r && i < DNS_RECALL_SLOTS; i++)
        mem_free(r->slots[i].bytes);
    mem_free(r);
}

#define OPT_HEAD_SIZE 9 /* root, type, size, flags; the length of the options follows */

static size_t u16(struct str s, size_t at)
{
    return (size_t)(uint8_t)s.p[at] << 8 | (uint8_t)s.p[at + 1];
}

/* An OPT record without what is new in every question (RFC 7873, RFC 7830); false: it is none, or
 * not sound. */
static bool put_options(struct str s, struct buf *out)
{
    if (s.n < OPT_HEAD_SIZE + 2 || s.p[0] != 0 || u16(s, 1) != KNOT_RRTYPE_OPT ||
        u16(s, OPT_HEAD_SIZE) != s.n - OPT_HEAD_SIZE - 2)
        return false;
    buf_put(out, s.p, OPT_HEAD_SIZE);
    s = str_drop(s, OPT_HEAD_SIZE + 2);
    while (s.n >= 4 && u16(s, 2) <= s.n - 4) {
        size_t code = u16(s, 0), n = 4 + u16(s, 2);

        if (code != KNOT_EDNS_OPTION_COOKIE && code != KNOT_EDNS_OPTION_PADDING)
            buf_put(out, s.p, n);
        s = str_drop(s, n);
    }
    return s.n == 0;
}

/* All but the id. */
static void put_packet(struct str packet, struct buf *out)
{
    size_t at = KNOT_WIRE_HEADER_SIZE, before;

    ASSERT(packet.n >= KNOT_WIRE_HEADER_SIZE); /* dns_answer has parsed it */
    while (at < packet.n && packet.p[at] != 0 && (uint8_t)packet.p[at] < 64)
        at += 1 + (size_t)(uint8_t)packet.p[at];
    at += 5; /* the name's end, type, class */
    if (at > packet.n)
        at = packet.n;
    buf_put(out, packet.p + 2, at - 2);
    before = out->n;
    if (!put_options(str_drop(packet, at), out) && !out->failed) {
        out->n = before;
        buf_put_str(out, str_drop(packet, at));
    }
}

/* The asker's address counts for prepared queries by "_ip". */
static void make_key(struct str packet, bool is_tcp, const struct dns_asker *asker, struct buf *out)
{
    char ip[ADDR_TEXT_MAX] = "";

    if (asker->source.u.sa.sa_family != AF_UNSPEC)
        addr_format_ip(&asker->source, ip);
    buf_init(out, DNS_RECALL_SIZE_MAX);
    buf_put_c(out, (char)is_tcp);
    buf_put(out, ip, strlen(ip) + 1);
    buf_put_u32(out, (uint32_t)asker->node.n);
    buf_put_str(out, asker->node);
    buf_put_u32(out, (uint32_t)asker->token.n);
    buf_put_str(out, asker->token);
    put_packet(packet, out);
}

static bool may_be_kept(struct str answer)
{
    const uint8_t *bytes = (const uint8_t *)answer.p;

    return answer.n >= KNOT_WIRE_HEADER_SIZE && (knot_wire_get_rcode(bytes) == KNOT_RCODE_NOERROR ||
                                                 knot_wire_get_rcode(bytes) == KNOT_RCODE_NXDOMAIN);
}

void dns_recall_put(struct dns_recall *r, struct str packet, bool is_tcp,
                    const struct dns_asker *asker, struct str answer, struct instant now)
{
    struct slot *s;
    struct buf key;

    make_key(packet, is_tcp, asker, &key);
    if (!key.failed && may_be_kept(answer) && key.n + answer.n <= DNS_RECALL_SIZE_MAX) {
        s = &r->slots[str_hash(buf_str(&key), r->seed) % DNS_RECALL_SLOTS];
        mem_free(s->bytes);
        *s = (struct slot){mem_alloc(key.n + answer.n), key.n, answer.n, now};
        memcpy(s->bytes, key.p, key.n);
        memcpy(s->bytes + key.n, answer.p, answer.n);
    }
    buf_fini(&key);
}

size_t dns_recall_get(const struct dns_recall *r, struct str packet, bool is_tcp,
                      const struct dns_asker *asker, struct duration age_max, struct instant now,
                      uint8_t *out)
{
    const struct slot *s;
    struct buf key;
    size_t n = 0;

    make_key(packet, is_tcp, asker, &key);
    s = &r->slots[str_hash(buf_str(&key), r->seed) % DNS_RECALL_SLOTS];
    if (!key.failed && s->bytes && str_eq(buf_str(&key), str_make(s->bytes, s->key_n)) &&
        instant_since(now, s->at).ns <= age_max.ns) {
        n = s->answer_n;
        memcpy(out, s->bytes + s->key_n, n);
        memcpy(out, packet.p, 2);
    }
    buf_fini(&key);
    return n;
}
