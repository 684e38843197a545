/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/encode.h"
#include "gossip/gossip_message.h"
#include "gossip/gossip_message_event.h"
#include "gossip/gossip_message_serf.h"
#include "tests/lib/gossip_vectors.h"
#include "tests/lib/unit.h"

#define TEXT(name, value)   gossip_vectors_same_text(v, body, name, value)
#define NUMBER(name, value) gossip_vectors_same_number(v, body, name, (int64_t)(value))

static void same_swim(const struct vector *v, const struct jvalue *body,
                      const struct gossip_message *m)
{
    switch (m->kind) {
    case GOSSIP_PING:
        TEXT("Node", m->u.ping.node);
        NUMBER("SeqNo", m->u.ping.seq);
        TEXT("SourceAddr", m->u.ping.source_addr);
        NUMBER("SourcePort", m->u.ping.source_port);
        TEXT("SourceNode", m->u.ping.source_node);
        break;
    case GOSSIP_INDIRECT:
        TEXT("Node", m->u.indirect.node);
        TEXT("Target", m->u.indirect.target);
        NUMBER("Port", m->u.indirect.port);
        NUMBER("Nack", m->u.indirect.nack);
        NUMBER("SeqNo", m->u.indirect.seq);
        TEXT("SourceAddr", m->u.indirect.source_addr);
        NUMBER("SourcePort", m->u.indirect.source_port);
        TEXT("SourceNode", m->u.indirect.source_node);
        break;
    case GOSSIP_NACK:
        NUMBER("SeqNo", m->u.ack.seq);
        break;
    case GOSSIP_ACK:
        NUMBER("SeqNo", m->u.ack.seq);
        TEXT("Payload", m->u.ack.payload);
        break;
    case GOSSIP_SUSPECT:
    case GOSSIP_DEAD:
        TEXT("Node", m->u.claim.node);
        TEXT("From", m->u.claim.from);
        NUMBER("Incarnation", m->u.claim.incarnation);
        break;
    case GOSSIP_ALIVE:
        TEXT("Node", m->u.alive.node);
        TEXT("Addr", m->u.alive.addr);
        NUMBER("Port", m->u.alive.port);
        NUMBER("Incarnation", m->u.alive.incarnation);
        TEXT("Meta", m->u.alive.meta);
        TEXT("Vsn", m->u.alive.vsn);
        break;
    default:
        TEXT("Error", m->u.error);
    }
}

static void same_query(const struct vector *v, const struct jvalue *body,
                       const struct gossip_serf_query *q)
{
    TEXT("Addr", q->addr);
    NUMBER("Flags", q->flags);
    NUMBER("ID", q->id);
    NUMBER("LTime", q->ltime);
    TEXT("Name", q->name);
    TEXT("Payload", q->payload);
    NUMBER("Port", q->port);
    NUMBER("RelayFactor", q->relay_factor);
    TEXT("SourceNode", q->source_node);
    NUMBER("Timeout", q->timeout_ns);
    assert_int_equal(q->filters.n, jread_count(jread_get(body, "Filters")));
}

