/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gossip/gossip_message_serf.h"

#include "gossip/gossip_message_field.h"

#define TAGS_MAGIC         0xff
#define COORDINATE_VERSION 1

/* clang-format off */
#define AT(type, member) offsetof(struct type, member)
static const struct gossip_field leave_fields[] = {
    {"LTime", GOSSIP_FORM_U64,  AT(gossip_serf_intent, ltime), false, NULL},
    {"Node",  GOSSIP_FORM_TEXT, AT(gossip_serf_intent, node),  false, NULL},
    {"Prune", GOSSIP_FORM_BOOL, AT(gossip_serf_intent, prune), false, NULL},
};
static const struct gossip_field join_fields[] = {
    {"LTime", GOSSIP_FORM_U64,  AT(gossip_serf_intent, ltime), false, NULL},
    {"Node",  GOSSIP_FORM_TEXT, AT(gossip_serf_intent, node),  false, NULL},
};
static const struct gossip_field state_fields[] = {
    {"EventLTime",   GOSSIP_FORM_U64,     AT(gossip_serf_state, event_ltime), false, NULL},
    {"Events",       GOSSIP_FORM_RECORDS, AT(gossip_serf_state, events),      false, NULL},
    {"LTime",        GOSSIP_FORM_U64,     AT(gossip_serf_state, ltime),       false, NULL},
    {"LeftMembers",  GOSSIP_FORM_TEXTS,   AT(gossip_serf_state, left),        false, NULL},
    {"QueryLTime",   GOSSIP_FORM_U64,     AT(gossip_serf_state, query_ltime), false, NULL},
    {"StatusLTimes", GOSSIP_FORM_NUMBERS, AT(gossip_serf_state, status),      false, NULL},
};
static const struct gossip_field event_fields[] = {
    {"CC",      GOSSIP_FORM_BOOL,  AT(gossip_serf_event, cc),      false, NULL},
    {"LTime",   GOSSIP_FORM_U64,   AT(gossip_serf_event, ltime),   false, NULL},
    {"Name",    GOSSIP_FORM_TEXT,  AT(gossip_serf_event, name),    false, NULL},
    {"Payload", GOSSIP_FORM_BYTES, AT(gossip_serf_event, payload), false, NULL},
};
static const struct gossip_field query_fields[] = {
    {"Addr",        GOSSIP_FORM_BYTES, AT(gossip_serf_query, addr),         false, NULL},
    {"Filters",     GOSSIP_FORM_TEXTS, AT(gossip_serf_query, filters),      false, NULL},
    {"Flags",       GOSSIP_FORM_U32,   AT(gossip_serf_query, flags),        false, NULL},
    {"ID",          GOSSIP_FORM_U32,   AT(gossip_serf_query, id),           false, NULL},
    {"LTime",       GOSSIP_FORM_U64,   AT(gossip_serf_query, ltime),        false, NULL},
    {"Name",        GOSSIP_FORM_TEXT,  AT(gossip_serf_query, name),         false, NULL},
    {"Payload",     GOSSIP_FORM_BYTES, AT(gossip_serf_query, payload),      false, NULL},
    {"Port",        GOSSIP_FORM_U16,   AT(gossip_serf_query, port),         false, NULL},
    {"RelayFactor", GOSSIP_FORM_U8,    AT(gossip_serf_query, relay_factor), false, NULL},
    {"SourceNode",  GOSSIP_FORM_TEXT,  AT(gossip_serf_query, source_node),  false, NULL},
    {"Timeout",     GOSSIP_FORM_I64,   AT(gossip_serf_query, timeout_ns),   false, NULL},
};
static const struct gossip_field response_fields[] = {
    {"Flags",   GOSSIP_FORM_U32,   AT(gossip_serf_response, flags),   false, NULL},
    {"From",    GOSSIP_FORM_TEXT,  AT(gossip_serf_response, from),    false, NULL},
    {"ID",      GOSSIP_FORM_U32,   AT(gossip_serf_response, id),      false, NULL},
    {"LTime",   GOSSIP_FORM_U64,   AT(gossip_serf_response, ltime),   false, NULL},
    {"Payload", GOSSIP_FORM_BYTES, AT(gossip_serf_response, payload), false, NULL},
};
#define VSN_AT(i) (AT(gossip_serf_conflict, vsn) + (i))
static const struct gossip_field conflict_fields[] = {
    {"Addr",        GOSSIP_FORM_BYTES, AT(gossip_serf_conflict, addr),   false, NULL},
    {"DelegateCur", GOSSIP_FORM_U8,    VSN_AT(GOSSIP_VSN_SERF_CURRENT),  false, NULL},
    {"DelegateMax", GOSSIP_FORM_U8,    VSN_AT(GOSSIP_VSN_SERF_MAX),      false, NULL},
    {"DelegateMin", GOSSIP_FORM_U8,    VSN_AT(GOSSIP_VSN_SERF_MIN),      false, NULL},
    {"Name",        GOSSIP_FORM_TEXT,  AT(gossip_serf_conflict, node),   false, NULL},
    {"Port",        GOSSIP_FORM_U16,   AT(gossip_serf_conflict, port),   false, NULL},
    {"ProtocolCur", GOSSIP_FORM_U8,    VSN_AT(GOSSIP_VSN_PROTO_CURRENT), false, NULL},
    {"ProtocolMax", GOSSIP_FORM_U8,    VSN_AT(GOSSIP_VSN_PROTO_MAX),     false, NULL},
    {"ProtocolMin", GOSSIP_FORM_U8,    VSN_AT(GOSSIP_VSN_PROTO_MIN),     false, NULL},
    {"Status",      GOSSIP_FORM_I64,   AT(gossip_serf_conflict, status), false, NULL},
    {"Tags",        GOSSIP_FORM_PAIRS, AT(gossip_serf_conflict, tags),   false, NULL},
};
static const struct gossip_field key_fields[] = {
    {"Key", GOSSIP_FORM_BYTES, 0, false, NULL},
};
static const struct gossip_field key_response_fields[] = {
    {"Keys",       GOSSIP_FORM_TEXTS, AT(gossip_serf_key_response, keys),    false, NULL},
    {"Message",    GOSSIP_FORM_TEXT,  AT(gossip_serf_key_response, message), false, NULL},
    {"PrimaryKey", GOSSIP_FORM_TEXT,  AT(gossip_serf_key_response, primary), false, NULL},
    {"Result",     GOSSIP_FORM_BOOL,  AT(gossip_serf_key_response, result),  false, NULL},
};
static const struct gossip_field dest_fields[] = {
    {"IP",   GOSSIP_FORM_BYTES, AT(gossip_serf_relay, ip),   false, NULL},
    {"Port", GOSSIP_FORM_U16,   AT(gossip_serf_relay, port), false, NULL},
    {"Zone", GOSSIP_FORM_TEXT,  AT(gossip_serf_relay, zone), false, NULL},
};
static const struct gossip_field_table dest_table = GOSSIP_FIELD_TABLE(dest_fields);
static const struct gossip_field relay_fields[] = {
    {"DestAddr", GOSSIP_FORM_RECORD, 0, false, &dest_table},
    {"DestName", GOSSIP_FORM_TEXT, AT(gossip_serf_relay, node), false, NULL},
};
struct slot {
    uint64_t ltime;
    struct gossip_list events;
};
static const struct gossip_field slot_fields[] = {
    {"Events", GOSSIP_FORM_RECORDS, AT(slot, events), false, NULL},
    {"LTime",  GOSSIP_FORM_U64,     AT(slot, ltime),  false, NULL},
};
struct slot_event {
    struct str name, payload;
};
static const struct gossip_field slot_event_fields[] = {
    {"Name",    GOSSIP_FORM_TEXT,  AT(slot_event, name),    false, NULL},
    {"Payload", GOSSIP_FORM_BYTES, AT(slot_event, payload), false, NULL},
};
static const struct gossip_field filter_tag_fields[] = {
    {"Expr", GOSSIP_FORM_TEXT, AT(gossip_filter, expr), false, NULL},
    {"Tag",  GOSSIP_FORM_TEXT, AT(gossip_filter, tag),  false, NULL},
};
static const struct gossip_field coordinate_fields[] = {
    {"Adjustment", GOSSIP_FORM_DOUBLE, AT(gossip_coordinate, adjustment), false, NULL},
    {"Error",      GOSSIP_FORM_DOUBLE, AT(gossip_coordinate, error),      false, NULL},
    {"Height",     GOSSIP_FORM_DOUBLE, AT(gossip_coordinate, height),     false, NULL},
    {"Vec",        GOSSIP_FORM_VECTOR, AT(gossip_coordinate, vec),        false, NULL},
};
/* clang-format on */

