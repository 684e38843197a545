/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gossip/gossip_packet.h"

#include "base/digest.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gossip/gossip_lzw.h"
#include "gossip/gossip_packet_wrap.h"

void gossip_packet_init(struct gossip_packet *p)
{
    *p = (struct gossip_packet){.random = rng_secure, .lzw = gossip_lzw_new()};
    buf_init(&p->opened, 0);
    buf_init(&p->work, 0);
    buf_init(&p->sealing, 0);
    for (int i = 0; i < GOSSIP_PACKET_DEPTH_MAX; i++)
        buf_init(&p->inflated[i], 0);
}

void gossip_packet_fini(struct gossip_packet *p)
{
    buf_fini(&p->opened);
    buf_fini(&p->work);
    buf_fini(&p->sealing);
    for (int i = 0; i < GOSSIP_PACKET_DEPTH_MAX; i++)
        buf_fini(&p->inflated[i]);
    gossip_lzw_free(p->lzw);
    p->lzw = NULL;
}

/* Counts and refuses. */
static int drop(struct gossip_packet *p, enum gossip_drop why)
{
    p->dropped[why]++;
    return why == GOSSIP_DROP_LIMIT ? ERR_TOO_LARGE : ERR_CORRUPT;
}

/* ---- opening ---- */

struct opening {
    struct gossip_packet *p;
    gossip_packet_fn each;
    void *data;
};
static int dispatch(struct opening *o, struct str body, int depth);

static int open_compress(struct opening *o, struct str body, int depth)
{
    struct gossip_packet *p = o->p;
    struct buf *plain;
    int rc;

    if (depth == GOSSIP_PACKET_DEPTH_MAX)
        return drop(p, GOSSIP_DROP_LIMIT);
    plain = &p->inflated[depth];
    buf_clear(plain);
    rc = gossip_packet_wrap_inflate(p->lzw, body, p->inflated_left, plain);
    if (rc == ERR_TOO_LARGE)
        return drop(p, GOSSIP_DROP_LIMIT);
    if (rc < 0 || plain->n == 0)
        return drop(p, GOSSIP_DROP_COMPRESSION);
    p->inflated_left -= plain->n;
    return dispatch(o, buf_str(plain), depth + 1);
}

/* Whole parts are taken; the first that is cut ends it, as in the reference. */
static int open_compound(struct opening *o, struct str body, int depth)
{
    struct cursor sizes = cursor_make(body), parts;
    uint8_t n;
    int rc = 0, first = 0;

    if (depth == GOSSIP_PACKET_DEPTH_MAX)
        return drop(o->p, GOSSIP_DROP_LIMIT);
    cursor_u8(&sizes); /* the type */
    n = cursor_u8(&sizes);
    parts = sizes;
    cursor_bytes(&parts, (size_t)n * 2);
    if (parts.bad)
        return drop(o->p, GOSSIP_DROP_COMPOUND);
    for (int i = 0; i < n; i++) {
        struct str part = cursor_bytes(&parts, cursor_u16(&sizes));

        if (parts.bad)
            return drop(o->p, GOSSIP_DROP_COMPOUND);
        rc = dispatch(o, part, depth + 1);
        if (rc == ERR_TOO_LARGE)
            return rc;
        first = first ? first : rc;
    }
    return first;
}

static int dispatch(struct opening *o, struct str body, int depth)
{
    struct gossip_packet *p = o->p;

    if (body.n == 0)
        return drop(p, GOSSIP_DROP_TYPE);
    if (p->messages_left == 0)
        return drop(p, GOSSIP_DROP_LIMIT);
    p->messages_left--;
    switch ((uint8_t)body.p[0]) {
    case GOSSIP_COMPOUND:
        return open_compound(o, body, depth);
    case GOSSIP_COMPRESS:
        return open_compress(o, body, depth);
    case GOSSIP_PING:
    case GOSSIP_INDIRECT:
    case GOSSIP_ACK:
    case GOSSIP_NACK:
    case GOSSIP_SUSPECT:
    case GOSSIP_ALIVE:
    case GOSSIP_DEAD:
    case GOSSIP_USER:
        o->each(o->data, body);
        return 0;
    }
    return drop(p, GOSSIP_DROP_TYPE);
}

static bool check_crc(struct str body)
{
    struct cursor c = cursor_make(str_drop(body, 1));

    return cursor_u32(&c) == digest_crc32(0, str_drop(body, GOSSIP_CRC_SIZE));
}

int gossip_packet_open(struct gossip_packet *p, struct str datagram, gossip_packet_fn each,
                       void *data)
{
    struct opening o = {p, each, data};
    struct str body = datagram;

    p->inflated_left = GOSSIP_PACKET_INFLATED_MAX;
    p->messages_left = GOSSIP_PACKET_MESSAGES_MAX;
    if (gossip_packet_wrap_label(p, &body) != 0)
        return drop(p, GOSSIP_DROP_LABEL);
    if (gossip_keyring_count(p->keyring) > 0) {
        buf_clear(&p->opened);
        if (gossip_keyring_open(p->keyring, p->label, body, &p->opened) == 0)
            body = buf_str(&p->opened);
        else if (!p->accept_plain)
            return drop(p, GOSSIP_DROP_SEAL);
    }
    if (body.n >= GOSSIP_CRC_SIZE && (uint8_t)body.p[0] == GOSSIP_CRC) {
        if (!check_crc(body))
            return drop(p, GOSSIP_DROP_CRC);
        body = str_drop(body, GOSSIP_CRC_SIZE);
    }
    return dispatch(&o, body, 0);
}

/* ---- sealing ---- */

size_t gossip_packet_overhead(const struct gossip_packet *p)
{
    return (p->label.n > 0 ? 2 + p->label.n : 0) +
           (gossip_keyring_count(p->keyring) > 0 && !p->send_plain ? GOSSIP_SEAL_SIZE : 0);
}

void gossip_packet_compound(const struct str *parts, size_t n, struct buf *out)
{
    ASSERT(n >= 1 && n <= GOSSIP_COMPOUND_MAX);
    if (n == 1) {
        buf_put_str(out, parts[0]);
        return;
    }
    buf_put_u8(out, GOSSIP_COMPOUND);
    buf_put_u8(out, (uint8_t)n);
    for (size_t i = 0; i < n; i++) {
        ASSERT(parts[i].n <= UINT16_MAX);
        buf_put_u16(out, (uint16_t)parts[i].n);
    }
    for (size_t i = 0; i < n; i++)
        buf_put_str(out, parts[i]);
}

void gossip_packet_seal(struct gossip_packet *p, struct str body, bool crc, struct buf *out)
{
    bool is_sealed = gossip_keyring_count(p->keyring) > 0 && !p->send_plain;
    uint8_t nonce[GOSSIP_NONCE_SIZE];
    struct buf *plain = is_sealed ? &p->sealing : out;

    gossip_packet_wrap_put_label(p, out);
    if (!p->no_compression) {
        buf_clear(&p->work);
        gossip_packet_wrap_deflate(p->lzw, body, &p->work);
        if (p->work.n < body.n)
            body = buf_str(&p->work);
    }
    if (is_sealed)
        buf_clear(plain);
    if (crc) {
        buf_put_u8(plain, GOSSIP_CRC);
        buf_put_u32(plain, digest_crc32(0, body));
    }
    buf_put_str(plain, body);
    if (!is_sealed)
        return;
    (p->random ? p->random : rng_secure)(nonce, sizeof(nonce));
    gossip_keyring_seal(p->keyring, nonce, p->label, buf_str(plain), out);
}
