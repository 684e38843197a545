/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream's message has no length in front unless it is sealed: it ends where
 * its last msgpack map, or the bytes that this announces, end. What has been
 * passed once is not read again when more arrives, so that a large plain
 * push/pull costs its size, not its square.
 */
#include <errno.h>

#include "base/rng.h"
#include "gossip/gossip_lzw.h"
#include "gossip/gossip_packet_wrap.h"

#define ENVELOPE_SIZE 5U
#define MAP_SIZE_MAX  ((size_t)64 * 1024) /* of one map: a node, a header, a ping */
#define LABEL_AAD_MAX (ENVELOPE_SIZE + UINT8_MAX)

void gossip_packet_stream_init(struct gossip_packet_stream *s)
{
    *s = (struct gossip_packet_stream){.stream_size = 0};
    buf_init(&s->plain, 0);
    buf_init(&s->inflated, 0);
}

void gossip_packet_stream_fini(struct gossip_packet_stream *s)
{
    buf_fini(&s->plain);
    buf_fini(&s->inflated);
}

/* The five bytes before the sealed form and the label are bound to it. */
static struct str additional(const struct gossip_packet *p, const char *envelope,
                             char dst[LABEL_AAD_MAX])
{
    memcpy(dst, envelope, ENVELOPE_SIZE);
    if (p->label.n > 0)
        memcpy(dst + ENVELOPE_SIZE, p->label.p, p->label.n);
    return str_make(dst, ENVELOPE_SIZE + p->label.n);
}

/* *body: from the envelope on; afterwards what it held. */
static int open_envelope(struct gossip_packet *p, struct gossip_packet_stream *s, struct str *body)
{
    struct cursor c = cursor_make(str_drop(*body, 1));
    char aad[LABEL_AAD_MAX];
    struct str sealed;
    uint32_t n;
    int rc;

    if (gossip_keyring_count(p->keyring) == 0)
        return ERR_DENIED;
    if (body->n < ENVELOPE_SIZE)
        return -EAGAIN;
    n = cursor_u32(&c);
    if (n > GOSSIP_STREAM_SIZE_MAX)
        return ERR_TOO_LARGE;
    sealed = cursor_bytes(&c, n);
    if (c.bad)
        return -EAGAIN;
    rc = gossip_keyring_open(p->keyring, additional(p, body->p, aad), sealed, &s->plain);
    if (rc < 0)
        return rc;
    s->stream_size = s->wrap_size + ENVELOPE_SIZE + n;
    *body = buf_str(&s->plain);
    return 0;
}

/* Takes label, envelope and compression off *body; s->is_open says that bytes need not come any
 * more: the whole is in memory. */
static int unwrap(struct gossip_packet *p, struct gossip_packet_stream *s, struct str *body,
                  bool is_answer)
{
    size_t before = body->n, at = 1;
    bool is_sealed;
    int rc;

    if (!is_answer) {
        rc = gossip_packet_wrap_label(p, body);
        if (rc < 0)
            return rc;
    }
    s->wrap_size = before - body->n;
    if (body->n == 0)
        return -EAGAIN;
    is_sealed = (uint8_t)body->p[0] == GOSSIP_ENCRYPT;
    if (is_sealed) {
        rc = open_envelope(p, s, body);
        if (rc < 0)
            return rc;
        if (body->n == 0)
            return ERR_CORRUPT;
        s->is_open = true;
    } else if (gossip_keyring_count(p->keyring) > 0 && !p->accept_plain) {
        return ERR_DENIED;
    }
    if ((uint8_t)body->p[0] != GOSSIP_COMPRESS)
        return 0;
    rc = gossip_packet_wrap_skip(*body, GOSSIP_STREAM_SIZE_MAX, &at);
    if (rc < 0)
        return rc == -EAGAIN && is_sealed ? ERR_CORRUPT : rc;
    if (!is_sealed)
        s->stream_size = s->wrap_size + at;
    rc = gossip_packet_wrap_inflate(p->lzw, *body, GOSSIP_STREAM_INFLATED_MAX, &s->inflated);
    if (rc < 0)
        return rc;
    s->is_open = true;
    *body = buf_str(&s->inflated);
    return body->n == 0 ? ERR_CORRUPT : 0;
}

