/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/consul.h"

#define GO_UNIX_EPOCH_S INT64_C(62135596800) /* from the year 1 to 1970 */
#define TIME_SIZE_MIN   15
#define ELEMENTS_MAX    65536

struct str consul_value(struct unpack *u)
{
    const char *from = u->in.p;

    unpack_skip(u);
    return u->bad ? STR_NONE : str_make(from, (size_t)(u->in.p - from));
}

struct str consul_field(const struct consul_record *r, const char *name)
{
    struct unpack u = unpack_make(r->map);
    uint32_t n = r->map.n ? unpack_map(&u) : 0;

    for (; n > 0 && !u.bad; n--) {
        bool found = str_eq_z(unpack_str(&u), name);
        struct str value = consul_value(&u);
        struct unpack v = unpack_make(value);

        if (found && !u.bad)
            return unpack_is_nil(&v) ? STR_NONE : value;
    }
    *r->bad |= u.bad;
    return STR_NONE;
}

struct consul_record consul_sub(const struct consul_record *r, const char *name)
{
    struct consul_record ret = *r;

    ret.map = consul_field(r, name);
    return ret;
}

struct str consul_text(const struct consul_record *r, const char *name)
{
    struct str value = consul_field(r, name);
    struct unpack u = unpack_make(value);
    struct str ret = value.n ? unpack_str(&u) : STR_LIT("");

    *r->bad |= u.bad;
    return ret;
}

uint64_t consul_u64(const struct consul_record *r, const char *name)
{
    struct str value = consul_field(r, name);
    struct unpack u = unpack_make(value);
    uint64_t ret = value.n ? unpack_uint(&u) : 0;

    *r->bad |= u.bad;
    return ret;
}

int64_t consul_i64(const struct consul_record *r, const char *name)
{
    struct str value = consul_field(r, name);
    struct unpack u = unpack_make(value);
    int64_t ret = value.n ? unpack_int(&u) : 0;

    *r->bad |= u.bad;
    return ret;
}

double consul_double(const struct consul_record *r, const char *name)
{
    struct str value = consul_field(r, name);
    struct unpack u = unpack_make(value);
    double ret = value.n ? unpack_double(&u) : 0;

    *r->bad |= u.bad;
    return ret;
}

bool consul_bool(const struct consul_record *r, const char *name)
{
    struct str value = consul_field(r, name);
    struct unpack u = unpack_make(value);
    bool ret = value.n && unpack_bool(&u);

    *r->bad |= u.bad;
    return ret;
}

/* Version 1 or 2, seconds since the year 1, nanoseconds, and the zone, which says nothing here. */
int64_t consul_time(const struct consul_record *r, const char *name)
{
    struct str bytes = consul_text(r, name);
    struct cursor c = cursor_make(bytes);
    uint8_t version = cursor_u8(&c);
    int64_t s = (int64_t)cursor_u64(&c);
    uint32_t ns = cursor_u32(&c);

    if (bytes.n == 0 || (bytes.n >= TIME_SIZE_MIN && s == 0 && ns == 0))
        return 0;
    if (bytes.n < TIME_SIZE_MIN || version < 1 || version > 2 || ns > 999999999 ||
        s < GO_UNIX_EPOCH_S || s - GO_UNIX_EPOCH_S > INT64_MAX / 1000000000 - 1) {
        *r->bad = true;
        return 0;
    }
    return (s - GO_UNIX_EPOCH_S) * 1000000000 + ns;
}

uint64_t consul_index(const struct consul_record *r, const char *name)
{
    uint64_t index = consul_u64(r, name);

    return index < r->index_max ? index : r->index_max;
}

struct buf *consul_part(const struct consul_record *r)
{
    ASSERT(*r->part_n < CONSUL_PARTS_MAX);
    struct buf *ret = &r->parts[(*r->part_n)++];

    buf_clear(ret);
    return ret;
}

struct str consul_texts(const struct consul_record *r, const char *name)
{
    struct str value = consul_field(r, name);
    struct unpack u = unpack_make(value);
    struct buf *out = consul_part(r);
    uint32_t n;

    if (!value.n)
        return STR_NONE;
    n = unpack_array(&u);
    *r->bad |= u.bad || n > ELEMENTS_MAX;
    pack_array(out, n);
    for (; n > 0 && !*r->bad; n--) {
        pack_str(out, unpack_str(&u));
        *r->bad |= u.bad;
    }
    return buf_str(out);
}

struct pairs consul_pairs(const struct consul_record *r, const char *name)
{
    struct str value = consul_field(r, name);
    struct unpack u = unpack_make(value);
    struct buf *out = consul_part(r);
    struct pair list[CONSUL_PAIRS_MAX];
    uint32_t n;

    if (!value.n)
        return (struct pairs){STR_NONE};
    n = unpack_map(&u);
    if (u.bad || n > CONSUL_PAIRS_MAX) {
        *r->bad = true;
        return (struct pairs){STR_NONE};
    }
    for (uint32_t i = 0; i < n; i++) {
        list[i].name = unpack_str(&u);
        list[i].value = unpack_str(&u);
    }
    *r->bad |= u.bad;
    pairs_pack(list, n, out);
    return (struct pairs){buf_str(out)};
}

struct str consul_each(const struct consul_record *r, const char *name,
                       void (*put)(struct buf *out, const struct consul_record *element))
{
    struct str value = consul_field(r, name);
    struct unpack u = unpack_make(value);
    struct buf *out = consul_part(r);
    struct consul_record element = *r;
    uint32_t n;

    if (!value.n)
        return STR_NONE;
    n = unpack_array(&u);
    *r->bad |= u.bad || n > ELEMENTS_MAX;
    pack_array(out, n);
    for (; n > 0 && !*r->bad; n--) {
        element.map = consul_value(&u);
        *r->bad |= u.bad;
        put(out, &element);
    }
    return buf_str(out);
}
