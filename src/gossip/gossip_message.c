/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gossip/gossip_message.h"

#include "gossip/gossip_message_field.h"

/* clang-format off */
#define AT(type, member) offsetof(struct type, member)
static const struct gossip_field ping_fields[] = {
    {"Node",       GOSSIP_FORM_TEXT,  AT(gossip_ping, node),        false, NULL},
    {"SeqNo",      GOSSIP_FORM_U32,   AT(gossip_ping, seq),         false, NULL},
    {"SourceAddr", GOSSIP_FORM_BYTES, AT(gossip_ping, source_addr), true,  NULL},
    {"SourceNode", GOSSIP_FORM_TEXT,  AT(gossip_ping, source_node), true,  NULL},
    {"SourcePort", GOSSIP_FORM_U16,   AT(gossip_ping, source_port), true,  NULL},
};
static const struct gossip_field indirect_fields[] = {
    {"Nack",       GOSSIP_FORM_BOOL,  AT(gossip_indirect, nack),        false, NULL},
    {"Node",       GOSSIP_FORM_TEXT,  AT(gossip_indirect, node),        false, NULL},
    {"Port",       GOSSIP_FORM_U16,   AT(gossip_indirect, port),        false, NULL},
    {"SeqNo",      GOSSIP_FORM_U32,   AT(gossip_indirect, seq),         false, NULL},
    {"SourceAddr", GOSSIP_FORM_BYTES, AT(gossip_indirect, source_addr), true,  NULL},
    {"SourceNode", GOSSIP_FORM_TEXT,  AT(gossip_indirect, source_node), true,  NULL},
    {"SourcePort", GOSSIP_FORM_U16,   AT(gossip_indirect, source_port), true,  NULL},
    {"Target",     GOSSIP_FORM_BYTES, AT(gossip_indirect, target),      false, NULL},
};
static const struct gossip_field ack_fields[] = {
    {"Payload", GOSSIP_FORM_BYTES, AT(gossip_ack, payload), false, NULL},
    {"SeqNo",   GOSSIP_FORM_U32,   AT(gossip_ack, seq),     false, NULL},
};
static const struct gossip_field nack_fields[] = {
    {"SeqNo", GOSSIP_FORM_U32, AT(gossip_ack, seq), false, NULL},
};
static const struct gossip_field claim_fields[] = {
    {"From",        GOSSIP_FORM_TEXT, AT(gossip_claim, from),        false, NULL},
    {"Incarnation", GOSSIP_FORM_U32,  AT(gossip_claim, incarnation), false, NULL},
    {"Node",        GOSSIP_FORM_TEXT, AT(gossip_claim, node),        false, NULL},
};
static const struct gossip_field alive_fields[] = {
    {"Addr",        GOSSIP_FORM_BYTES, AT(gossip_node, addr),        false, NULL},
    {"Incarnation", GOSSIP_FORM_U32,   AT(gossip_node, incarnation), false, NULL},
    {"Meta",        GOSSIP_FORM_BYTES, AT(gossip_node, meta),        false, NULL},
    {"Node",        GOSSIP_FORM_TEXT,  AT(gossip_node, node),        false, NULL},
    {"Port",        GOSSIP_FORM_U16,   AT(gossip_node, port),        false, NULL},
    {"Vsn",         GOSSIP_FORM_BYTES, AT(gossip_node, vsn),         false, NULL},
};
static const struct gossip_field node_fields[] = {
    {"Addr",        GOSSIP_FORM_BYTES, AT(gossip_node, addr),        false, NULL},
    {"Incarnation", GOSSIP_FORM_U32,   AT(gossip_node, incarnation), false, NULL},
    {"Meta",        GOSSIP_FORM_BYTES, AT(gossip_node, meta),        false, NULL},
    {"Name",        GOSSIP_FORM_TEXT,  AT(gossip_node, node),        false, NULL},
    {"Port",        GOSSIP_FORM_U16,   AT(gossip_node, port),        false, NULL},
    {"State",       GOSSIP_FORM_I64,   AT(gossip_node, state),       false, NULL},
    {"Vsn",         GOSSIP_FORM_BYTES, AT(gossip_node, vsn),         false, NULL},
};
static const struct gossip_field error_fields[] = {
    {"Error", GOSSIP_FORM_TEXT, 0, false, NULL},
};
struct push_pull_header {
    bool join;
    int64_t node_n, user_state_size;
};
static const struct gossip_field push_pull_fields[] = {
    {"Join",         GOSSIP_FORM_BOOL, AT(push_pull_header, join),            false, NULL},
    {"Nodes",        GOSSIP_FORM_I64,  AT(push_pull_header, node_n),          false, NULL},
    {"UserStateLen", GOSSIP_FORM_I64,  AT(push_pull_header, user_state_size), false, NULL},
};
static const struct gossip_field stream_user_fields[] = {
    {"UserMsgLen", GOSSIP_FORM_I64, 0, false, NULL},
};
/* clang-format on */