/* The numbers of a push/pull's or user message's header, once it is complete. */
static int count_tail(struct gossip_packet_stream *s, struct str body)
{
    struct gossip_push_pull head;
    uint64_t size;
    int rc = gossip_message_decode_head(str_take(body, s->scanned), &head.node_n, &size);

    if (rc < 0)
        return rc;
    s->nodes_left = head.node_n;
    s->tail_size = size;
    s->is_counted = true;
    return 0;
}

/* -EAGAIN until the message in `body` is complete; s->scanned is its size then. */
static int scan(struct gossip_packet_stream *s, struct str body)
{
    uint8_t kind = (uint8_t)body.p[0];
    int rc;

    if (kind != GOSSIP_PUSH_PULL && kind != GOSSIP_USER && kind != GOSSIP_PING &&
        kind != GOSSIP_ACK && kind != GOSSIP_ERROR)
        return ERR_CORRUPT;
    if (s->scanned == 0) {
        size_t at = 1;

        rc = gossip_packet_wrap_skip(body, MAP_SIZE_MAX, &at);
        if (rc < 0)
            return rc;
        s->scanned = at;
    }
    if (kind != GOSSIP_PUSH_PULL && kind != GOSSIP_USER)
        return 0;
    if (!s->is_counted) {
        rc = count_tail(s, body);
        if (rc < 0)
            return rc;
    }
    for (; s->nodes_left > 0; s->nodes_left--) {
        rc = gossip_packet_wrap_skip(body, MAP_SIZE_MAX, &s->scanned);
        if (rc < 0)
            return rc;
    }
    if (body.n - s->scanned < s->tail_size)
        return -EAGAIN;
    s->scanned += s->tail_size;
    return 0;
}

int gossip_packet_stream_open(struct gossip_packet *p, struct gossip_packet_stream *s,
                              struct str received, bool is_answer)
{
    struct str body = received;
    int rc;

    if (s->scanned > 0) {
        body = str_drop(received, s->wrap_size); /* plain: what is sealed is scanned at once */
    } else {
        rc = unwrap(p, s, &body, is_answer);
        if (rc < 0)
            return rc == -EAGAIN && received.n > GOSSIP_STREAM_SIZE_MAX ? ERR_TOO_LARGE : rc;
    }
    rc = scan(s, body);
    if (rc == -EAGAIN && s->is_open)
        return ERR_CORRUPT;
    if (rc == -EAGAIN && received.n > GOSSIP_STREAM_INFLATED_MAX)
        return ERR_TOO_LARGE;
    if (rc < 0)
        return rc;
    if (!s->is_open)
        s->stream_size = s->wrap_size + s->scanned;
    s->message = str_take(body, s->scanned);
    return 0;
}

void gossip_packet_stream_seal(struct gossip_packet *p, struct str message, bool is_answer,
                               struct buf *out)
{
    uint8_t nonce[GOSSIP_NONCE_SIZE];
    char aad[LABEL_AAD_MAX];
    size_t at;

    if (!is_answer)
        gossip_packet_wrap_put_label(p, out);
    if (!p->no_compression) {
        buf_clear(&p->work);
        gossip_packet_wrap_deflate(p->lzw, message, &p->work);
        message = buf_str(&p->work);
    }
    if (gossip_keyring_count(p->keyring) == 0 || p->send_plain) {
        buf_put_str(out, message);
        return;
    }
    at = out->n;
    buf_put_u8(out, GOSSIP_ENCRYPT);
    buf_put_u32(out, (uint32_t)(message.n + GOSSIP_SEAL_SIZE));
    if (out->failed)
        return;
    (p->random ? p->random : rng_secure)(nonce, sizeof(nonce));
    gossip_keyring_seal(p->keyring, nonce, additional(p, out->p + at, aad), message, out);
}

const char *gossip_packet_stream_refusal(const struct gossip_packet *p, int code,
                                         struct str received)
{
    struct str body = received;

    if (code != ERR_DENIED || gossip_packet_wrap_label(p, &body) != 0 || body.n == 0)
        return error_text(code);
    if (gossip_keyring_count(p->keyring) == 0)
        return "Remote state is encrypted and encryption is not configured";
    return (uint8_t)body.p[0] == GOSSIP_ENCRYPT
               ? "No installed keys could decrypt the message"
               : "Encryption is configured but remote state is not encrypted";
}