static const struct gossip_field_table tables[] = {
    [GOSSIP_SERF_LEAVE] = GOSSIP_FIELD_TABLE(leave_fields),
    [GOSSIP_SERF_JOIN] = GOSSIP_FIELD_TABLE(join_fields),
    [GOSSIP_SERF_PUSH_PULL] = GOSSIP_FIELD_TABLE(state_fields),
    [GOSSIP_SERF_EVENT] = GOSSIP_FIELD_TABLE(event_fields),
    [GOSSIP_SERF_QUERY] = GOSSIP_FIELD_TABLE(query_fields),
    [GOSSIP_SERF_RESPONSE] = GOSSIP_FIELD_TABLE(response_fields),
    [GOSSIP_SERF_CONFLICT] = GOSSIP_FIELD_TABLE(conflict_fields),
    [GOSSIP_SERF_KEY_REQUEST] = GOSSIP_FIELD_TABLE(key_fields),
    [GOSSIP_SERF_KEY_RESPONSE] = GOSSIP_FIELD_TABLE(key_response_fields),
    [GOSSIP_SERF_RELAY] = GOSSIP_FIELD_TABLE(relay_fields),
};
static const struct gossip_field_table slot_table = GOSSIP_FIELD_TABLE(slot_fields);
static const struct gossip_field_table slot_event_table = GOSSIP_FIELD_TABLE(slot_event_fields);
static const struct gossip_field_table filter_tag_table = GOSSIP_FIELD_TABLE(filter_tag_fields);
static const struct gossip_field_table coordinate_table = GOSSIP_FIELD_TABLE(coordinate_fields);

