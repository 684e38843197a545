/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots of Consul, record by record: what becomes of each field, what is left out by name, what
 * refuses the whole. Records are written here as JSON, which has the same values as msgpack. */
#include "base/jread.h"
#include "state/acl.h"
#include "state/consul.h"
#include "state/coordinate.h"
#include "state/pilot.h"
#include "state/query.h"
#include "state/restore.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define INDEX_MAX 100
#define ID        "00000001-1111-2222-3333-444444444444"
#define ID2       "00000002-1111-2222-3333-444444444444"

struct source {
    struct buf bytes, dump, left;
    struct error err;
};

static void put_json(struct buf *out, const struct jvalue *v)
{
    const struct jvalue *member;
    struct str text, name;
    double number;
    size_t pos = 0;
    int64_t i;
    bool b;

    switch (jread_type(v)) {
    case JREAD_OBJECT:
        pack_map(out, (uint32_t)jread_count(v));
        while (jread_next(v, &pos, &name, &member)) {
            pack_str(out, name);
            put_json(out, member);
        }
        break;
    case JREAD_ARRAY:
        pack_array(out, (uint32_t)jread_count(v));
        for (size_t n = 0; n < jread_count(v); n++)
            put_json(out, jread_at(v, n));
        break;
    case JREAD_NULL:
        pack_nil(out);
        break;
    default:
        if (jread_str(v, &text) == 0)
            pack_str(out, text);
        else if (jread_bool(v, &b) == 0)
            pack_bool(out, b);
        else if (jread_i64(v, &i) == 0)
            i < 0 ? pack_int(out, i) : pack_uint(out, (uint64_t)i);
        else if (jread_double(v, &number) == 0)
            pack_double(out, number);
    }
}

static void put(struct source *s, int kind, const char *json)
{
    struct jvalue *root;

    assert_int_equal(jread_parse(str_z(json), &root, NULL), 0);
    buf_put_u8(&s->bytes, (uint8_t)kind);
    put_json(&s->bytes, root);
    jread_free(root);
}

static void begin(struct source *s)
{
    buf_init(&s->bytes, 0);
    buf_init(&s->dump, 0);
    buf_init(&s->left, 0);
    pack_map(&s->bytes, 1);
    pack_str(&s->bytes, STR_LIT("LastIndex"));
    pack_uint(&s->bytes, 900);
}

static void end(struct source *s)
{
    buf_fini(&s->bytes);
    buf_fini(&s->dump);
    buf_fini(&s->left);
}

static int import(struct source *s)
{
    assert_true(consul_is_snapshot(buf_str(&s->bytes)));
    return consul_import(buf_str(&s->bytes), INDEX_MAX, &s->dump, &s->left, &s->err);
}

/* The state that comes of it. */
static void restored(struct source *s, struct world *w)
{
    struct buf command;

    assert_int_equal(import(s), 0);
    world_open(w);
    w->index = INDEX_MAX;
    buf_init(&command, 0);
    restore_encode(buf_str(&s->dump), &command);
    assert_int_equal(world_apply(w, &command), 0);
    world_view(w);
}

static void refused(int kind, const char *json, const char *words)
{
    struct source s;

    begin(&s);
    put(&s, kind, json);
    assert_int_equal(import(&s), ERR_INVALID);
    assert_non_null(strstr(s.err.text, words));
    end(&s);
}

/* Keys keep value, flags and lock; indexes that lie ahead of our log are lowered, locks' are not.
 */
static void keys(void **state)
{
    struct source s;
    struct world w;
    struct kv_entry e;
    uint64_t index;

    begin(&s);
    put(&s, CONSUL_KV,
        "{\"Key\":\"a\",\"Value\":\"one\",\"Flags\":42,\"LockIndex\":777,\"Session\":\"\","
        "\"CreateIndex\":7,\"ModifyIndex\":900,\"Unknown\":{\"x\":[1,2]}}");
    put(&s, CONSUL_KV, "{\"Key\":\"b\",\"Value\":null,\"CreateIndex\":3,\"ModifyIndex\":3}");
    put(&s, CONSUL_TOMBSTONE, "{\"Key\":\"gone\",\"ModifyIndex\":50}");
    restored(&s, &w);
    assert_true(kv_get(&w.view, STR_LIT("a"), &e, &index));
    assert_str(e.value, STR_LIT("one"));
    assert_int_equal(e.flags, 42);
    assert_int_equal(e.lock_index, 777);
    assert_int_equal(e.create_index, 7);
    assert_int_equal(e.modify_index, INDEX_MAX);
    assert_true(kv_get(&w.view, STR_LIT("b"), &e, &index));
    assert_int_equal(e.value.n, 0);
    assert_false(kv_get(&w.view, STR_LIT("gone"), &e, &index));
    assert_int_equal(s.left.n, 0);
    world_close(&w);
    end(&s);
}

