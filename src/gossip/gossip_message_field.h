/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages as tables: the keys of a msgpack map, and where in a struct the
 * value of each stands. One reader and one writer serve all messages.
 */
#ifndef DISCO_GOSSIP_GOSSIP_MESSAGE_FIELD_H
#define DISCO_GOSSIP_GOSSIP_MESSAGE_FIELD_H

#include "base/pack.h"
#include "gossip/gossip_message_serf.h"

enum gossip_form {
    GOSSIP_FORM_BOOL,
    GOSSIP_FORM_U8,
    GOSSIP_FORM_U16,
    GOSSIP_FORM_U32,
    GOSSIP_FORM_U64,
    GOSSIP_FORM_I64,
    GOSSIP_FORM_DOUBLE,
    GOSSIP_FORM_TEXT,
    GOSSIP_FORM_BYTES,   /* nil when p is NULL */
    GOSSIP_FORM_TEXTS,   /* struct gossip_list: array of text or bytes */
    GOSSIP_FORM_NUMBERS, /* struct gossip_list: map text -> number */
    GOSSIP_FORM_PAIRS,   /* struct gossip_list: map text -> text */
    GOSSIP_FORM_RECORDS, /* struct gossip_list: array of maps and nils, looked into when walked */
    GOSSIP_FORM_VECTOR,  /* double[GOSSIP_COORDINATE_DIMENSIONS] */
    GOSSIP_FORM_RECORD   /* a map in the map: `fields`, in the struct of the outer one */
};

struct gossip_field_table;
struct gossip_field {
    const char *name;
    enum gossip_form form;
    size_t at; /* offset in the struct */
    bool omit; /* not written when empty or zero */
    const struct gossip_field_table *record;
};
struct gossip_field_table {
    const struct gossip_field *fields; /* sorted by name: the order in which they are written */
    size_t n;
};
#define GOSSIP_FIELD_TABLE(array)                                                                  \
    {                                                                                              \
        (array), sizeof(array) / sizeof((array)[0])                                                \
    }

/* One map into the struct at dst, whose fields are zero; what is missing stays so. u becomes bad
 * when it does not fit. nil counts as an empty map. */
void gossip_message_field_decode(const struct gossip_field_table *table, struct unpack *u,
                                 void *dst);
void gossip_message_field_encode(const struct gossip_field_table *table, const void *src,
                                 struct buf *out);

#endif
