/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dictionary of the encoder is a hash table of (code, byte) -> code with a
 * generation in each slot, so that a reset costs nothing. At most 3837 entries
 * stand in 8192 slots. The decoder keeps prefix and last byte of each code and
 * writes an expansion backwards into place, its length being known.
 */
#include "gossip/gossip_lzw.h"

#include "base/mem.h"

#define CODE_CLEAR 256U
#define CODE_END   257U
#define CODE_MAX   4095U
#define CODE_NONE  0xffffU
#define WIDTH_MIN  9U
#define WIDTH_MAX  12U
#define SLOTS      8192U

struct slot {
    uint32_t key; /* generation << 20 | code << 8 | byte */
    uint16_t code;
};
struct gossip_lzw {
    struct slot slots[SLOTS];
    uint32_t generation; /* 1 .. 4095 */
    /* decoder */
    uint16_t prefix[CODE_MAX + 1], length[CODE_MAX + 1];
    uint8_t last[CODE_MAX + 1];
};

struct gossip_lzw *gossip_lzw_new(void)
{
    return mem_new(struct gossip_lzw);
}

void gossip_lzw_free(struct gossip_lzw *z)
{
    mem_free(z);
}

struct writer {
    struct buf *out;
    uint32_t bits;
    unsigned bit_n, width;
    uint32_t hi, limit;
};

static void emit(struct writer *w, uint32_t code)
{
    w->bits |= code << w->bit_n;
    for (w->bit_n += w->width; w->bit_n >= 8; w->bit_n -= 8) {
        buf_put_u8(w->out, (uint8_t)w->bits);
        w->bits >>= 8;
    }
}

static void forget(struct gossip_lzw *z)
{
    if (++z->generation == 4096) {
        memset(z->slots, 0, sizeof(z->slots));
        z->generation = 1;
    }
}

static void restart(struct writer *w)
{
    w->hi = CODE_END;
    w->width = WIDTH_MIN;
    w->limit = 1U << WIDTH_MIN;
}

/* After each data code: the next one gets its number. False when the table was full and cleared. */
static bool advance(struct gossip_lzw *z, struct writer *w)
{
    if (++w->hi == w->limit) {
        w->width++;
        w->limit *= 2;
    }
    if (w->hi < CODE_MAX)
        return true;
    emit(w, CODE_CLEAR);
    restart(w);
    forget(z);
    return false;
}

static struct slot *find(struct gossip_lzw *z, uint32_t key)
{
    uint32_t i = (key * 2654435761U) >> 19;

    while (z->slots[i].key != key && z->slots[i].key >> 20 == z->generation)
        i = (i + 1) % SLOTS;
    return &z->slots[i];
}

void gossip_lzw_encode(struct gossip_lzw *z, struct str plain, struct buf *out)
{
    struct writer w = {.out = out};
    uint32_t code;

    forget(z);
    restart(&w);
    emit(&w, CODE_CLEAR);
    if (plain.n > 0) {
        code = (uint8_t)plain.p[0];
        for (size_t i = 1; i < plain.n; i++) {
            uint8_t c = (uint8_t)plain.p[i];
            uint32_t key = z->generation << 20 | code << 8 | c;
            struct slot *s = find(z, key);

            if (s->key == key) {
                code = s->code;
                continue;
            }
            emit(&w, code);
            code = c;
            if (advance(z, &w))
                *s = (struct slot){key, (uint16_t)w.hi};
        }
        emit(&w, code);
        advance(z, &w);
    }
    emit(&w, CODE_END);
    if (w.bit_n > 0)
        buf_put_u8(out, (uint8_t)w.bits);
}

struct reader {
    struct cursor in;
    uint32_t bits;
    unsigned bit_n, width;
    uint32_t hi, limit, last;
};

static uint32_t read_code(struct reader *r)
{
    uint32_t code;

    for (; r->bit_n < r->width; r->bit_n += 8)
        r->bits |= (uint32_t)cursor_u8(&r->in) << r->bit_n;
    code = r->bits & ((1U << r->width) - 1);
    r->bits >>= r->width;
    r->bit_n -= r->width;
    return code;
}

static size_t length_of(const struct gossip_lzw *z, uint32_t code)
{
    return code < CODE_CLEAR ? 1 : z->length[code];
}

/* Writes the bytes of `code`, whose last stands at end[-1]; gives the first. */
static char expand(const struct gossip_lzw *z, uint32_t code, char *end)
{
    while (code >= CODE_CLEAR) {
        *--end = (char)z->last[code];
        code = z->prefix[code];
    }
    *--end = (char)code;
    return (char)code;
}

/* One data code: its bytes, and the entry it completes. */
static int put_code(struct gossip_lzw *z, struct reader *r, uint32_t code, size_t *left,
                    struct buf *out)
{
    bool is_new = code == r->hi && r->last != CODE_NONE;
    uint32_t known = is_new ? r->last : code;
    size_t n;
    char *p, first;

    /* no entry stands at hi yet, but in the full table, which grows no more */
    if (code > r->hi || (code == r->hi && !is_new && r->hi < CODE_MAX))
        return ERR_CORRUPT;
    n = length_of(z, known) + (is_new ? 1 : 0);
    if (n > *left)
        return ERR_TOO_LARGE;
    p = buf_reserve(out, n);
    if (!p)
        return ERR_TOO_LARGE;
    first = expand(z, known, p + n - (is_new ? 1 : 0));
    if (is_new)
        p[n - 1] = first;
    out->n += n;
    *left -= n;
    if (r->last != CODE_NONE && r->hi <= CODE_MAX) {
        z->prefix[r->hi] = (uint16_t)r->last;
        z->last[r->hi] = (uint8_t)first;
        z->length[r->hi] = (uint16_t)(length_of(z, r->last) + 1);
    }
    return 0;
}

int gossip_lzw_decode(struct gossip_lzw *z, struct str bytes, size_t plain_max, struct buf *out)
{
    struct reader r = {.in = cursor_make(bytes),
                       .width = WIDTH_MIN,
                       .hi = CODE_END,
                       .limit = 1U << WIDTH_MIN,
                       .last = CODE_NONE};
    size_t left = plain_max;

    for (;;) {
        uint32_t code = read_code(&r);
        int rc;

        if (r.in.bad)
            return ERR_CORRUPT;
        if (code == CODE_END)
            return 0;
        if (code == CODE_CLEAR) {
            r.width = WIDTH_MIN;
            r.limit = 1U << WIDTH_MIN;
            r.hi = CODE_END;
            r.last = CODE_NONE;
            continue;
        }
        rc = put_code(z, &r, code, &left, out);
        if (rc < 0)
            return rc;
        r.last = code;
        if (++r.hi >= r.limit) {
            if (r.width == WIDTH_MAX) {
                /* the table is full: no more entries until a clear */
                r.last = CODE_NONE;
                r.hi--;
            } else {
                r.width++;
                r.limit *= 2;
            }
        }
    }
}
