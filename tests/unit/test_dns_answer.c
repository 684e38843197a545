/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Question packets through the answer function, over a small store. What is
 * expected is written as one line: rcode, flags, then the records of each
 * section, '|' between sections.
 */
#include <libknot/libknot.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "acl/acl_set.h"
#include "dns/dns_answer.h"
#include "state/acl.h"
#include "state/health.h"
#include "tests/lib/unit.h"

#define LINE_MAX_SIZE 65536

struct world {
    char dir[64];
    struct store *store;
    struct store_reader *reader;
    struct state *state;
    uint64_t index;
    struct config *config;
    struct dns_conf *conf;
    struct dns_mem mem;
    struct dns_cache *cache;
    struct dns_reverse *reverse;
    struct dns_chase chase;
    enum dns_outcome outcome;
    size_t size;
    uint64_t seed;
    char line[LINE_MAX_SIZE];
    uint8_t out[65536];
};

static void apply(struct world *w, struct buf *command)
{
    struct change_batch changes;
    struct result result;

    change_init(&changes);
    result_init(&result);
    assert_int_equal(state_apply(w->state, ++w->index, buf_str(command), &changes, &result), 0);
    assert_int_equal(result.status, 0);
    result_fini(&result);
    change_fini(&changes);
    buf_fini(command);
}

static struct str packed_pairs(struct buf *b, const char *name, const char *value)
{
    pack_map(b, name ? 1 : 0);
    if (name) {
        pack_str(b, str_z(name));
        pack_str(b, str_z(value));
    }
    return buf_str(b);
}

/* service may be NULL; status too: no check. */
static void put(struct world *w, const char *node, const char *address, const char *service,
                const char *service_address, int port, const char *tag, const char *status)
{
    struct buf command, meta, tags, none;
    buf_init(&command, 0);
    buf_init(&meta, 0);
    buf_init(&tags, 0);
    buf_init(&none, 0);
    pack_array(&tags, tag ? 1 : 0);
    if (tag)
        pack_str(&tags, str_z(tag));
    struct catalog_service s = {.id = str_z(service),
                                .name = str_z(service),
                                .address = str_z(service_address),
                                .tags = buf_str(&tags),
                                .port = port,
                                .weight_passing = 1,
                                .weight_warning = 1};
    struct health_check c = {.node = str_z(node),
                             .check_id = STR_LIT("c"),
                             .name = STR_LIT("c"),
                             .service_id = str_z(service),
                             .service_name = str_z(service),
                             .status = str_z(status),
                             .definition_json = STR_LIT("{}")};
    struct catalog_register r = {
        .node = {.name = str_z(node), .address = str_z(address), .datacenter = STR_LIT("dc1")},
        .service = service ? &s : NULL,
        .checks = &c,
        .check_n = status ? 1 : 0};
    s.meta.packed = s.tagged_addresses = packed_pairs(&none, NULL, NULL);
    r.node.tagged_addresses.packed = buf_str(&none);
    r.node.meta.packed = packed_pairs(&meta, strcmp(node, "meta") == 0 ? "role" : NULL, "db");
    catalog_encode_register(&r, &command);
    apply(w, &command);
    buf_fini(&meta);
    buf_fini(&tags);
    buf_fini(&none);
}

static void remake_conf(struct world *w)
{
    dns_conf_free(w->conf);
    assert_int_equal(dns_conf_new(w->config, &w->conf, NULL), 0);
}

static void use_recursor(struct world *w)
{
    static char address[] = "127.0.0.1:1";
    static char *list[] = {address};
    w->config->recursors = (struct config_list){list, 1};
    remake_conf(w);
}