/* A node comes with each of its services and checks once more; it is taken once. */
static void catalog(void **state)
{
    struct source s;
    struct world w;
    struct catalog_node n;
    struct catalog_service v;
    struct str value, address, name;
    struct unpack u;
    int64_t port;

    begin(&s);
#define NODE                                                                                       \
    "\"Node\":\"n1\",\"ID\":\"" ID "\",\"Address\":\"10.0.0.1\",\"Datacenter\":\"dc1\","           \
    "\"TaggedAddresses\":{\"wan\":\"1.2.3.4\",\"lan\":\"10.0.0.1\"},\"NodeMeta\":{\"r\":\"1\"},"   \
    "\"CreateIndex\":5,\"ModifyIndex\":6"
    put(&s, CONSUL_REGISTER, "{" NODE ",\"Service\":null,\"Check\":null}");
    put(&s, CONSUL_REGISTER,
        "{" NODE ",\"Service\":{\"ID\":\"w1\",\"Service\":\"web\",\"Tags\":[\"b\",\"a\"],"
        "\"Port\":80,\"Weights\":{\"Passing\":3,\"Warning\":2},\"EnableTagOverride\":true,"
        "\"TaggedAddresses\":{\"wan\":{\"Address\":\"1.2.3.5\",\"Port\":81},"
        "\"lan\":{\"Address\":\"10.0.0.2\",\"Port\":80}},\"Meta\":{\"k\":\"v\"},"
        "\"CreateIndex\":8,\"ModifyIndex\":9}}");
    put(&s, CONSUL_REGISTER,
        "{" NODE ",\"Service\":{\"ID\":\"p\",\"Service\":\"p\",\"Kind\":\"connect-proxy\"}}");
    put(&s, CONSUL_REGISTER,
        "{" NODE ",\"Check\":{\"CheckID\":\"c\",\"Name\":\"C\",\"Status\":\"warning\","
        "\"Output\":\"o\",\"ServiceID\":\"w1\",\"ServiceName\":\"web\"}}");
    restored(&s, &w);
    assert_true(catalog_node_get(&w.view, STR_LIT("n1"), &n));
    assert_str(n.id, STR_LIT(ID));
    assert_true(pairs_get(n.tagged_addresses, STR_LIT("wan"), &value));
    assert_str(value, STR_LIT("1.2.3.4"));
    assert_int_equal(n.create_index, 5);
    assert_true(catalog_service_get(&w.view, STR_LIT("n1"), STR_LIT("w1"), &v));
    assert_int_equal(v.weight_passing, 3);
    assert_true(v.enable_tag_override && catalog_service_has_tag(&v, STR_LIT("a")));
    u = unpack_make(v.tagged_addresses);
    uint32_t left = unpack_map(&u);
    assert_true(catalog_tagged_next(&u, &left, &name, &address, &port)); /* in order of names */
    assert_str(name, STR_LIT("lan"));
    assert_true(catalog_tagged_next(&u, &left, &name, &address, &port));
    assert_str(address, STR_LIT("1.2.3.5"));
    assert_int_equal(port, 81);
    assert_true(catalog_service_get(&w.view, STR_LIT("n1"), STR_LIT("p"), &v));
    assert_int_equal(v.weight_passing, 1); /* none given */
    assert_string_equal(buf_z(&s.left), "1 proxy's configuration");
    world_close(&w);
    end(&s);
}

/* Sessions and queries, with what they are made of. */
static void sessions_and_queries(void **state)
{
    struct source s;
    struct world w;
    struct session v;
    struct query q;
    struct unpack u;
    uint64_t index;

    begin(&s);
    put(&s, CONSUL_REGISTER, "{" NODE "}");
    put(&s, CONSUL_SESSION,
        "{\"ID\":\"" ID "\",\"Name\":\"s\",\"Node\":\"n1\",\"LockDelay\":15000000000,"
        "\"Behavior\":\"delete\",\"TTL\":\"20s\",\"NodeChecks\":[],\"CreateIndex\":4,"
        "\"ModifyIndex\":4}");
    put(&s, CONSUL_QUERY,
        "{\"ID\":\"" ID2 "\",\"Name\":\"q\",\"Template\":{\"Type\":\"\",\"Regexp\":\"\"},"
        "\"Service\":{\"Service\":\"web\",\"OnlyPassing\":true,\"Near\":\"_agent\",\"Failover\":"
        "{\"NearestN\":2,\"Datacenters\":[\"dc2\",\"dc3\"]},\"Tags\":[\"!x\"],"
        "\"NodeMeta\":{\"b\":\"2\",\"a\":\"1\"}},\"DNS\":{\"TTL\":\"7s\"}}");
    restored(&s, &w);
    assert_true(session_get(&w.view, STR_LIT(ID), &v, &index));
    assert_true(v.delete_keys);
    assert_int_equal(v.lock_delay_ns, INT64_C(15000000000));
    assert_str(v.ttl, STR_LIT("20s"));
    assert_true(query_get(&w.view, STR_LIT(ID2), &q, &index));
    assert_int_equal(q.failover_nearest, 2);
    u = unpack_make(q.failover_datacenters);
    assert_int_equal(unpack_array(&u), 2);
    assert_str(unpack_str(&u), STR_LIT("dc2"));
    assert_true(q.only_passing && pairs_count(q.node_meta) == 2);
    assert_str(q.ttl, STR_LIT("7s"));
    assert_str(q.near, STR_LIT("_agent"));
    world_close(&w);
    end(&s);
}

