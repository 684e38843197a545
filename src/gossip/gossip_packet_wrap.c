/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gossip/gossip_packet_wrap.h"

#include <errno.h>

#include "gossip/gossip_lzw.h"
#include "gossip/gossip_message_field.h"

#define DEPTH_MAX 32
#define ALGO_LZW  0

int gossip_packet_wrap_label(const struct gossip_packet *p, struct str *body)
{
    size_t n;

    if (body->n == 0)
        return p->label.n > 0 ? -EAGAIN : 0;
    if ((uint8_t)body->p[0] != GOSSIP_LABEL)
        return p->label.n > 0 ? ERR_DENIED : 0;
    if (body->n < 2)
        return -EAGAIN;
    n = (uint8_t)body->p[1];
    if (body->n < 2 + n)
        return -EAGAIN;
    if (n == 0 || !str_eq(str_take(str_drop(*body, 2), n), p->label))
        return ERR_DENIED;
    *body = str_drop(*body, 2 + n);
    return 0;
}

void gossip_packet_wrap_put_label(const struct gossip_packet *p, struct buf *out)
{
    if (p->label.n == 0)
        return;
    ASSERT(p->label.n <= UINT8_MAX);
    buf_put_u8(out, GOSSIP_LABEL);
    buf_put_u8(out, (uint8_t)p->label.n);
    buf_put_str(out, p->label);
}

struct compressed {
    uint8_t algo;
    struct str bytes;
};
static const struct gossip_field compressed_fields[] = {
    {"Algo", GOSSIP_FORM_U8, offsetof(struct compressed, algo), false, NULL},
    {"Buf", GOSSIP_FORM_BYTES, offsetof(struct compressed, bytes), false, NULL},
};
static const struct gossip_field_table compressed_table = GOSSIP_FIELD_TABLE(compressed_fields);

int gossip_packet_wrap_inflate(struct gossip_lzw *z, struct str message, size_t plain_max,
                               struct buf *plain)
{
    struct compressed c = {0, STR_NONE};
    struct unpack u = unpack_make(str_drop(message, 1));

    gossip_message_field_decode(&compressed_table, &u, &c);
    if (u.bad || c.algo != ALGO_LZW)
        return ERR_CORRUPT;
    return gossip_lzw_decode(z, c.bytes, plain_max, plain);
}

/*
 * The length of the compressed bytes stands before them: they are made behind
 * a gap of the largest head, which is then closed.
 */
void gossip_packet_wrap_deflate(struct gossip_lzw *z, struct str plain, struct buf *out)
{
    static const char gap[24] = {0};
    size_t start = out->n, n, head;
    struct compressed c = {ALGO_LZW, STR_NONE};
    struct buf map;

    buf_put(out, gap, sizeof(gap));
    gossip_lzw_encode(z, plain, out);
    if (out->failed)
        return;
    n = out->n - start - sizeof(gap);
    buf_init(&map, 0);
    buf_put_u8(&map, GOSSIP_COMPRESS);
    gossip_message_field_encode(&compressed_table, &c, &map);
    map.n--; /* the nil of Buf: its head is written here instead */
    if (n < 32) {
        buf_put_u8(&map, (uint8_t)(0xa0 + n));
    } else if (n <= UINT16_MAX) {
        buf_put_u8(&map, 0xda);
        buf_put_u16(&map, (uint16_t)n);
    } else {
        buf_put_u8(&map, 0xdb);
        buf_put_u32(&map, (uint32_t)n);
    }
    head = map.n;
    memcpy(out->p + start, map.p, head);
    memmove(out->p + start + head, out->p + start + sizeof(gap), n);
    out->n = start + head + n;
    buf_fini(&map);
}

/* Lengths of heads c0 .. df: bytes of the count field, or of the value. */
static const struct {
    uint8_t size;      /* bytes after the first */
    uint8_t is_length; /* they count bytes that follow */
    uint8_t extra;     /* and so many more */
    uint8_t per;       /* or they count values: one or two of each */
} heads[32] = {
    [0x04] = {1, 1, 0, 0},  [0x05] = {2, 1, 0, 0}, [0x06] = {4, 1, 0, 0}, [0x07] = {1, 1, 1, 0},
    [0x08] = {2, 1, 1, 0},  [0x09] = {4, 1, 1, 0}, [0x0a] = {4, 0, 0, 0}, [0x0b] = {8, 0, 0, 0},
    [0x0c] = {1, 0, 0, 0},  [0x0d] = {2, 0, 0, 0}, [0x0e] = {4, 0, 0, 0}, [0x0f] = {8, 0, 0, 0},
    [0x10] = {1, 0, 0, 0},  [0x11] = {2, 0, 0, 0}, [0x12] = {4, 0, 0, 0}, [0x13] = {8, 0, 0, 0},
    [0x14] = {2, 0, 0, 0},  [0x15] = {3, 0, 0, 0}, [0x16] = {5, 0, 0, 0}, [0x17] = {9, 0, 0, 0},
    [0x18] = {17, 0, 0, 0}, [0x19] = {1, 1, 0, 0}, [0x1a] = {2, 1, 0, 0}, [0x1b] = {4, 1, 0, 0},
    [0x1c] = {2, 0, 0, 1},  [0x1d] = {4, 0, 0, 1}, [0x1e] = {2, 0, 0, 2}, [0x1f] = {4, 0, 0, 2},
};

static uint64_t read_count(struct cursor *c, size_t size)
{
    uint64_t v = 0;

    for (size_t i = 0; i < size; i++)
        v = v << 8 | cursor_u8(c);
    return v;
}

/* Passes one head and the bytes that belong to it; gives how many values follow within. */
static uint64_t skip_head(struct cursor *c)
{
    uint8_t b = cursor_u8(c);
    uint64_t v;

    if (b < 0x80 || b >= 0xe0)
        return 0;
    if (b < 0x90)
        return 2 * (uint64_t)(b & 0x0f);
    if (b < 0xa0)
        return b & 0x0f;
    if (b < 0xc0) {
        cursor_bytes(c, b & 0x1f);
        return 0;
    }
    b -= 0xc0;
    if (!heads[b].is_length && !heads[b].per) {
        cursor_bytes(c, heads[b].size);
        return 0;
    }
    v = read_count(c, heads[b].size);
    if (heads[b].per)
        return v * heads[b].per;
    cursor_bytes(c, v + heads[b].extra);
    return 0;
}

int gossip_packet_wrap_skip(struct str bytes, size_t value_max, size_t *at)
{
    struct str rest = str_drop(bytes, *at);
    struct cursor c = cursor_make(str_take(rest, value_max));
    uint64_t left[DEPTH_MAX] = {1};
    int depth = 0;

    while (depth >= 0) {
        uint64_t n;

        if (left[depth] == 0) {
            depth--;
            continue;
        }
        left[depth]--;
        if (cursor_left(&c) > 0 && (uint8_t)*c.p == 0xc1)
            return ERR_CORRUPT; /* never used */
        n = skip_head(&c);
        if (c.bad)
            return rest.n >= value_max ? ERR_TOO_LARGE : -EAGAIN;
        if (n == 0)
            continue;
        if (++depth == DEPTH_MAX || n > value_max)
            return ERR_CORRUPT;
        left[depth] = n;
    }
    *at += (size_t)(c.p - rest.p);
    return 0;
}