static void same_serf(const struct vector *v, const struct jvalue *body,
                      const struct gossip_serf_message *m)
{
    switch (m->kind) {
    case GOSSIP_SERF_LEAVE:
    case GOSSIP_SERF_JOIN:
        NUMBER("LTime", m->u.intent.ltime);
        TEXT("Node", m->u.intent.node);
        NUMBER("Prune", m->u.intent.prune);
        break;
    case GOSSIP_SERF_PUSH_PULL:
        NUMBER("LTime", m->u.state.ltime);
        NUMBER("EventLTime", m->u.state.event_ltime);
        NUMBER("QueryLTime", m->u.state.query_ltime);
        NUMBER("_events_len", m->u.state.events.n);
        assert_int_equal(m->u.state.left.n, jread_count(jread_get(body, "LeftMembers")));
        assert_int_equal(m->u.state.status.n, jread_count(jread_get(body, "StatusLTimes")));
        break;
    case GOSSIP_SERF_EVENT:
        NUMBER("LTime", m->u.event.ltime);
        NUMBER("CC", m->u.event.cc);
        TEXT("Name", m->u.event.name);
        TEXT("Payload", m->u.event.payload);
        break;
    case GOSSIP_SERF_QUERY:
        same_query(v, body, &m->u.query);
        break;
    case GOSSIP_SERF_RESPONSE:
        NUMBER("LTime", m->u.response.ltime);
        NUMBER("ID", m->u.response.id);
        NUMBER("Flags", m->u.response.flags);
        TEXT("From", m->u.response.from);
        TEXT("Payload", m->u.response.payload);
        break;
    case GOSSIP_SERF_CONFLICT:
        TEXT("Name", m->u.conflict.node);
        TEXT("Addr", m->u.conflict.addr);
        NUMBER("Port", m->u.conflict.port);
        NUMBER("Status", m->u.conflict.status);
        NUMBER("DelegateMax", m->u.conflict.vsn[GOSSIP_VSN_SERF_MAX]);
        NUMBER("ProtocolCur", m->u.conflict.vsn[GOSSIP_VSN_PROTO_CURRENT]);
        break;
    case GOSSIP_SERF_KEY_REQUEST:
        TEXT("Key", m->u.key);
        break;
    case GOSSIP_SERF_KEY_RESPONSE:
        NUMBER("Result", m->u.key_response.result);
        TEXT("Message", m->u.key_response.message);
        TEXT("PrimaryKey", m->u.key_response.primary);
        assert_int_equal(m->u.key_response.keys.n, jread_count(jread_get(body, "Keys")));
        break;
    case GOSSIP_SERF_RELAY:
        TEXT("DestName", m->u.relay.node);
        body = jread_get(body, "DestAddr");
        TEXT("IP", m->u.relay.ip);
        NUMBER("Port", m->u.relay.port);
        TEXT("Zone", m->u.relay.zone);
        break;
    }
}

/* Decodes, compares field by field, and encodes to the same bytes again. */
static void check_serf(const struct vector *v, struct str bytes, const struct jvalue *recorded)
{
    struct gossip_serf_message m;
    struct buf again = {0};

    if (gossip_serf_decode(bytes, &m) != 0)
        fail_msg("%.*s does not decode", STR_ARG(v->name));
    gossip_vectors_same_number(v, recorded, "id", m.kind);
    if (m.kind != GOSSIP_SERF_CONFLICT || !m.u.conflict.is_nil)
        same_serf(v, jread_get(recorded, "body"), &m);
    gossip_serf_encode(&m, &again);
    if (!str_eq(buf_str(&again), bytes))
        fail_msg("%.*s encodes to something else", STR_ARG(v->name));
    if (m.kind == GOSSIP_SERF_RELAY)
        check_serf(v, m.u.relay.message, jread_get(recorded, "inner"));
    buf_fini(&again);
}

static void check_swim(const struct vector *v, struct str bytes, const struct jvalue *recorded,
                       bool is_canonical)
{
    struct gossip_message m;
    struct buf again = {0};

    if (gossip_message_decode(bytes, &m) != 0)
        fail_msg("%.*s does not decode", STR_ARG(v->name));
    gossip_vectors_same_number(v, recorded, "id", m.kind);
    if (m.kind == GOSSIP_USER)
        check_serf(v, m.u.user, jread_get(recorded, "serf"));
    else
        same_swim(v, jread_get(recorded, "body"), &m);
    gossip_message_encode(&m, &again);
    if (is_canonical && !str_eq(buf_str(&again), bytes))
        fail_msg("%.*s encodes to something else", STR_ARG(v->name));
    buf_fini(&again);
}