static int set_up(void **state)
{
    struct world *w = mem_new(struct world);
    snprintf(w->dir, sizeof(w->dir), "/tmp/test_dns_answer.XXXXXX");
    if (!mkdtemp(w->dir) ||
        store_open(w->dir, state_table_names, STATE_TABLE_N, 1 << 26, &w->store, NULL) != 0)
        return -1;
    w->reader = store_reader_new(w->store);
    w->state = state_new(w->store);
    w->config = config_new();
    dns_mem_init(&w->mem);
    w->cache = dns_cache_new(1);
    w->reverse = dns_reverse_new(1);
    remake_conf(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    dns_conf_free(w->conf);
    dns_mem_fini(&w->mem);
    dns_cache_free(w->cache);
    dns_reverse_free(w->reverse);
    config_free(w->config);
    state_free(w->state);
    store_reader_free(w->reader);
    store_close(w->store);
    rmdir(w->dir);
    mem_free(w);
    return mem_outstanding() == 0 ? 0 : -1;
}

/* ---- packets ---- */

struct ask {
    uint16_t type;
    int edns; /* payload size; 0: none */
    bool is_tcp;
    bool has_no_state;
};

static size_t question(const char *name, struct ask a, uint8_t *dst)
{
    size_t n = KNOT_WIRE_HEADER_SIZE;
    memset(dst, 0, n);
    knot_wire_set_id(dst, 0x1234);
    knot_wire_set_rd(dst);
    knot_wire_set_qdcount(dst, 1);
    assert_non_null(knot_dname_from_str(dst + n, name, 255));
    n += knot_dname_size(dst + n);
    knot_wire_write_u16(dst + n, a.type);
    knot_wire_write_u16(dst + n + 2, KNOT_CLASS_IN);
    n += 4;
    if (a.edns) {
        knot_wire_set_arcount(dst, 1);
        memset(dst + n, 0, 11);
        knot_wire_write_u16(dst + n + 1, KNOT_RRTYPE_OPT);
        knot_wire_write_u16(dst + n + 3, (uint16_t)a.edns);
        n += 11;
    }
    return n;
}

static void print_rr(const knot_rrset_t *rr, struct buf *out)
{
    char owner[300], type[32], data[512];
    knot_dump_style_t style = KNOT_DUMP_STYLE_DEFAULT;
    if (rr->type == KNOT_RRTYPE_OPT)
        return;
    style.wrap = false;
    knot_dname_to_str(owner, rr->owner, sizeof(owner));
    knot_rrtype_to_string(rr->type, type, sizeof(type));
    if (rr->type == KNOT_RRTYPE_SOA)
        snprintf(data, sizeof(data), "soa");
    else
        assert_true(knot_rrset_txt_dump_data(rr, 0, data, sizeof(data), &style) >= 0);
    buf_putf(out, " %s %s %u %s;", owner, type, (unsigned)rr->ttl, data);
}

static void print(struct world *w, const uint8_t *bytes, size_t n)
{
    struct buf b = {0};
    uint8_t copy[65536];
    buf_init(&b, 0);
    memcpy(copy, bytes, n);
    knot_pkt_t *p = knot_pkt_new(copy, (uint16_t)n, &w->mem.mm);
    assert_int_equal(knot_pkt_parse(p, KNOT_PF_NOCANON), KNOT_EOK);
    assert_int_equal(knot_wire_get_id(bytes), 0x1234);
    assert_true(knot_wire_get_qr(bytes));
    buf_putf(&b, "%d%s%s%s", knot_wire_get_rcode(bytes), knot_wire_get_aa(bytes) ? " aa" : "",
             knot_wire_get_tc(bytes) ? " tc" : "", knot_wire_get_ra(bytes) ? " ra" : "");
    for (int s = 0; s < 3; s++) {
        const knot_pktsection_t *section = knot_pkt_section(p, (knot_section_t)s);
        buf_put_z(&b, " |");
        for (uint16_t i = 0; i < section->count; i++)
            print_rr(knot_pkt_rr(section, i), &b);
    }
    assert_true(b.n < sizeof(w->line));
    memcpy(w->line, b.p, b.n);
    w->line[b.n] = '\0';
    buf_fini(&b);
}

/* What was read before gives the same answer, filling the cache and from it. */
static void ask_cached(struct world *w, struct dns_question q)
{
    static uint8_t again[65536];
    size_t n = 0;
    q.cache = w->cache;
    dns_cache_sync(w->cache, q.view);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dns_answer(&q, again, &n), DNS_ANSWERED);
        assert_int_equal(n, w->size);
        assert_memory_equal(again, w->out, n);
    }
}

static const char *ask(struct world *w, const char *name, struct ask a)
{
    uint8_t packet[600];
    size_t n = question(name, a, packet);
    struct view view = {.store = store_view_begin(w->reader)};
    struct dns_question q = {.packet = str_make(packet, n),
                             .is_tcp = a.is_tcp,
                             .conf = w->conf,
                             .view = a.has_no_state ? NULL : &view,
                             .now_s = 1,
                             .seed = w->seed,
                             .chase = &w->chase,
                             .reverse = w->reverse,
                             .mem = &w->mem};
    w->size = 0;
    w->outcome = dns_answer(&q, w->out, &w->size);
    if (w->outcome == DNS_ANSWERED && q.view)
        ask_cached(w, q);
    store_view_end(view.store);
    w->line[0] = '\0';
    if (w->outcome == DNS_ANSWERED)
        print(w, w->out, w->size);
    dns_mem_reset(&w->mem);
    return w->line;
}

