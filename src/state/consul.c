/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/consul.h"

#include "state/coordinate.h"
#include "state/indexes.h"
#include "state/kv_entry.h"
#include "state/pilot.h"
#include "state/restore.h"

/* In the order of restore.c. */
static const int tables[CONSUL_TABLES] = {
    [CONSUL_TO_META] = TABLE_META,
    [CONSUL_TO_KV] = TABLE_KV,
    [CONSUL_TO_TOMBSTONE] = TABLE_TOMBSTONE,
    [CONSUL_TO_NODE] = TABLE_NODE,
    [CONSUL_TO_SERVICE] = TABLE_SERVICE,
    [CONSUL_TO_CHECK] = TABLE_CHECK,
    [CONSUL_TO_COORDINATE] = TABLE_COORDINATE,
    [CONSUL_TO_SESSION] = TABLE_SESSION,
    [CONSUL_TO_QUERY] = TABLE_QUERY,
    [CONSUL_TO_POLICY] = TABLE_ACL_POLICY,
    [CONSUL_TO_ROLE] = TABLE_ACL_ROLE,
    [CONSUL_TO_TOKEN] = TABLE_ACL_TOKEN,
};

/* What a count of records of a kind is called. */
static const struct {
    int kind;
    const char *one, *many;
} left_names[] = {
    {CONSUL_LEGACY_ACL, "ACL of before 1.4", "ACLs of before 1.4"},
    {CONSUL_LEFT_TOKEN, "token of before 1.4", "tokens of before 1.4"},
    {CONSUL_LEFT_POLICY, "policy in the syntax of before 1.4",
     "policies in the syntax of before 1.4"},
    {CONSUL_AUTH_METHOD, "auth method", "auth methods"},
    {CONSUL_BINDING_RULE, "binding rule", "binding rules"},
    {CONSUL_INTENTION, "intention", "intentions"},
    {CONSUL_CONFIG_ENTRY, "config entry", "config entries"},
    {CONSUL_LEFT_PROXY, "proxy's configuration", "proxies' configurations"},
    {CONSUL_CA_ROOTS, "CA root", "CA roots"},
    {CONSUL_CA_PROVIDER, "CA provider's state", "CA providers' states"},
    {CONSUL_CA_CONFIG, "CA configuration", "CA configurations"},
    {CONSUL_FEDERATION, "federation state", "federation states"},
    {CONSUL_MAY_BE_IGNORED, "record of a kind unknown here", "records of a kind unknown here"},
};

void consul_put(struct consul_sink *s, enum consul_table table)
{
    struct buf *out = &s->rows[table];

    pack_uint(out, (uint64_t)table);
    pack_bin(out, buf_str(&s->key));
    pack_bin(out, buf_str(&s->row));
    s->size += s->key.n + s->row.n;
    buf_clear(&s->key);
    buf_clear(&s->row);
}