static void check_push_pull(const struct vector *v, struct str bytes, const struct jvalue *recorded)
{
    const struct jvalue *nodes = jread_get(recorded, "nodes"), *body;
    struct gossip_push_pull p;
    struct gossip_node n;
    struct buf again = {0};
    size_t i;

    assert_int_equal(gossip_message_decode_push_pull(bytes, &p), 0);
    assert_int_equal(p.node_n, jread_count(nodes));
    gossip_vectors_same_number(v, jread_get(recorded, "header"), "Join", p.join);
    gossip_message_put_push_pull(&again, p.join, p.node_n, p.user_state.n);
    for (i = 0; gossip_message_next_node(&p.nodes, &n); i++) {
        body = jread_at(nodes, i);
        TEXT("Name", n.node);
        TEXT("Addr", n.addr);
        NUMBER("Port", n.port);
        NUMBER("State", n.state);
        TEXT("Meta", n.meta);
        TEXT("Vsn", n.vsn);
        NUMBER("Incarnation", n.incarnation);
        gossip_message_put_node(&again, &n);
    }
    assert_int_equal(i, p.node_n);
    buf_put_str(&again, p.user_state);
    assert_true(str_eq(buf_str(&again), bytes));
    buf_fini(&again);
}

static void check_tags(const struct vector *v, const struct jvalue *tags)
{
    struct gossip_list l, rest;
    struct str name, value;
    struct buf again = {0};
    size_t n = 0;

    assert_int_equal(gossip_tags_decode(buf_str(&v->bytes), &l), 0);
    for (rest = l; gossip_list_next_pair(&rest, &name, &value); n++) {
        struct buf z = {0};

        buf_put_str(&z, name);
        gossip_vectors_same_text(v, tags, buf_z(&z), value);
        assert_str(gossip_tags_find(l, name), value);
        buf_fini(&z);
    }
    assert_int_equal(n, jread_count(tags));
    gossip_tags_encode(&l, &again);
    assert_true(str_eq(buf_str(&again), buf_str(&v->bytes)));
    buf_fini(&again);
}

static void check_coordinate(const struct vector *v, const struct jvalue *body)
{
    struct gossip_coordinate c;
    struct buf again = {0};
    double want;

    assert_int_equal(gossip_coordinate_decode(buf_str(&v->bytes), &c), 0);
    assert_int_equal(jread_double(jread_get(body, "Height"), &want), 0);
    assert_true(c.height == want);
    assert_int_equal(jread_double(jread_get(body, "Error"), &want), 0);
    assert_true(c.error == want);
    assert_int_equal(jread_double(jread_get(body, "Adjustment"), &want), 0);
    assert_true(c.adjustment == want);
    for (size_t i = 0; i < GOSSIP_COORDINATE_DIMENSIONS; i++) {
        assert_int_equal(jread_double(jread_at(jread_get(body, "Vec"), i), &want), 0);
        assert_true(c.vec[i] == want);
    }
    gossip_coordinate_encode(&c, &again);
    assert_true(str_eq(buf_str(&again), buf_str(&v->bytes)));
    buf_fini(&again);
}

static void check_consul_event(const struct vector *v, const struct jvalue *body)
{
    struct gossip_message_event e;
    struct buf again = {0};

    assert_int_equal(gossip_message_event_decode(buf_str(&v->bytes), &e), 0);
    TEXT("ID", e.id);
    TEXT("n", e.name);
    TEXT("nf", e.node_filter);
    TEXT("p", e.payload);
    TEXT("sf", e.service_filter);
    TEXT("tf", e.tag_filter);
    NUMBER("v", e.version);
    gossip_message_event_encode(&e, &again);
    assert_true(str_eq(buf_str(&again), buf_str(&v->bytes)));
    buf_fini(&again);
}