#define A(w, name)        ask(w, name, (struct ask){.type = KNOT_RRTYPE_A})
#define ASK(w, name, ...) ask(w, name, (struct ask){__VA_ARGS__})
#define SOA               " consul. SOA 0 soa;"

/* ---- tests ---- */

/* A service's instances are found by name, tag and RFC 2782 form; unknown ones are NXDOMAIN. */
static void service_test(void **state)
{
    struct world *w = *state;
    put(w, "n1", "10.0.0.1", "web", "", 80, "v1", NULL);
    put(w, "n2", "10.0.0.2", "web", "10.9.0.2", 81, NULL, "passing");
    put(w, "n3", "10.0.0.3", "web", "", 82, "v1", "critical");
    assert_string_equal(A(w, "v1.web.service.consul."),
                        "0 aa | v1.web.service.consul. A 0 10.0.0.1; | |");
    assert_string_equal(A(w, "V1.weB.service.dc1.Consul."),
                        "0 aa | V1.weB.service.dc1.Consul. A 0 10.0.0.1; | |");
    assert_string_equal(ASK(w, "_web._v1.service.consul.", .type = KNOT_RRTYPE_SRV),
                        "0 aa | _web._v1.service.consul. SRV 0 1 1 80 n1.node.dc1.consul.; | |"
                        " n1.node.dc1.consul. A 0 10.0.0.1;");
    A(w, "web.service.consul.");
    assert_non_null(strstr(w->line, "A 0 10.0.0.1"));
    assert_non_null(strstr(w->line, "A 0 10.9.0.2"));
    assert_null(strstr(w->line, "10.0.0.3"));
    ASK(w, "web.service.consul.", .type = KNOT_RRTYPE_SRV);
    assert_non_null(strstr(w->line, "1 1 81 0a090002.addr.dc1.consul."));
    assert_non_null(strstr(w->line, " 0a090002.addr.dc1.consul. A 0 10.9.0.2;"));
    assert_string_equal(A(w, "nope.service.consul."), "3 aa | |" SOA " |");
    assert_string_equal(A(w, "web.service.dc9.consul."), "3 aa | |" SOA " |");
    assert_string_equal(ASK(w, "web.service.consul.", .type = KNOT_RRTYPE_AAAA),
                        "0 aa | |" SOA " |");
}

/* Without any state services and nodes fail, the zone's SOA still answers. */
static void no_state_test(void **state)
{
    struct world *w = *state;
    assert_string_equal(ASK(w, "web.service.consul.", .type = KNOT_RRTYPE_A, .has_no_state = true),
                        "2 aa | | |");
    assert_string_equal(ASK(w, "n.node.consul.", .type = KNOT_RRTYPE_A, .has_no_state = true),
                        "2 aa | | |");
    assert_string_equal(ASK(w, "consul.", .type = KNOT_RRTYPE_SOA, .has_no_state = true),
                        "0 aa | consul. SOA 0 soa; | |");
}

/* only_passing leaves out warnings, TTLs come by name and prefix, the record limit caps A. */
static void config_test(void **state)
{
    struct world *w = *state;
    put(w, "n1", "10.0.0.1", "web-a", "", 80, NULL, "warning");
    put(w, "n2", "10.0.0.2", "web-a", "", 80, NULL, "passing");
    w->config->dns_only_passing = true;
    w->config->dns_node_ttl = DURATION_S(30);
    static char all[] = "*", web[] = "web-*", five[] = "5s", ten[] = "10s";
    char *names[] = {all, web}, *values[] = {five, ten};
    w->config->dns_service_ttl = (struct config_pairs){names, values, 2};
    remake_conf(w);
    assert_string_equal(A(w, "web-a.service.consul."),
                        "0 aa | web-a.service.consul. A 10 10.0.0.2; | |");
    assert_string_equal(A(w, "n1.node.consul."), "0 aa | n1.node.consul. A 30 10.0.0.1; | |");
    w->config->dns_only_passing = false;
    w->config->dns_a_record_limit = 1;
    remake_conf(w);
    ASK(w, "web-a.service.consul.", .type = KNOT_RRTYPE_A, .is_tcp = true);
    assert_null(strstr(w->line, " tc"));
    assert_int_equal(knot_wire_get_ancount(w->out), 1);
}

