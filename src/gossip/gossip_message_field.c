/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gossip/gossip_message_field.h"

static const struct gossip_field *find(const struct gossip_field_table *table, struct str name)
{
    for (size_t i = 0; i < table->n; i++)
        if (str_eq_z(name, table->fields[i].name))
            return &table->fields[i];
    return NULL;
}

static uint64_t read_number(struct unpack *u, uint64_t max)
{
    uint64_t v = unpack_uint(u);

    if (v > max)
        u->bad = true;
    return v;
}

/* The reference takes 0 and 1 too. */
static bool read_bool(struct unpack *u)
{
    if (cursor_left(&u->in) > 0 && (unsigned char)*u->in.p <= 1)
        return unpack_uint(u) == 1;
    return unpack_bool(u);
}

/* A value of the list's kind, only to see that it is one. */
static void check_item(enum gossip_form form, struct unpack *u)
{
    switch (form) {
    case GOSSIP_FORM_TEXTS:
        unpack_str(u);
        break;
    case GOSSIP_FORM_NUMBERS:
        unpack_str(u);
        unpack_uint(u);
        break;
    case GOSSIP_FORM_PAIRS:
        unpack_str(u);
        unpack_str(u);
        break;
    default:
        unpack_skip(u);
        break;
    }
}

static struct gossip_list read_list(enum gossip_form form, struct unpack *u)
{
    bool is_map = form == GOSSIP_FORM_NUMBERS || form == GOSSIP_FORM_PAIRS;
    struct gossip_list l = {is_map ? unpack_map(u) : unpack_array(u), {u->in.p, 0}};

    for (uint32_t i = 0; i < l.n && !u->bad; i++)
        check_item(form, u);
    l.items.n = (size_t)(u->in.p - l.items.p);
    return u->bad ? (struct gossip_list){0} : l;
}

static void read_vector(struct unpack *u, double *v)
{
    if (unpack_array(u) != GOSSIP_COORDINATE_DIMENSIONS)
        u->bad = true;
    for (int i = 0; i < GOSSIP_COORDINATE_DIMENSIONS && !u->bad; i++)
        v[i] = unpack_double(u);
}

static void read_value(const struct gossip_field *f, struct unpack *u, void *base)
{
    void *p = (char *)base + f->at;

    switch (f->form) {
    case GOSSIP_FORM_BOOL:
        *(bool *)p = read_bool(u);
        break;
    case GOSSIP_FORM_U8:
        *(uint8_t *)p = (uint8_t)read_number(u, UINT8_MAX);
        break;
    case GOSSIP_FORM_U16:
        *(uint16_t *)p = (uint16_t)read_number(u, UINT16_MAX);
        break;
    case GOSSIP_FORM_U32:
        *(uint32_t *)p = (uint32_t)read_number(u, UINT32_MAX);
        break;
    case GOSSIP_FORM_U64:
        *(uint64_t *)p = unpack_uint(u);
        break;
    case GOSSIP_FORM_I64:
        *(int64_t *)p = unpack_int(u);
        break;
    case GOSSIP_FORM_DOUBLE:
        *(double *)p = unpack_double(u);
        break;
    case GOSSIP_FORM_TEXT:
    case GOSSIP_FORM_BYTES:
        *(struct str *)p = unpack_str(u);
        break;
    case GOSSIP_FORM_TEXTS:
    case GOSSIP_FORM_NUMBERS:
    case GOSSIP_FORM_PAIRS:
    case GOSSIP_FORM_RECORDS:
        *(struct gossip_list *)p = read_list(f->form, u);
        break;
    case GOSSIP_FORM_VECTOR:
        read_vector(u, p);
        break;
    case GOSSIP_FORM_RECORD:
        gossip_message_field_decode(f->record, u, base);
        break;
    }
}

void gossip_message_field_decode(const struct gossip_field_table *table, struct unpack *u,
                                 void *dst)
{
    uint32_t n = unpack_is_nil(u) ? 0 : unpack_map(u);

    for (uint32_t i = 0; i < n && !u->bad; i++) {
        const struct gossip_field *f = find(table, unpack_str(u));

        if (!f)
            unpack_skip(u);
        else if (!unpack_is_nil(u)) /* nil leaves the zero value */
            read_value(f, u, dst);
    }
}

static bool is_empty(const struct gossip_field *f, const void *base)
{
    const void *p = (const char *)base + f->at;

    switch (f->form) {
    case GOSSIP_FORM_U16:
        return *(const uint16_t *)p == 0;
    case GOSSIP_FORM_TEXT:
    case GOSSIP_FORM_BYTES:
        return ((const struct str *)p)->n == 0;
    default:
        return false;
    }
}

static void write_list(enum gossip_form form, const struct gossip_list *l, struct buf *out)
{
    if (form == GOSSIP_FORM_NUMBERS || form == GOSSIP_FORM_PAIRS)
        pack_map(out, l->n);
    else if (l->n > 0 || l->items.p)
        pack_array(out, l->n);
    else
        pack_nil(out);
    buf_put_str(out, l->items);
}

static void write_vector(const double *v, struct buf *out)
{
    pack_array(out, GOSSIP_COORDINATE_DIMENSIONS);
    for (int i = 0; i < GOSSIP_COORDINATE_DIMENSIONS; i++)
        pack_double(out, v[i]);
}

static void write_value(const struct gossip_field *f, const void *base, struct buf *out)
{
    const void *p = (const char *)base + f->at;

    switch (f->form) {
    case GOSSIP_FORM_BOOL:
        pack_bool(out, *(const bool *)p);
        break;
    case GOSSIP_FORM_U8:
        pack_uint(out, *(const uint8_t *)p);
        break;
    case GOSSIP_FORM_U16:
        pack_uint(out, *(const uint16_t *)p);
        break;
    case GOSSIP_FORM_U32:
        pack_uint(out, *(const uint32_t *)p);
        break;
    case GOSSIP_FORM_U64:
        pack_uint(out, *(const uint64_t *)p);
        break;
    case GOSSIP_FORM_I64:
        pack_int(out, *(const int64_t *)p);
        break;
    case GOSSIP_FORM_DOUBLE:
        pack_double(out, *(const double *)p);
        break;
    case GOSSIP_FORM_TEXT:
        pack_raw(out, *(const struct str *)p);
        break;
    case GOSSIP_FORM_BYTES:
        if (((const struct str *)p)->p)
            pack_raw(out, *(const struct str *)p);
        else
            pack_nil(out);
        break;
    case GOSSIP_FORM_TEXTS:
    case GOSSIP_FORM_NUMBERS:
    case GOSSIP_FORM_PAIRS:
    case GOSSIP_FORM_RECORDS:
        write_list(f->form, p, out);
        break;
    case GOSSIP_FORM_VECTOR:
        write_vector(p, out);
        break;
    case GOSSIP_FORM_RECORD:
        gossip_message_field_encode(f->record, base, out);
        break;
    }
}

void gossip_message_field_encode(const struct gossip_field_table *table, const void *src,
                                 struct buf *out)
{
    uint32_t n = 0;

    for (size_t i = 0; i < table->n; i++)
        n += !(table->fields[i].omit && is_empty(&table->fields[i], src));
    pack_map(out, n);
    for (size_t i = 0; i < table->n; i++) {
        const struct gossip_field *f = &table->fields[i];

        if (f->omit && is_empty(f, src))
            continue;
        pack_raw(out, str_z(f->name));
        write_value(f, src, out);
    }
}