/* Those without wrappers; test_gossip_packet opens the others. */
static void check_vector(const struct vector *v)
{
    const struct jvalue *layers = jread_get(v->decoded, "layers");
    const struct jvalue *first = jread_at(jread_get(v->decoded, "messages"), 0);

    if (str_eq_z(v->transport, "serf"))
        check_serf(v, buf_str(&v->bytes), first);
    else if (str_eq_z(v->transport, "meta"))
        check_tags(v, jread_get(v->decoded, "tags"));
    else if (str_eq_z(v->transport, "coordinate"))
        check_coordinate(v, jread_get(v->decoded, "coordinate"));
    else if (str_eq_z(v->transport, "consul-event"))
        check_consul_event(v, v->decoded);
    else if (jread_count(layers) == 0 && v->bytes.p[0] == GOSSIP_PUSH_PULL)
        check_push_pull(v, buf_str(&v->bytes), first);
    else if (jread_count(layers) == 0 && str_eq_z(v->transport, "udp"))
        check_swim(v, buf_str(&v->bytes), first, true);
}

/* Every field of every recorded message, and the same bytes again. */
static void test_vectors(void **state)
{
    (void)state;
    assert_int_equal(gossip_vectors_each("library", check_vector), 74);
    assert_int_equal(gossip_vectors_each("captured", check_vector), 153);
}

/* What memberlist refuses of these (bin for texts) newer versions take; the rest must agree. */
static void check_dialect(const struct vector *v)
{
    static const char *const refused[] = {"dialect_float_seq", "dialect_negative_seq",
                                          "dialect_port_65536"};
    struct gossip_message m;

    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (str_eq_z(v->name, refused[i])) {
            assert_int_equal(gossip_message_decode(buf_str(&v->bytes), &m), ERR_CORRUPT);
            return;
        }
    }
    if (str_eq_z(v->name, "dialect_lower_case_keys")) {
        assert_int_equal(gossip_message_decode(buf_str(&v->bytes), &m), 0);
        assert_int_equal(m.u.ping.node.n + m.u.ping.seq, 0);
        return;
    }
    check_swim(v, buf_str(&v->bytes), jread_at(jread_get(v->decoded, "messages"), 0), false);
}

static void test_dialect(void **state)
{
    (void)state;
    assert_int_equal(gossip_vectors_each("dialect", check_dialect), 20);
}

/* Nesting, lengths and counts that claim more than there is cost nothing and are refused. */
static void test_bombs(void **state)
{
    struct gossip_message m;
    struct gossip_serf_message sm;
    struct gossip_push_pull p;
    struct gossip_list l;
    struct buf b = {0};

    (void)state;
    buf_put(&b, "\x00\x81\xa1x", 4);
    for (int i = 0; i < 60000; i++)
        buf_put_u8(&b, 0x91);
    assert_int_equal(gossip_message_decode(buf_str(&b), &m), ERR_CORRUPT);
    assert_int_equal(gossip_message_decode(STR_LIT("\x00\xdf\xff\xff\xff\xff\xa1x"), &m),
                     ERR_CORRUPT);
    assert_int_equal(gossip_message_decode(STR_LIT("\x00\x81\xa4Node\xdb\xff\xff\xff\xff"), &m),
                     ERR_CORRUPT);
    assert_int_equal(gossip_serf_decode(STR_LIT("\x02\x81\xa6"
                                                "Events\xdd\xff\xff\xff\xff\xc0"),
                                        &sm),
                     ERR_CORRUPT);
    assert_int_equal(gossip_tags_decode(STR_LIT("\xff\xdf\x7f\xff\xff\xff"), &l), ERR_CORRUPT);
    buf_clear(&b);
    gossip_message_put_push_pull(&b, true, 1 << 20, 0);
    assert_int_equal(gossip_message_decode_push_pull(buf_str(&b), &p), ERR_CORRUPT);
    buf_clear(&b);
    gossip_message_put_push_pull(&b, true, (1 << 20) + 1, 0);
    assert_int_equal(gossip_message_decode_push_pull(buf_str(&b), &p), ERR_TOO_LARGE);
    buf_fini(&b);
}