static const struct gossip_field_table ping = GOSSIP_FIELD_TABLE(ping_fields);
static const struct gossip_field_table indirect = GOSSIP_FIELD_TABLE(indirect_fields);
static const struct gossip_field_table ack = GOSSIP_FIELD_TABLE(ack_fields);
static const struct gossip_field_table nack = GOSSIP_FIELD_TABLE(nack_fields);
static const struct gossip_field_table claim = GOSSIP_FIELD_TABLE(claim_fields);
static const struct gossip_field_table alive = GOSSIP_FIELD_TABLE(alive_fields);
static const struct gossip_field_table node_table = GOSSIP_FIELD_TABLE(node_fields);
static const struct gossip_field_table error_table = GOSSIP_FIELD_TABLE(error_fields);
static const struct gossip_field_table push_pull = GOSSIP_FIELD_TABLE(push_pull_fields);
static const struct gossip_field_table stream_user = GOSSIP_FIELD_TABLE(stream_user_fields);

static const struct {
    const char *text;
    const struct gossip_field_table *table;
} kinds[] = {
    [GOSSIP_PING] = {"ping", &ping},
    [GOSSIP_INDIRECT] = {"indirect ping", &indirect},
    [GOSSIP_ACK] = {"ack", &ack},
    [GOSSIP_SUSPECT] = {"suspect", &claim},
    [GOSSIP_ALIVE] = {"alive", &alive},
    [GOSSIP_DEAD] = {"dead", &claim},
    [GOSSIP_PUSH_PULL] = {"push/pull", NULL},
    [GOSSIP_COMPOUND] = {"compound", NULL},
    [GOSSIP_USER] = {"user", NULL},
    [GOSSIP_COMPRESS] = {"compress", NULL},
    [GOSSIP_ENCRYPT] = {"encrypt", NULL},
    [GOSSIP_NACK] = {"nack", &nack},
    [GOSSIP_CRC] = {"crc", NULL},
    [GOSSIP_ERROR] = {"error", &error_table},
};
#define KIND_N (sizeof(kinds) / sizeof(kinds[0]))

const char *gossip_message_kind_text(int kind)
{
    if (kind == GOSSIP_LABEL)
        return "label";
    return kind >= 0 && (size_t)kind < KIND_N ? kinds[kind].text : "unknown";
}

int gossip_message_decode(struct str bytes, struct gossip_message *ret)
{
    struct gossip_message m = {0};
    struct unpack u;
    uint8_t kind;

    if (bytes.n == 0)
        return ERR_CORRUPT;
    kind = (uint8_t)bytes.p[0];
    bytes = str_drop(bytes, 1);
    if (kind == GOSSIP_USER) {
        *ret = (struct gossip_message){.kind = GOSSIP_USER, .u.user = bytes};
        return 0;
    }
    if (kind >= KIND_N || !kinds[kind].table)
        return ERR_UNSUPPORTED;
    m.kind = (enum gossip_kind)kind;
    u = unpack_make(bytes);
    gossip_message_field_decode(kinds[kind].table, &u, &m.u);
    if (u.bad)
        return ERR_CORRUPT;
    *ret = m;
    return 0;
}

void gossip_message_encode(const struct gossip_message *m, struct buf *out)
{
    buf_put_u8(out, (uint8_t)m->kind);
    if (m->kind == GOSSIP_USER) {
        buf_put_str(out, m->u.user);
        return;
    }
    ASSERT(m->kind < KIND_N && kinds[m->kind].table);
    gossip_message_field_encode(kinds[m->kind].table, &m->u, out);
}

int gossip_message_addr(struct str ip, uint16_t port, struct addr *ret)
{
    struct addr a = {0};

    if (ip.n == 4) {
        a.u.v4.sin_family = AF_INET;
        memcpy(&a.u.v4.sin_addr, ip.p, 4);
    } else if (ip.n == 16) {
        a.u.v6.sin6_family = AF_INET6;
        memcpy(&a.u.v6.sin6_addr, ip.p, 16);
    } else {
        return ERR_INVALID;
    }
    addr_set_port(&a, port);
    *ret = a;
    return 0;
}