int gossip_serf_decode(struct str bytes, struct gossip_serf_message *ret)
{
    struct gossip_serf_message m = {0};
    struct unpack u = unpack_make(bytes);
    uint8_t kind = cursor_u8(&u.in);

    if (u.in.bad)
        return ERR_CORRUPT;
    if (kind >= sizeof(tables) / sizeof(tables[0]))
        return ERR_UNSUPPORTED;
    m.kind = (enum gossip_serf_kind)kind;
    if (kind == GOSSIP_SERF_CONFLICT && unpack_is_nil(&u))
        m.u.conflict.is_nil = true;
    else
        gossip_message_field_decode(&tables[kind], &u, &m.u);
    if (u.bad)
        return ERR_CORRUPT;
    if (kind == GOSSIP_SERF_RELAY)
        m.u.relay.message = str_make(u.in.p, cursor_left(&u.in));
    *ret = m;
    return 0;
}

void gossip_serf_encode(const struct gossip_serf_message *m, struct buf *out)
{
    ASSERT(m->kind < sizeof(tables) / sizeof(tables[0]));
    buf_put_u8(out, (uint8_t)m->kind);
    if (m->kind == GOSSIP_SERF_CONFLICT && m->u.conflict.is_nil) {
        pack_nil(out);
        return;
    }
    gossip_message_field_encode(&tables[m->kind], &m->u, out);
    if (m->kind == GOSSIP_SERF_RELAY)
        buf_put_str(out, m->u.relay.message);
}

/* The rest of the list begins where u stands; nothing is left of a list that did not fit. */
static bool took(struct gossip_list *l, const struct unpack *u)
{
    if (u->bad) {
        l->n = 0;
        return false;
    }
    l->items = str_make(u->in.p, cursor_left(&u->in));
    l->n--;
    return true;
}

bool gossip_list_next_text(struct gossip_list *l, struct str *ret)
{
    struct unpack u = unpack_make(l->items);

    if (l->n == 0)
        return false;
    *ret = unpack_str(&u);
    return took(l, &u);
}

bool gossip_list_next_number(struct gossip_list *l, struct str *ret_name, uint64_t *ret)
{
    struct unpack u = unpack_make(l->items);

    if (l->n == 0)
        return false;
    *ret_name = unpack_str(&u);
    *ret = unpack_uint(&u);
    return took(l, &u);
}

bool gossip_list_next_pair(struct gossip_list *l, struct str *ret_name, struct str *ret_value)
{
    struct unpack u = unpack_make(l->items);

    if (l->n == 0)
        return false;
    *ret_name = unpack_str(&u);
    *ret_value = unpack_str(&u);
    return took(l, &u);
}

bool gossip_list_next_slot(struct gossip_list *l, uint64_t *ret_ltime, struct gossip_list *events)
{
    while (l->n > 0) {
        struct unpack u = unpack_make(l->items);
        bool is_empty = unpack_is_nil(&u);
        struct slot slot = {0};

        if (!is_empty)
            gossip_message_field_decode(&slot_table, &u, &slot);
        if (!took(l, &u))
            return false;
        if (is_empty)
            continue;
        *ret_ltime = slot.ltime;
        *events = slot.events;
        return true;
    }
    return false;
}

bool gossip_list_next_event(struct gossip_list *l, struct str *ret_name, struct str *ret_payload)
{
    struct unpack u = unpack_make(l->items);
    struct slot_event event = {STR_NONE, STR_NONE};

    if (l->n == 0)
        return false;
    gossip_message_field_decode(&slot_event_table, &u, &event);
    *ret_name = event.name;
    *ret_payload = event.payload;
    return took(l, &u);
}

void gossip_list_put_text(struct buf *items, struct str text)
{
    pack_raw(items, text);
}

