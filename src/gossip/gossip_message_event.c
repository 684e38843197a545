/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gossip/gossip_message_event.h"

#include "gossip/gossip_message_field.h"

#define AT(member) offsetof(struct gossip_message_event, member)
static const struct gossip_field fields[] = {
    {"ID", GOSSIP_FORM_TEXT, AT(id), false, NULL},
    {"n", GOSSIP_FORM_TEXT, AT(name), false, NULL},
    {"nf", GOSSIP_FORM_TEXT, AT(node_filter), true, NULL},
    {"p", GOSSIP_FORM_BYTES, AT(payload), true, NULL},
    {"sf", GOSSIP_FORM_TEXT, AT(service_filter), true, NULL},
    {"tf", GOSSIP_FORM_TEXT, AT(tag_filter), true, NULL},
    {"v", GOSSIP_FORM_I64, AT(version), false, NULL},
};
static const struct gossip_field_table table = GOSSIP_FIELD_TABLE(fields);

int gossip_message_event_decode(struct str bytes, struct gossip_message_event *ret)
{
    struct gossip_message_event e = {.version = 0};
    struct unpack u = unpack_make(bytes);

    gossip_message_field_decode(&table, &u, &e);
    if (u.bad)
        return ERR_CORRUPT;
    *ret = e;
    return 0;
}

/* The other dialect: the tables' writer knows the old one only. */
void gossip_message_event_encode(const struct gossip_message_event *e, struct buf *out)
{
    uint32_t n = 3;

    for (size_t i = 0; i < table.n; i++)
        if (fields[i].omit)
            n += ((const struct str *)(const void *)((const char *)e + fields[i].at))->n > 0;
    pack_map(out, n);
    for (size_t i = 0; i < table.n; i++) {
        const struct gossip_field *f = &fields[i];
        const struct str *s = (const void *)((const char *)e + f->at);

        if (f->form != GOSSIP_FORM_I64 && f->omit && s->n == 0)
            continue;
        pack_str(out, str_z(f->name));
        if (f->form == GOSSIP_FORM_I64)
            pack_int(out, e->version);
        else if (f->form == GOSSIP_FORM_BYTES)
            pack_bin(out, *s);
        else
            pack_str(out, *s);
    }
}