static void take_kv(struct consul_sink *s, const struct consul_record *r)
{
    struct kv_entry e = {
        .key = consul_text(r, "Key"),
        .value = consul_text(r, "Value"),
        .session = consul_text(r, "Session"),
        .flags = consul_u64(r, "Flags"),
        .lock_index = consul_u64(r, "LockIndex"),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    buf_put_str(&s->key, e.key);
    kv_entry_put_row(&s->row, &e);
    consul_put(s, CONSUL_TO_KV);
}

static void take_tombstone(struct consul_sink *s, const struct consul_record *r)
{
    buf_put_str(&s->key, consul_text(r, "Key"));
    buf_put_u64(&s->row, consul_index(r, "ModifyIndex"));
    consul_put(s, CONSUL_TO_TOMBSTONE);
}

static void take_autopilot(struct consul_sink *s, const struct consul_record *r)
{
    struct pilot p = {
        .cleanup_dead_servers = consul_bool(r, "CleanupDeadServers"),
        .last_contact_ns = consul_i64(r, "LastContactThreshold"),
        .stabilization_ns = consul_i64(r, "ServerStabilizationTime"),
        .max_trailing_logs = consul_i64(r, "MaxTrailingLogs"),
        .min_quorum = consul_i64(r, "MinQuorum"),
        .create_index = consul_index(r, "CreateIndex"),
        .modify_index = consul_index(r, "ModifyIndex"),
    };

    pilot_put_key(&s->key);
    pilot_put_row(&s->row, &p);
    consul_put(s, CONSUL_TO_META);
}

/* An array of them. Ours have 8 dimensions, as all that Consul's agents make. */
static void take_coordinates(struct consul_sink *s, const struct consul_record *r)
{
    struct unpack u = unpack_make(r->map);
    struct consul_record e = *r;

    for (uint32_t n = unpack_array(&u); n > 0 && !u.bad && !*r->bad; n--) {
        e.map = consul_value(&u);
        struct consul_record coord = consul_sub(&e, "Coord");
        struct unpack v = unpack_make(consul_field(&coord, "Vec"));
        struct coordinate c = {
            .node = consul_text(&e, "Node"),
            .segment = consul_text(&e, "Segment"),
            .error = consul_double(&coord, "Error"),
            .adjustment = consul_double(&coord, "Adjustment"),
            .height = consul_double(&coord, "Height"),
        };

        *r->bad |= unpack_array(&v) != COORDINATE_DIMENSIONS;
        for (int i = 0; i < COORDINATE_DIMENSIONS; i++)
            c.vec[i] = unpack_double(&v);
        *r->bad |= v.bad;
        coordinate_put_row(&c, &s->key, &s->row);
        consul_put(s, CONSUL_TO_COORDINATE);
    }
    *r->bad |= u.bad;
}

/* consul: agent/consul/state's names of tables. */
static void take_index(struct consul_sink *s, const struct consul_record *r)
{
    static const char *const names[INDEXES_N] = {
        [INDEXES_KV] = "kvs",
        [INDEXES_TOMBSTONES] = "tombstones",
        [INDEXES_NODES] = "nodes",
        [INDEXES_SERVICES] = "services",
        [INDEXES_CHECKS] = "checks",
        [INDEXES_SESSIONS] = "sessions",
        [INDEXES_EXTINCTION] = "service_last_extinction",
        [INDEXES_ACL_TOKENS] = "acl-tokens",
        [INDEXES_ACL_POLICIES] = "acl-policies",
        [INDEXES_ACL_ROLES] = "acl-roles",
        [INDEXES_ACL_BOOTSTRAP] = "acl-token-bootstrap",
        [INDEXES_QUERIES] = "prepared-queries",
        [INDEXES_COORDINATES] = "coordinates",
    };
    struct str name = consul_text(r, "Key");
    int i = 0;

    while (i < INDEXES_N && !str_eq_z(name, names[i]))
        i++;
    if (i < INDEXES_N)
        buf_put_z(&s->key, indexes_key((enum indexes_table)i));
    else if (str_has_prefix(name, STR_LIT("service."))) {
        buf_fini(&s->key);
        indexes_service_key(&s->key, str_drop(name, 8));
    } else
        return;
    buf_put_u64(&s->row, consul_index(r, "Value"));
    consul_put(s, CONSUL_TO_META);
}

/* ---- all of it ---- */

static bool take(struct consul_sink *s, int kind, const struct consul_record *r)
{
    static const struct {
        int kind;
        void (*take)(struct consul_sink *s, const struct consul_record *r);
    } takers[] = {
        {CONSUL_REGISTER, consul_take_register},
        {CONSUL_KV, take_kv},
        {CONSUL_SESSION, consul_take_session},
        {CONSUL_TOMBSTONE, take_tombstone},
        {CONSUL_QUERY, consul_take_query},
        {CONSUL_AUTOPILOT, take_autopilot},
        {CONSUL_INDEX, take_index},
        {CONSUL_TOKEN, consul_take_token},
        {CONSUL_POLICY, consul_take_policy},
        {CONSUL_ROLE, consul_take_role},
        {CONSUL_COORDINATES, take_coordinates},
    };

    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (takers[i].kind == kind) {
            takers[i].take(s, r);
            return true;
        }
    }
    if (kind >= CONSUL_MAY_BE_IGNORED)
        kind = CONSUL_MAY_BE_IGNORED;
    for (size_t i = 0; i < sizeof left_names / sizeof left_names[0]; i++) {
        if (left_names[i].kind == kind) {
            s->left[kind]++;
            return true;
        }
    }
    /* What says nothing of its own: Consul's own notes. */
    return kind == CONSUL_ACL_BOOTSTRAP || kind == CONSUL_CHUNKING || kind == CONSUL_METADATA;
}