struct str gossip_message_ip(const struct addr *a, uint8_t dst[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (addr_is_v4(a)) {
        memcpy(dst, &a->u.v4.sin_addr, 4);
        return str_make(dst, 4);
    }
    memcpy(dst, &a->u.v6.sin6_addr, 16);
    if (memcmp(dst, mapped, sizeof(mapped)) != 0)
        return str_make(dst, 16);
    /* the reference compares bytes: IPv4 has one form only */
    memmove(dst, dst + 12, 4);
    return str_make(dst, 4);
}

void gossip_message_put_push_pull(struct buf *out, bool join, uint32_t node_n,
                                  size_t user_state_size)
{
    struct push_pull_header h = {join, node_n, (int64_t)user_state_size};

    buf_put_u8(out, GOSSIP_PUSH_PULL);
    gossip_message_field_encode(&push_pull, &h, out);
}

void gossip_message_put_node(struct buf *out, const struct gossip_node *node)
{
    gossip_message_field_encode(&node_table, node, out);
}

/* Type byte and header of a push/pull; u stands behind it. */
static int read_push_pull_header(struct str bytes, struct unpack *u, struct push_pull_header *h)
{
    *u = unpack_make(bytes);
    *h = (struct push_pull_header){0};
    if (cursor_u8(&u->in) != GOSSIP_PUSH_PULL)
        return ERR_CORRUPT;
    gossip_message_field_decode(&push_pull, u, h);
    if (u->bad || h->node_n < 0 || h->user_state_size < 0)
        return ERR_CORRUPT;
    if (h->node_n > GOSSIP_NODES_MAX || h->user_state_size > (int64_t)GOSSIP_USER_STATE_SIZE_MAX)
        return ERR_TOO_LARGE;
    return 0;
}

int gossip_message_decode_push_pull(struct str bytes, struct gossip_push_pull *ret)
{
    struct push_pull_header h;
    struct unpack u;
    struct str nodes, state;
    int rc = read_push_pull_header(bytes, &u, &h);

    if (rc < 0)
        return rc;
    nodes.p = u.in.p;
    for (int64_t i = 0; i < h.node_n && !u.bad; i++) {
        struct gossip_node node = {0};

        gossip_message_field_decode(&node_table, &u, &node);
    }
    nodes.n = (size_t)(u.in.p - nodes.p);
    state = cursor_bytes(&u.in, (size_t)h.user_state_size);
    if (u.bad || u.in.bad)
        return ERR_CORRUPT;
    *ret = (struct gossip_push_pull){h.join, (uint32_t)h.node_n, nodes, state};
    return 0;
}

bool gossip_message_next_node(struct str *nodes, struct gossip_node *ret)
{
    struct unpack u = unpack_make(*nodes);

    if (nodes->n == 0)
        return false;
    *ret = (struct gossip_node){0};
    gossip_message_field_decode(&node_table, &u, ret);
    if (u.bad)
        return false;
    *nodes = str_make(u.in.p, cursor_left(&u.in));
    return true;
}

void gossip_message_put_stream_user(struct buf *out, struct str user)
{
    int64_t n = (int64_t)user.n;

    buf_put_u8(out, GOSSIP_USER);
    gossip_message_field_encode(&stream_user, &n, out);
    buf_put_str(out, user);
}

/* Type byte and length of a stream's user message; u stands behind it. */
static int read_stream_user_header(struct str bytes, struct unpack *u, int64_t *n)
{
    *u = unpack_make(bytes);
    *n = 0;
    if (cursor_u8(&u->in) != GOSSIP_USER)
        return ERR_CORRUPT;
    gossip_message_field_decode(&stream_user, u, n);
    if (u->bad || *n < 0)
        return ERR_CORRUPT;
    return *n > (int64_t)GOSSIP_USER_STATE_SIZE_MAX ? ERR_TOO_LARGE : 0;
}

int gossip_message_decode_stream_user(struct str bytes, struct str *ret_user)
{
    struct unpack u;
    int64_t n;
    struct str user;
    int rc = read_stream_user_header(bytes, &u, &n);

    if (rc < 0)
        return rc;
    user = cursor_bytes(&u.in, (size_t)n);
    if (u.in.bad)
        return ERR_CORRUPT;
    *ret_user = user;
    return 0;
}

int gossip_message_decode_head(struct str bytes, uint32_t *ret_node_n, uint64_t *ret_size)
{
    struct push_pull_header h = {0};
    struct unpack u;
    int rc;

    if (bytes.n > 0 && (uint8_t)bytes.p[0] == GOSSIP_USER)
        rc = read_stream_user_header(bytes, &u, &h.user_state_size);
    else
        rc = read_push_pull_header(bytes, &u, &h);
    if (rc < 0)
        return rc;
    *ret_node_n = (uint32_t)h.node_n;
    *ret_size = (uint64_t)h.user_state_size;
    return 0;
}