/* Nodes give addresses and texts; a type they lack is an empty answer; reverse names find them. */
static void node_test(void **state)
{
    struct world *w = *state;
    put(w, "meta", "10.0.0.1", NULL, NULL, 0, NULL, NULL);
    put(w, "six", "2001:db8::1", "s6", "2001:db8::9", 1, NULL, NULL);
    assert_string_equal(A(w, "meta.node.consul."), "0 aa | meta.node.consul. A 0 10.0.0.1; | |"
                                                   " meta.node.consul. TXT 0 \"role=db\";");
    assert_string_equal(ASK(w, "meta.node.consul.", .type = KNOT_RRTYPE_TXT),
                        "0 aa | meta.node.consul. TXT 0 \"role=db\"; | |");
    assert_string_equal(A(w, "six.node.consul."), "0 aa | | |");
    assert_string_equal(ASK(w, "nope.node.consul.", .type = KNOT_RRTYPE_SRV), "0 aa | | |");
    assert_string_equal(A(w, "nope.node.consul."), "3 aa | |" SOA " |");
    assert_string_equal(ASK(w, "1.0.0.10.in-addr.arpa.", .type = KNOT_RRTYPE_PTR),
                        "0 aa | 1.0.0.10.in-addr.arpa. PTR 0 meta.node.dc1.consul.; | |");
    assert_string_equal(
        ASK(w, "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
            .type = KNOT_RRTYPE_PTR),
        "0 aa | 9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."
        " PTR 0 s6.service.dc1.consul.; | |");
    put(w, "late", "7.7.7.7", NULL, NULL, 0, NULL, NULL);
    assert_string_equal(ASK(w, "7.7.7.7.in-addr.arpa.", .type = KNOT_RRTYPE_PTR),
                        "0 aa | 7.7.7.7.in-addr.arpa. PTR 0 late.node.dc1.consul.; | |");
    assert_string_equal(ASK(w, "8.7.7.7.in-addr.arpa.", .type = KNOT_RRTYPE_PTR), "2 ra | | |");
    assert_string_equal(A(w, "0A000001.addr.consul."),
                        "0 aa | 0A000001.addr.consul. A 0 10.0.0.1; | |");
}

/* Names of others are refused without recursors and forwarded with them. */
static void outside_test(void **state)
{
    struct world *w = *state;
    assert_string_equal(ASK(w, "www.example.com.", .type = KNOT_RRTYPE_A, .edns = 1232), "5 | | |");
    use_recursor(w);
    A(w, "www.example.com.");
    assert_int_equal(w->outcome, DNS_FORWARD);
    assert_string_equal(ASK(w, "example.com.", .type = KNOT_RRTYPE_AXFR, .is_tcp = true),
                        "5 ra | | |");
    ASK(w, "7.7.7.7.in-addr.arpa.", .type = KNOT_RRTYPE_PTR);
    assert_int_equal(w->outcome, DNS_FORWARD);
}