/* Tokens with their links; those of before 1.4, and policies in that syntax, are counted. */
static void acls(void **state)
{
    struct source s;
    struct world w;
    struct acl_token t;
    struct acl_policy p;
    uint64_t index;

    begin(&s);
    put(&s, CONSUL_POLICY,
        "{\"ID\":\"" ID "\",\"Name\":\"p\",\"Rules\":\"key \\\"a\\\" { policy = \\\"read\\\" }\","
        "\"Datacenters\":[\"dc1\"],\"Syntax\":0,\"CreateIndex\":5,\"ModifyIndex\":5}");
    put(&s, CONSUL_POLICY, "{\"ID\":\"" ID2 "\",\"Name\":\"old\",\"Syntax\":1}");
    put(&s, CONSUL_TOKEN,
        "{\"AccessorID\":\"" ID2 "\",\"SecretID\":\"" ID "\",\"Local\":true,\"Policies\":[{\"ID\":"
        "\"" ID "\",\"Name\":\"p\"}],\"ServiceIdentities\":[{\"ServiceName\":\"web\","
        "\"Datacenters\":null}],\"CreateIndex\":6,\"ModifyIndex\":6}");
    put(&s, CONSUL_TOKEN, "{\"AccessorID\":\"\",\"SecretID\":\"x\",\"Type\":\"client\"}");
    put(&s, CONSUL_TOKEN, "{\"AccessorID\":\"" ID "\",\"SecretID\":\"y\",\"Rules\":\"key\"}");
    put(&s, CONSUL_ACL_BOOTSTRAP, "{}"); /* says nothing of its own */
    restored(&s, &w);
    assert_true(acl_policy_get(&w.view, STR_LIT(ID), &p, &index));
    assert_str(p.name, STR_LIT("p"));
    assert_false(acl_policy_get(&w.view, STR_LIT(ID2), &p, &index));
    assert_true(acl_token_by_secret(&w.view, STR_LIT(ID), &t));
    assert_str(t.accessor, STR_LIT(ID2));
    assert_true(t.local && t.policies.n > 0 && t.services.n > 0);
    assert_string_equal(buf_z(&s.left),
                        "2 tokens of before 1.4, 1 policy in the syntax of before 1.4");
    world_close(&w);
    end(&s);
}

static void coordinates_and_autopilot(void **state)
{
    struct source s;
    struct world w;
    struct coordinate c;
    struct pilot p;

    begin(&s);
    put(&s, CONSUL_REGISTER, "{" NODE "}");
    put(&s, CONSUL_COORDINATES,
        "[{\"Node\":\"n1\",\"Segment\":\"\",\"Coord\":{\"Vec\":[0.25,0,0,0,0,0,0,0],"
        "\"Error\":1.5,\"Adjustment\":0.5,\"Height\":0.1}}]");
    put(&s, CONSUL_AUTOPILOT,
        "{\"CleanupDeadServers\":true,\"LastContactThreshold\":200000000,\"MinQuorum\":3}");
    put(&s, CONSUL_INDEX, "{\"Key\":\"kvs\",\"Value\":90}");
    put(&s, CONSUL_INDEX, "{\"Key\":\"some-other-table\",\"Value\":90}");
    restored(&s, &w);
    assert_true(coordinate_get(&w.view, STR_LIT("n1"), &c, NULL));
    assert_true(c.vec[0] == 0.25 && c.adjustment == 0.5);
    assert_true(pilot_get(&w.view, &p));
    assert_true(p.cleanup_dead_servers && p.min_quorum == 3);
    world_close(&w);
    end(&s);
    refused(CONSUL_COORDINATES, "[{\"Node\":\"n1\",\"Coord\":{\"Vec\":[0.25]}}]", "of kind 6");
}