static int take_all(struct consul_sink *s, struct str bytes, uint64_t index_max, struct error *err)
{
    struct buf parts[CONSUL_PARTS_MAX];
    struct unpack u = unpack_make(bytes);
    unsigned part_n = 0;
    bool bad = false;
    int ret = 0;
    struct consul_record r = {
        .index_max = index_max, .parts = parts, .part_n = &part_n, .bad = &bad};

    for (int i = 0; i < CONSUL_PARTS_MAX; i++)
        buf_init(&parts[i], 0);
    unpack_skip(&u); /* the header */
    while (ret == 0 && !u.bad && cursor_left(&u.in)) {
        int kind = cursor_u8(&u.in);

        part_n = 0;
        r.map = consul_value(&u);
        if (u.bad)
            break;
        if (!take(s, kind, &r))
            ret = error_set(err, ERR_INVALID, "a record of the unknown kind %d", kind);
        else if (bad)
            ret = error_set(err, ERR_INVALID, "a record of kind %d cannot be read", kind);
        else if (s->size > COMMAND_SIZE_MAX) /* of two bytes become twenty */
            ret = error_set(err, ERR_TOO_LARGE, "it is larger than %zu bytes", COMMAND_SIZE_MAX);
    }
    if (ret == 0 && u.bad)
        ret = error_set(err, ERR_INVALID, "it is damaged or ends too early");
    for (int i = 0; i < CONSUL_PARTS_MAX; i++)
        buf_fini(&parts[i]);
    return ret;
}

static void name_left(const struct consul_sink *s, struct buf *out)
{
    for (size_t i = 0; i < sizeof left_names / sizeof left_names[0]; i++) {
        uint32_t n = s->left[left_names[i].kind];

        if (n)
            buf_putf(out, "%s%u %s", out->n ? ", " : "", n,
                     n == 1 ? left_names[i].one : left_names[i].many);
    }
}

bool consul_is_snapshot(struct str bytes)
{
    struct unpack u = unpack_make(bytes);
    uint32_t n = unpack_map(&u);

    return n == 1 && str_eq_z(unpack_str(&u), "LastIndex") && !u.bad;
}

int consul_import(struct str bytes, uint64_t index_max, struct buf *dump, struct buf *left_out,
                  struct error *err)
{
    struct consul_sink s = {0};
    int ret;

    for (int i = 0; i < CONSUL_TABLES; i++)
        buf_init(&s.rows[i], 0);
    buf_init(&s.key, 0);
    buf_init(&s.row, 0);
    buf_init(&s.last_node, 0);
    ret = take_all(&s, bytes, index_max, err);
    pack_str(dump, STR_LIT(RESTORE_MAGIC));
    pack_array(dump, CONSUL_TABLES);
    for (int i = 0; i < CONSUL_TABLES; i++)
        pack_str(dump, str_z(state_table_names[tables[i]]));
    for (int i = 0; i < CONSUL_TABLES; i++) {
        buf_put_str(dump, buf_str(&s.rows[i]));
        dump->failed |= s.rows[i].failed;
        buf_fini(&s.rows[i]);
    }
    name_left(&s, left_out);
    buf_fini(&s.last_node);
    buf_fini(&s.row);
    buf_fini(&s.key);
    return ret;
}