void gossip_list_put_number(struct buf *items, struct str name, uint64_t v)
{
    pack_raw(items, name);
    pack_uint(items, v);
}

void gossip_list_put_pair(struct buf *items, struct str name, struct str value)
{
    pack_raw(items, name);
    pack_raw(items, value);
}

void gossip_list_put_empty_slot(struct buf *items)
{
    pack_nil(items);
}

void gossip_list_put_slot(struct buf *items, uint32_t event_n)
{
    pack_map(items, 2);
    pack_raw(items, STR_LIT("Events"));
    pack_array(items, event_n);
}

void gossip_list_put_event(struct buf *items, struct str name, struct str payload)
{
    struct slot_event event = {name, payload};

    gossip_message_field_encode(&slot_event_table, &event, items);
}

void gossip_list_end_slot(struct buf *items, uint64_t ltime)
{
    pack_raw(items, STR_LIT("LTime"));
    pack_uint(items, ltime);
}

static struct gossip_list read_texts(struct unpack *u)
{
    struct gossip_list l = {unpack_array(u), {u->in.p, 0}};

    for (uint32_t i = 0; i < l.n && !u->bad; i++)
        unpack_str(u);
    l.items.n = (size_t)(u->in.p - l.items.p);
    return l;
}

/* A filter that cannot be read matches nobody, as one of an unknown kind does. */
bool gossip_list_next_filter(struct gossip_list *l, struct gossip_filter *ret)
{
    struct gossip_filter f = {.kind = GOSSIP_FILTER_UNKNOWN};
    struct str bytes;
    struct unpack u;
    uint8_t kind;

    if (!gossip_list_next_text(l, &bytes))
        return false;
    u = unpack_make(bytes);
    kind = cursor_u8(&u.in);
    if (kind == GOSSIP_FILTER_NODES)
        f.nodes = read_texts(&u);
    else if (kind == GOSSIP_FILTER_TAG)
        gossip_message_field_decode(&filter_tag_table, &u, &f);
    else
        u.bad = true;
    if (!u.bad && !u.in.bad)
        f.kind = (enum gossip_filter_kind)kind;
    *ret = f;
    return true;
}

void gossip_list_put_filter(struct buf *items, const struct gossip_filter *filter)
{
    struct buf body;

    buf_init(&body, 0);
    buf_put_u8(&body, (uint8_t)filter->kind);
    if (filter->kind == GOSSIP_FILTER_NODES) {
        pack_array(&body, filter->nodes.n);
        buf_put_str(&body, filter->nodes.items);
    } else {
        gossip_message_field_encode(&filter_tag_table, filter, &body);
    }
    pack_raw(items, buf_str(&body));
    buf_fini(&body);
}

int gossip_tags_decode(struct str meta, struct gossip_list *ret)
{
    struct unpack u;
    struct gossip_list tags = {0};

    if (meta.n == 0) {
        *ret = tags;
        return 0;
    }
    if ((uint8_t)meta.p[0] != TAGS_MAGIC)
        return ERR_UNSUPPORTED;
    u = unpack_make(str_drop(meta, 1));
    if (unpack_is_nil(&u)) {
        *ret = tags;
        return 0;
    }
    tags.n = unpack_map(&u);
    tags.items.p = u.in.p;
    for (uint32_t i = 0; i < tags.n && !u.bad; i++) {
        unpack_str(&u);
        unpack_str(&u);
    }
    if (u.bad || tags.n > GOSSIP_TAGS_MAX)
        return ERR_CORRUPT;
    tags.items.n = (size_t)(u.in.p - tags.items.p);
    *ret = tags;
    return 0;
}

void gossip_tags_encode(const struct gossip_list *tags, struct buf *out)
{
    buf_put_u8(out, TAGS_MAGIC);
    pack_map(out, tags->n);
    buf_put_str(out, tags->items);
}

struct str gossip_tags_find(struct gossip_list tags, struct str name)
{
    struct str key, value;

    while (gossip_list_next_pair(&tags, &key, &value))
        if (str_eq(key, name))
            return value;
    return STR_NONE;
}

int gossip_coordinate_decode(struct str payload, struct gossip_coordinate *ret)
{
    struct gossip_coordinate c = {0};
    struct unpack u = unpack_make(payload);

    if (cursor_u8(&u.in) != COORDINATE_VERSION || u.in.bad)
        return ERR_UNSUPPORTED;
    gossip_message_field_decode(&coordinate_table, &u, &c);
    if (u.bad)
        return ERR_CORRUPT;
    *ret = c;
    return 0;
}

void gossip_coordinate_encode(const struct gossip_coordinate *c, struct buf *out)
{
    buf_put_u8(out, COORDINATE_VERSION);
    gossip_message_field_encode(&coordinate_table, c, out);
}