/* A service elsewhere is a CNAME, chased through the recursors; names of ours are followed here. */
static void cname_test(void **state)
{
    struct world *w = *state;
    uint8_t found[600];
    put(w, "google", "www.google.com", "search", "", 80, NULL, NULL);
    put(w, "n1", "10.0.0.1", "target", "", 1, NULL, NULL);
    put(w, "n2", "10.0.0.2", "alias", "target.service.consul", 2, NULL, NULL);
    put(w, "n3", "10.0.0.3", "loop", "loop.service.consul.", 3, NULL, NULL);
    put(w, "n4", "loop4.node.consul", NULL, NULL, 0, NULL, NULL);
    put(w, "loop4", "n4.node.consul", NULL, NULL, 0, NULL, NULL);
    assert_string_equal(A(w, "search.service.consul."),
                        "0 aa | search.service.consul. CNAME 0 www.google.com.; | |");
    assert_string_equal(A(w, "alias.service.consul."),
                        "0 aa | alias.service.consul. CNAME 0 target.service.consul.;"
                        " target.service.consul. A 0 10.0.0.1; | |");
    assert_string_equal(ASK(w, "alias.service.consul.", .type = KNOT_RRTYPE_SRV),
                        "0 aa | alias.service.consul. SRV 0 1 1 2 target.service.consul.; | |"
                        " target.service.consul. A 0 10.0.0.1;");
    assert_string_equal(A(w, "loop.service.consul."),
                        "0 aa | loop.service.consul. A 0 10.0.0.3; | |");
    assert_string_equal(A(w, "n4.node.consul."),
                        "0 aa | n4.node.consul. CNAME 0 loop4.node.consul.;"
                        " loop4.node.consul. CNAME 0 n4.node.consul.;"
                        " n4.node.consul. CNAME 0 loop4.node.consul.; | |");

    use_recursor(w);
    A(w, "search.service.consul.");
    assert_int_equal(w->outcome, DNS_CHASE);
    assert_int_equal(w->chase.n, 1);
    assert_memory_equal(w->chase.items[0].name, "\3www\6google\3com", 16);
    size_t n = question("www.google.com.", (struct ask){.type = KNOT_RRTYPE_A}, found);
    knot_wire_set_qr(found);
    knot_wire_set_ancount(found, 1);
    memcpy(found + n, "\xc0\x0c\0\1\0\1\0\0\0\115\0\4\300\0\2\12", 16);
    w->chase.items[0].packet = str_make(found, n + 16);
    w->chase.is_final = true;
    assert_string_equal(A(w, "search.service.consul."),
                        "0 aa ra | search.service.consul. CNAME 0 www.google.com.;"
                        " www.google.com. A 0 192.0.2.10; | |");
    /* Garbage from a recursor harms nobody. */
    for (size_t cut = 0; cut < n + 16; cut++) {
        w->chase.items[0].packet = str_make(found, cut);
        A(w, "search.service.consul.");
        assert_int_equal(w->outcome, DNS_ANSWERED);
    }
    w->chase = (struct dns_chase){0};
}

static void many(struct world *w, int n)
{
    for (int i = 0; i < n; i++) {
        char node[16], address[32];
        snprintf(node, sizeof(node), "k%03d", i);
        snprintf(address, sizeof(address), "10.0.%d.%d", i / 250, i % 250);
        put(w, node, address, "many", "", 9000, NULL, NULL);
    }
}

/* What is sent of many answers depends on transport and EDNS size, as recorded; TC tells. */
static void size_test(void **state)
{
    static const struct {
        uint16_t type;
        int edns;
        bool is_tcp;
        int answer_n;
        bool is_cut;
    } rows[] = {
        {KNOT_RRTYPE_A, 0, false, 3, true},       {KNOT_RRTYPE_A, 512, false, 3, true},
        {KNOT_RRTYPE_A, 100, false, 3, true},     {KNOT_RRTYPE_A, 1232, false, 74, true},
        {KNOT_RRTYPE_A, 4096, false, 253, true},  {KNOT_RRTYPE_A, 65000, false, 300, false},
        {KNOT_RRTYPE_A, 0, true, 300, false},     {KNOT_RRTYPE_SRV, 0, false, 3, true},
        {KNOT_RRTYPE_SRV, 1232, false, 21, true}, {KNOT_RRTYPE_SRV, 4096, false, 72, true},
        {KNOT_RRTYPE_SRV, 0, true, 300, false},
    };
    struct world *w = *state;
    many(w, 300);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ASK(w, "many.service.consul.", .type = rows[i].type, .edns = rows[i].edns,
            .is_tcp = rows[i].is_tcp);
        int limit = rows[i].is_tcp ? 65535 : rows[i].edns > 512 ? rows[i].edns : 512;
        assert_true(w->size <= (size_t)limit);
        if (knot_wire_get_ancount(w->out) != rows[i].answer_n ||
            (knot_wire_get_tc(w->out) != 0) != rows[i].is_cut)
            fail_msg("row %zu: %d answers, %d bytes", i, knot_wire_get_ancount(w->out),
                     (int)w->size);
    }
    w->config->dns_udp_answer_limit = 5;
    w->config->dns_enable_truncate = false;
    remake_conf(w);
    ASK(w, "many.service.consul.", .type = KNOT_RRTYPE_SRV);
    assert_int_equal(knot_wire_get_ancount(w->out), 4); /* more do not fit uncompressed */
    assert_false(knot_wire_get_tc(w->out));
}