/* The event ring is written as it is read, empty slots and all. */
static void test_ring(void **state)
{
    struct gossip_serf_message m = {.kind = GOSSIP_SERF_PUSH_PULL}, got;
    struct buf ring = {0}, out = {0};
    struct gossip_list slots, events;
    struct str name, payload;
    uint64_t ltime;

    (void)state;
    gossip_list_put_empty_slot(&ring);
    gossip_list_put_slot(&ring, 2);
    gossip_list_put_event(&ring, STR_LIT("deploy"), STR_LIT("1"));
    gossip_list_put_event(&ring, STR_LIT("deploy"), STR_NONE);
    gossip_list_end_slot(&ring, 513);
    gossip_list_put_empty_slot(&ring);
    m.u.state.events = (struct gossip_list){3, buf_str(&ring)};
    gossip_serf_encode(&m, &out);
    assert_int_equal(gossip_serf_decode(buf_str(&out), &got), 0);
    slots = got.u.state.events;
    assert_int_equal(slots.n, 3);
    assert_true(gossip_list_next_slot(&slots, &ltime, &events));
    assert_int_equal(ltime, 513);
    assert_true(gossip_list_next_event(&events, &name, &payload));
    assert_str(name, STR_LIT("deploy"));
    assert_str(payload, STR_LIT("1"));
    assert_true(gossip_list_next_event(&events, &name, &payload));
    assert_null(payload.p);
    assert_false(gossip_list_next_event(&events, &name, &payload));
    assert_false(gossip_list_next_slot(&slots, &ltime, &events));
    buf_fini(&ring);
    buf_fini(&out);
}

/* Filters of a query, and one that cannot be read, which matches nobody. */
static void test_filters(void **state)
{
    struct buf nodes = {0}, items = {0};
    struct gossip_filter f = {
        .kind = GOSSIP_FILTER_TAG, .tag = STR_LIT("dc"), .expr = STR_LIT("e.*")};
    struct gossip_list l;
    struct str name;

    (void)state;
    gossip_list_put_filter(&items, &f);
    gossip_list_put_text(&nodes, STR_LIT("alpha"));
    f = (struct gossip_filter){.kind = GOSSIP_FILTER_NODES, .nodes = {1, buf_str(&nodes)}};
    gossip_list_put_filter(&items, &f);
    gossip_list_put_text(&items, STR_LIT("\x00\xc1"));
    l = (struct gossip_list){3, buf_str(&items)};
    assert_true(gossip_list_next_filter(&l, &f));
    assert_int_equal(f.kind, GOSSIP_FILTER_TAG);
    assert_str(f.expr, STR_LIT("e.*"));
    assert_true(gossip_list_next_filter(&l, &f));
    assert_int_equal(f.kind, GOSSIP_FILTER_NODES);
    assert_true(gossip_list_next_text(&f.nodes, &name));
    assert_str(name, STR_LIT("alpha"));
    assert_true(gossip_list_next_filter(&l, &f));
    assert_int_equal(f.kind, GOSSIP_FILTER_UNKNOWN);
    assert_false(gossip_list_next_filter(&l, &f));
    buf_fini(&nodes);
    buf_fini(&items);
}

/* IPv4 in its IPv6 form goes out as four bytes. */
static void test_addresses(void **state)
{
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9};
    uint8_t ip[16];
    struct addr a;

    (void)state;
    assert_int_equal(gossip_message_addr(STR_LIT("\x0a\x00\x00\x09"), 8301, &a), 0);
    assert_int_equal(addr_port(&a), 8301);
    assert_int_equal(gossip_message_ip(&a, ip).n, 4);
    assert_int_equal(gossip_message_addr(str_make(mapped, 16), 1, &a), 0);
    assert_str(gossip_message_ip(&a, ip), STR_LIT("\x0a\x00\x00\x09"));
    assert_int_equal(gossip_message_addr(STR_LIT("abc"), 1, &a), ERR_INVALID);
}

UNIT_MAIN(UNIT(test_vectors), UNIT(test_dialect), UNIT(test_bombs), UNIT(test_ring),
          UNIT(test_filters), UNIT(test_addresses))
