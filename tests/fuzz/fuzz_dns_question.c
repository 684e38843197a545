/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a question, over UDP and TCP, and as what a recursor said about
 * the name a service points to. Whatever they are: no crash, no answer larger
 * than the asker takes, and to what is no question never one larger than it.
 */
#include <libknot/libknot.h>
#include <stdlib.h>
#include <unistd.h>

#include "dns/dns_answer.h"
#include "dns/dns_pack.h"
#include "state/health.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world {
    struct store *store;
    struct store_reader *reader;
    struct state *state;
    uint64_t index;
    struct config *config;
    struct dns_conf *conf, *conf_recursors;
    struct dns_mem mem;
    struct dns_reverse *reverse;
} world;
static uint8_t out[DNS_ANSWER_SIZE_MAX];

static void put(const char *node, const char *address, const char *service, const char *tag)
{
    struct buf command, tags, none;
    struct change_batch changes;
    struct result result;

    buf_init(&command, 0);
    buf_init(&tags, 0);
    buf_init(&none, 0);
    pack_array(&tags, 1);
    pack_str(&tags, str_z(tag));
    pack_map(&none, 0);
    struct catalog_service s = {.id = str_z(service),
                                .name = str_z(service),
                                .tags = buf_str(&tags),
                                .meta = {buf_str(&none)},
                                .tagged_addresses = buf_str(&none),
                                .port = 80,
                                .weight_passing = 1,
                                .weight_warning = 1};
    struct catalog_register r = {.node = {.name = str_z(node),
                                          .address = str_z(address),
                                          .datacenter = STR_LIT("dc1"),
                                          .tagged_addresses = {buf_str(&none)},
                                          .meta = {buf_str(&none)}},
                                 .service = &s};
    catalog_encode_register(&r, &command);
    change_init(&changes);
    result_init(&result);
    ASSERT(state_apply(world.state, ++world.index, buf_str(&command), &changes, &result) == 0);
    result_fini(&result);
    change_fini(&changes);
    buf_fini(&command);
    buf_fini(&tags);
    buf_fini(&none);
}

static void set_up(void)
{
    char dir[] = "/tmp/fuzz_dns.XXXXXX";

    ASSERT(mkdtemp(dir) != NULL);
    ASSERT(store_open(dir, state_table_names, STATE_TABLE_N, 1 << 26, &world.store, NULL) == 0);
    (void)rmdir(dir);
    world.reader = store_reader_new(world.store);
    world.state = state_new(world.store);
    world.config = config_new();
    ASSERT(dns_conf_new(world.config, &world.conf, NULL) == 0);
    ASSERT(dns_conf_new(world.config, &world.conf_recursors, NULL) == 0);
    world.conf_recursors->has_recursors = true;
    dns_mem_init(&world.mem);
    world.reverse = dns_reverse_new(1);
    put("n1", "10.0.0.1", "web", "v1");
    put("n2", "2001:db8::1", "web", "v2");
    put("n3", "www.example.com", "ext", "v1");
    put("n4", "web.service.consul", "in", "v1");
}

static void ask(struct str packet, const struct dns_conf *conf, bool is_tcp, struct str chased)
{
    struct dns_chase chase = {0};
    struct view view = {.store = store_view_begin(world.reader)};
    struct dns_question q = {.packet = packet,
                             .is_tcp = is_tcp,
                             .conf = conf,
                             .view = &view,
                             .seed = 1,
                             .chase = &chase,
                             .reverse = world.reverse,
                             .mem = &world.mem};
    size_t n = 0;
    enum dns_outcome outcome = dns_answer(&q, out, &n);

    if (outcome == DNS_CHASE) {
        for (size_t i = 0; i < chase.n; i++)
            chase.items[i].packet = chased;
        chase.is_final = true;
        outcome = dns_answer(&q, out, &n);
        ASSERT(outcome != DNS_CHASE);
    }
    if (outcome == DNS_FORWARD) {
        n = dns_answer_servfail(&q, out);
        outcome = DNS_ANSWERED;
    }
    ASSERT((outcome == DNS_ANSWERED) == (n > 0));
    if (outcome == DNS_ANSWERED) {
        uint8_t rcode = knot_wire_get_rcode(out);
        ASSERT(n >= 12 && n <= dns_answer_size(packet, is_tcp));
        ASSERT(knot_wire_get_qr(out) && memcmp(out, packet.p, 2) == 0);
        if (rcode == KNOT_RCODE_FORMERR || rcode == KNOT_RCODE_REFUSED)
            ASSERT(n <= packet.n);
    }
    dns_mem_reset(&world.mem);
    store_view_end(view.store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char ext[] = "\0\1\1\0\0\1\0\0\0\0\0\0\3ext\7service\6consul\0\0\1\0\1";
    struct str bytes = str_make(data, size);

    if (!world.store)
        set_up();
    if (size > 8192)
        return 0;
    ask(bytes, world.conf, false, STR_NONE);
    ask(bytes, world.conf, true, STR_NONE);
    ask(bytes, world.conf_recursors, false, bytes);
    ask(str_make(ext, sizeof(ext) - 1), world.conf_recursors, false, bytes);
    return 0;
}