/* The order changes from answer to answer, every instance comes first at times. */
static void order_test(void **state)
{
    struct world *w = *state;
    int first[3] = {0};
    many(w, 3);
    for (w->seed = 0; w->seed < 300; w->seed++) {
        A(w, "many.service.consul.");
        assert_int_equal(knot_wire_get_ancount(w->out), 3);
        const char *at = strstr(w->line, "10.0.0.");
        first[at[7] - '0']++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(first[i], 60, 140);
}

/* disable_compression writes every name in full. */
static void plain_test(void **state)
{
    struct world *w = *state;
    many(w, 3);
    A(w, "many.service.consul.");
    size_t compressed = w->size;
    w->config->dns_disable_compression = true;
    A(w, "many.service.consul.");
    assert_int_equal(w->size, compressed + 3 * 19);
}

/* Every instance once in A, every port of a node once in SRV. */
static void once_test(void **state)
{
    struct world *w = *state;
    put(w, "d1", "10.0.0.1", "dd", "", 1, NULL, NULL);
    put(w, "d2", "10.0.0.1", "dd", "", 1, NULL, NULL);
    assert_string_equal(A(w, "dd.service.consul."), "0 aa | dd.service.consul. A 0 10.0.0.1; | |");
    ASK(w, "dd.service.consul.", .type = KNOT_RRTYPE_SRV);
    assert_int_equal(knot_wire_get_ancount(w->out), 2);
}

static enum dns_outcome raw(struct world *w, const void *bytes, size_t n)
{
    struct dns_question q = {
        .packet = str_make(bytes, n), .conf = w->conf, .chase = &w->chase, .mem = &w->mem};
    w->size = 0;
    enum dns_outcome outcome = dns_answer(&q, w->out, &w->size);
    dns_mem_reset(&w->mem);
    return outcome;
}

/* What is no question gets no answer, or one that is not larger than itself. */
static void malformed_test(void **state)
{
    struct world *w = *state;
    uint8_t p[600], copy[600];
    size_t n = question("web.service.consul.", (struct ask){.type = 1, .edns = 1232}, p);
    for (size_t cut = 0; cut < n; cut++) {
        enum dns_outcome outcome = raw(w, p, cut);
        assert_int_equal(outcome, cut < 12 ? DNS_DROPPED : DNS_ANSWERED);
        if (cut >= 12) {
            assert_int_equal(w->size, 12);
            assert_int_equal(knot_wire_get_rcode(w->out), KNOT_RCODE_FORMERR);
        }
    }
    memcpy(copy, p, n);
    knot_wire_set_qr(copy);
    assert_int_equal(raw(w, copy, n), DNS_DROPPED);
    memcpy(copy, p, n);
    knot_wire_set_qdcount(copy, 2);
    assert_int_equal(raw(w, copy, n), DNS_ANSWERED);
    assert_int_equal(knot_wire_get_rcode(w->out), KNOT_RCODE_FORMERR);
    memcpy(copy, p, n);
    copy[2] |= 5 << 3; /* UPDATE */
    assert_int_equal(raw(w, copy, n), DNS_ANSWERED);
    assert_int_equal(w->size, 12);
    assert_int_equal(knot_wire_get_rcode(w->out), KNOT_RCODE_NOTIMPL);
}

static bool is_known(struct world *w, const char *token, const struct acl_set *acl)
{
    struct view v = {.store = store_view_begin(w->reader), .token = str_z(token), .acl = acl};
    const struct dns_instance *found;
    size_t n;
    dns_cache_sync(w->cache, &v);
    bool is = dns_cache_get(w->cache, STR_LIT("web"), &found, &n);
    store_view_end(v.store);
    return is;
}

/* What was read with one token's rights is not shown to another, nor when rights were changed. */
static void cache_of_a_token_test(void **state)
{
    struct world *w = *state;
    const struct dns_instance item = {.node = STR_LIT("n"), .port = 1};
    const struct acl_rules none = {0};
    struct acl_set *acl = acl_set_new(&none, ACL_SET_ALL);
    struct buf b;
    assert_false(is_known(w, "a", acl));
    dns_cache_put(w->cache, STR_LIT("web"), &item, 1);
    assert_true(is_known(w, "a", acl));
    assert_false(is_known(w, "b", acl));
    dns_cache_put(w->cache, STR_LIT("web"), &item, 1);
    assert_true(is_known(w, "b", acl));
    buf_init(&b, 0);
    acl_encode_builtin(STR_LIT(""), STR_LIT(""), 5, &b);
    apply(w, &b);
    assert_false(is_known(w, "b", acl));
    acl_set_free(acl);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
UNIT_MAIN(TEST(service_test), TEST(no_state_test), TEST(config_test), TEST(node_test),
          TEST(outside_test), TEST(cname_test), TEST(size_test), TEST(order_test), TEST(plain_test),
          TEST(once_test), TEST(malformed_test), TEST(cache_of_a_token_test))
