/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "consensus/consensus_wire.h"

static void put_text(struct buf *out, const char *text)
{
    size_t n = strlen(text);

    buf_put_u8(out, (uint8_t)n);
    buf_put(out, text, n);
}

static bool get_text(struct cursor *c, char *dst, size_t size)
{
    struct str s = cursor_bytes(c, cursor_u8(c));

    if (c->bad || s.n >= size || (s.n && memchr(s.p, '\0', s.n)))
        return false;
    (void)str_copy_z(s, dst, size);
    return true;
}

void consensus_wire_put_hello(struct buf *out, const struct consensus_wire_hello *h)
{
    buf_put_u16(out, h->version);
    buf_put(out, h->cluster, sizeof h->cluster);
    put_text(out, h->from);
    put_text(out, h->to);
    put_text(out, h->address);
}

int consensus_wire_get_hello(struct str bytes, struct consensus_wire_hello *ret)
{
    struct cursor c = cursor_make(bytes);

    *ret = (struct consensus_wire_hello){.version = cursor_u16(&c)};
    struct str cluster = cursor_bytes(&c, sizeof ret->cluster);
    if (c.bad)
        return ERR_CORRUPT;
    memcpy(ret->cluster, cluster.p, sizeof ret->cluster);
    if (!get_text(&c, ret->from, sizeof ret->from) || !get_text(&c, ret->to, sizeof ret->to) ||
        !get_text(&c, ret->address, sizeof ret->address) || ret->from[0] == '\0')
        return ERR_CORRUPT;
    return 0; /* what follows is of a later version */
}

void consensus_wire_put_reply(struct buf *out, enum consensus_wire_kind kind,
                              const struct consensus_wire_reply *r)
{
    buf_put_u64(out, r->id);
    buf_put_u32(out, (uint32_t)r->status);
    buf_put_u64(out, r->index);
    if (kind == CONSENSUS_WIRE_RESULT) {
        buf_put_u32(out, (uint32_t)r->result);
        buf_put_u16(out, (uint16_t)r->text.n);
        buf_put_str(out, r->text);
    }
    if (kind != CONSENSUS_WIRE_INDEX)
        buf_put_str(out, r->bytes);
}

int consensus_wire_get_reply(struct str bytes, enum consensus_wire_kind kind,
                             struct consensus_wire_reply *ret)
{
    struct cursor c = cursor_make(bytes);

    *ret = (struct consensus_wire_reply){.id = cursor_u64(&c)};
    ret->status = (int32_t)cursor_u32(&c);
    ret->index = cursor_u64(&c);
    if (kind == CONSENSUS_WIRE_RESULT) {
        ret->result = (int32_t)cursor_u32(&c);
        ret->text = cursor_bytes(&c, cursor_u16(&c));
    }
    ret->bytes = cursor_bytes(&c, cursor_left(&c));
    bool is_code = ret->status <= 0 && ret->result <= 0 && ret->text.n < ERROR_TEXT_MAX &&
                   ret->index <= RAFT_NUMBER_MAX;
    return c.bad || !is_code || (kind == CONSENSUS_WIRE_INDEX && ret->bytes.n) ? ERR_CORRUPT : 0;
}