/* What cannot be read refuses the whole, and says of which kind it was. */
static void refusals(void **state)
{
    struct source s;

    refused(CONSUL_KV, "{\"Key\":5}", "a record of kind 2 cannot be read");
    refused(CONSUL_KV, "[1]", "a record of kind 2 cannot be read");
    refused(CONSUL_REGISTER, "{\"Node\":\"\"}", "of kind 0");
    refused(CONSUL_REGISTER, "{" NODE ",\"Service\":{\"Tags\":\"x\"}}", "of kind 0");
    refused(CONSUL_SESSION, "{\"ID\":\"" ID "\",\"Checks\":[1]}", "of kind 3");
    refused(CONSUL_TOKEN, "{\"AccessorID\":\"" ID "\",\"CreateTime\":\"x\"}", "of kind 17");
    refused(99, "{}", "unknown kind 99");
    begin(&s);
    put(&s, CONSUL_MAY_BE_IGNORED + 5, "{}");
    put(&s, CONSUL_INTENTION, "{}");
    put(&s, CONSUL_INTENTION, "{}");
    put(&s, CONSUL_CHUNKING, "{}");
    assert_int_equal(import(&s), 0);
    assert_string_equal(buf_z(&s.left), "2 intentions, 1 record of a kind unknown here");
    end(&s);
    begin(&s);
    put(&s, CONSUL_KV, "{\"Key\":\"a\"}");
    s.bytes.n--; /* cut off */
    assert_int_equal(import(&s), ERR_INVALID);
    assert_non_null(strstr(s.err.text, "ends too early"));
    end(&s);
    assert_false(consul_is_snapshot(STR_LIT("")));
    assert_false(consul_is_snapshot(STR_LIT("\x81\xa5Other\x01")));
}

/* Go's time.Time: seconds since the year 1; the zero time is none. */
static void times(void **state)
{
    static const struct {
        const char *bytes; /* 15 */
        int64_t ns;
        bool bad;
    } cases[] = {
        {"\x01\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff", 0, false},
        {"\x01\0\0\0\x0e\x77\x91\xf7\x00\0\0\0\0\xff\xff", 0, false}, /* 1970 */
        {"\x01\0\0\0\x0e\x77\x91\xf7\x01\0\0\0\x07\0\x3c", 1000000007, false},
        {"\x02\0\0\0\x0e\x77\x91\xf7\x01\0\0\0\x07\0\x3c", 1000000007, false},
        {"\x03\0\0\0\x0e\x77\x91\xf7\x01\0\0\0\x07\0\x3c", 0, true}, /* a later version */
        {"\x01\0\0\0\x0e\x77\x91\xf7\x01\xff\xff\xff\xff\0\0", 0, true},
        {"\x01\0\0\0\x0e\x77\x91\xf6\xff\0\0\0\0\0\0", 0, true}, /* before 1970 */
        {"\x01\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0", 0, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf map;
        bool bad = false;
        struct consul_record r = {.bad = &bad};

        buf_init(&map, 0);
        pack_map(&map, 1);
        pack_str(&map, STR_LIT("T"));
        pack_bin(&map, str_make(cases[i].bytes, 15));
        r.map = buf_str(&map);
        assert_int_equal(consul_time(&r, "T"), cases[i].ns);
        assert_int_equal(bad, cases[i].bad);
        assert_int_equal(consul_time(&r, "Missing"), 0);
        buf_fini(&map);
    }
}

/* Lists and maps that claim more than there is, or than is allowed. */
static void bounds(void **state)
{
    struct buf parts[CONSUL_PARTS_MAX], map;
    unsigned part_n = 0;
    bool bad = false;
    struct consul_record r = {.parts = parts, .part_n = &part_n, .bad = &bad};

    for (int i = 0; i < CONSUL_PARTS_MAX; i++)
        buf_init(&parts[i], 0);
    buf_init(&map, 0);
    pack_map(&map, 1);
    pack_str(&map, STR_LIT("M"));
    pack_map(&map, CONSUL_PAIRS_MAX + 1);
    for (int i = 0; i < 2 * (CONSUL_PAIRS_MAX + 1); i++)
        pack_str(&map, STR_LIT("x"));
    r.map = buf_str(&map);
    (void)consul_pairs(&r, "M");
    assert_true(bad);
    bad = false;
    r.map = STR_LIT("\x81\xa1M\xdd\xff\xff\xff\xff"); /* four thousand million texts */
    (void)consul_texts(&r, "M");
    assert_true(bad);
    bad = false;
    r.map = STR_LIT("\xdf\xff\xff\xff\xff\xa1M\x01");
    assert_int_equal(consul_u64(&r, "N"), 0);
    assert_true(bad);
    for (int i = 0; i < CONSUL_PARTS_MAX; i++)
        buf_fini(&parts[i]);
    buf_fini(&map);
}

UNIT_MAIN(UNIT(keys), UNIT(catalog), UNIT(sessions_and_queries), UNIT(acls),
          UNIT(coordinates_and_autopilot), UNIT(refusals), UNIT(times), UNIT(bounds))
