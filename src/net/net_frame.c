/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/net_frame.h"

#include "base/digest.h"

void net_frame_init(struct net_frame_reader *r, size_t max)
{
    r->max = max;
    buf_init(&r->bytes, max + NET_FRAME_HEADER);
}

void net_frame_fini(struct net_frame_reader *r)
{
    buf_fini(&r->bytes);
}

bool net_frame_is_partial(const struct net_frame_reader *r)
{
    return r->bytes.n > 0;
}

/* Bytes that the frame at the start of `s` wants in all; the header itself while it is not whole.
 */
static int frame_size(const struct net_frame_reader *r, struct str s, size_t *ret)
{
    *ret = NET_FRAME_HEADER;
    if (s.n < 4)
        return 0;
    struct cursor c = cursor_make(s);
    uint32_t n = cursor_u32(&c);
    if (n == 0)
        return ERR_CORRUPT;
    if (n > r->max)
        return ERR_TOO_LARGE;
    *ret = NET_FRAME_HEADER + n;
    return 0;
}

static int hand_over(struct str frame, int (*each)(void *data, struct str payload), void *data)
{
    struct str payload = str_drop(frame, NET_FRAME_HEADER);
    struct cursor c = cursor_make(str_drop(frame, 4));

    if (cursor_u32(&c) != digest_crc32c(0, payload))
        return ERR_CORRUPT;
    return each(data, payload);
}

/* What was begun before is made whole first. Returns how many bytes were taken, or an error. */
static int go_on(struct net_frame_reader *r, struct str *bytes,
                 int (*each)(void *data, struct str payload), void *data)
{
    size_t size;

    for (;;) {
        int rc = frame_size(r, buf_str(&r->bytes), &size);
        if (rc < 0)
            return rc;
        if (r->bytes.n >= NET_FRAME_HEADER && r->bytes.n == size)
            break;
        size_t n = size - r->bytes.n;
        if (n > bytes->n)
            n = bytes->n;
        if (n == 0)
            return 0;
        buf_put(&r->bytes, bytes->p, n);
        *bytes = str_drop(*bytes, n);
    }
    int rc = hand_over(buf_str(&r->bytes), each, data);
    /* A large one leaves no memory behind. */
    if (r->bytes.cap > (size_t)1 << 20)
        buf_fini(&r->bytes);
    else
        buf_clear(&r->bytes);
    return rc;
}

int net_frame_feed(struct net_frame_reader *r, struct str bytes,
                   int (*each)(void *data, struct str payload), void *data)
{
    size_t size;
    int rc = 0;

    if (r->bytes.n)
        rc = go_on(r, &bytes, each, data);
    while (rc == 0 && bytes.n && !r->bytes.n) {
        rc = frame_size(r, bytes, &size);
        if (rc < 0)
            break;
        if (bytes.n < size) {
            buf_put_str(&r->bytes, bytes);
            break;
        }
        struct str frame = str_take(bytes, size);
        bytes = str_drop(bytes, size);
        rc = hand_over(frame, each, data);
    }
    return rc;
}

size_t net_frame_begin(struct buf *out)
{
    size_t at = out->n;

    buf_put_u64(out, 0);
    return at;
}

static void put_u32_at(struct buf *b, size_t at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        b->p[at + (size_t)i] = (char)(v >> (24 - 8 * i));
}

int net_frame_end(struct buf *out, size_t at, size_t max)
{
    if (!out->failed && out->n > at + NET_FRAME_HEADER && out->n - at - NET_FRAME_HEADER <= max) {
        struct str payload = str_drop(buf_str(out), at + NET_FRAME_HEADER);
        put_u32_at(out, at, (uint32_t)payload.n);
        put_u32_at(out, at + 4, digest_crc32c(0, payload));
        return 0;
    }
    out->n = at;
    out->failed = false;
    return ERR_TOO_LARGE;
}
