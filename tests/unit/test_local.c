/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent's own services and checks on virtual time, against a real catalog that can be away. */
#include <stdio.h>

#include "agent/local_state.h"
#include "base/log.h"
#include "state/inventory.h"
#include "tests/lib/state_world.h"
#include "tests/lib/unit.h"

#define ID "11111111-2222-3333-4444-555555555555"

static struct {
    struct world world;
    struct config *config;
    struct timers timers;
    struct rng rng;
    struct instant now;
    struct local *local;
    bool away, hold; /* no leader; answers wait */
    struct consensus_submit *held[64];
    int held_n, commands, done_n;
    int status;
    char text[256];
} t;

static struct instant clock_of_test(void)
{
    return t.now;
}

static void answer(struct consensus_submit *s)
{
    s->status = t.away ? ERR_NO_LEADER : 0;
    if (!t.away) {
        struct buf copy;
        buf_init(&copy, 0);
        buf_put_str(&copy, s->command);
        world_apply(&t.world, &copy);
        s->result = &t.world.result;
        t.commands++;
    }
    s->done(s);
}

static void on_submit(void *data, struct str token, struct consensus_submit *s)
{
    if (t.hold)
        t.held[t.held_n++] = s;
    else
        answer(s);
}

static void release(void)
{
    t.hold = false;
    for (int i = 0; i < t.held_n; i++)
        answer(t.held[i]);
    t.held_n = 0;
}

static void on_fetch(void *data, struct local_fetch *f)
{
    f->status = t.away ? ERR_NO_LEADER : 0;
    if (!t.away)
        inventory_write(world_view(&t.world), STR_LIT("node1"), &f->bytes);
    f->done(f);
}

static struct check_run *on_start(void *data, const struct check_type *type, size_t output_max,
                                  void (*done)(void *d, enum check_status s, struct str output),
                                  void *done_data)
{
    done(done_data, CHECK_PASSING, STR_LIT("ran"));
    return NULL;
}

static void open_all(void)
{
    memset(&t, 0, sizeof t);
    log_set_level(LOG_OFF);
    world_open(&t.world);
    t.config = config_new();
    t.config->node_name = "node1";
    t.now = (struct instant){1000000000};
    timers_init(&t.timers);
    rng_init(&t.rng, 1);
    struct local_config conf = {.config = t.config,
                                .node_id = ID,
                                .timers = &t.timers,
                                .rng = &t.rng,
                                .clock = clock_of_test,
                                .runner = {.start = on_start},
                                .remote = {.submit = on_submit, .fetch = on_fetch}};
    t.local = local_new(&conf);
    local_poke(t.local);
    assert_int_equal(t.commands, 1); /* its node is told first */
    t.commands = 0;
}

static void close_all(void)
{
    local_close(t.local);
    release();
    local_free(t.local);
    assert_int_equal(timers_deadline(&t.timers).ns, INSTANT_NEVER.ns);
    timers_fini(&t.timers);
    world_close(&t.world);
    config_free(t.config);
}

static void pass(int64_t s)
{
    struct instant end = instant_add(t.now, DURATION_S(s));
    while (!instant_before(end, timers_deadline(&t.timers))) {
        if (instant_before(t.now, timers_deadline(&t.timers)))
            t.now = timers_deadline(&t.timers);
        timers_expire(&t.timers, t.now);
    }
    t.now = end;
}

static void on_done(struct local_wish *w)
{
    t.done_n++;
    t.status = w->status;
    str_copy_z(buf_str(&w->text), t.text, sizeof t.text);
    local_wish_fini(w);
}

static struct local_wish *wish(void)
{
    static struct local_wish wishes[64];
    static int n;
    struct local_wish *w = &wishes[n++ % 64];
    local_wish_init(w, on_done);
    return w;
}

static int add(const char *json, unsigned flags)
{
    t.status = 1;
    local_register(t.local, str_z(json), STR_NONE, flags, wish());
    return t.status;
}

struct row {
    char status[16], output[64];
    bool found;
};

static bool find_check(void *data, const struct health_check *c)
{
    struct row *r = data;
    if (!str_eq_z(c->check_id, r->output))
        return true;
    str_copy_z(c->status, r->status, sizeof r->status);
    str_copy_z(c->output, r->output, sizeof r->output);
    r->found = true;
    return false;
}

/* The check as the catalog has it. */
static struct row remote(const char *check_id)
{
    struct row r = {0};
    uint64_t index;
    str_copy_z(str_z(check_id), r.output, sizeof r.output);
    health_node_checks(world_view(&t.world), STR_LIT("node1"), find_check, &r, &index);
    return r;
}

static bool has_service(const char *id, int64_t port)
{
    struct catalog_service s;
    return catalog_service_get(world_view(&t.world), STR_LIT("node1"), str_z(id), &s) &&
           s.port == port;
}

static void report(const char *id, enum check_status s, const char *output)
{
    t.status = 1;
    local_check_report(t.local, str_z(id), s, str_z(output), STR_NONE, wish());
}

/* A service and its checks reach the catalog in one command, before the answer. */
static void registers_in_one_command(void **state)
{
    open_all();
    assert_int_equal(add("{\"name\":\"web\",\"port\":80,\"checks\":[{\"ttl\":\"9s\"},{\"ttl\":"
                         "\"9s\",\"status\":\"passing\"}]}",
                         0),
                     0);
    assert_int_equal(t.commands, 1);
    assert_true(has_service("web", 80));
    assert_string_equal(remote("service:web:1").status, "critical");
    assert_string_equal(remote("service:web:2").status, "passing");
    local_deregister(t.local, STR_LIT("web"), STR_NONE, wish());
    assert_int_equal(t.commands, 2);
    assert_false(has_service("web", 80));
    assert_false(remote("service:web:2").found);
    local_deregister(t.local, STR_LIT("web"), STR_NONE, wish());
    assert_int_equal(t.status, ERR_NOT_FOUND);
    close_all();
}

/* Without a leader the wish is granted, and the change follows when there is one. */
static void waits_for_a_leader(void **state)
{
    open_all();
    t.away = true;
    assert_int_equal(add("{\"name\":\"web\",\"port\":80}", 0), 0);
    pass(60);
    assert_int_equal(t.commands, 0);
    t.away = false;
    local_poke(t.local);
    assert_true(has_service("web", 80));
    close_all();
}

/* While one command about a service is under way, no second is; the last change wins. */
static void one_command_at_a_time(void **state)
{
    open_all();
    t.hold = true;
    assert_int_equal(add("{\"name\":\"web\",\"port\":1}", 0), 1);
    assert_int_equal(add("{\"name\":\"web\",\"port\":2}", 0), 1);
    assert_int_equal(t.held_n, 1);
    assert_int_equal(t.done_n, 0);
    release();
    assert_int_equal(t.done_n, 2);
    assert_true(has_service("web", 2));
    close_all();
}

/* The catalog is put right: what vanished comes back, what nobody here knows goes. */
static void full_comparison(void **state)
{
    open_all();
    add("{\"name\":\"web\",\"port\":80,\"check\":{\"ttl\":\"9h\"}}", 0);
    world_deregister(&t.world, "node1", "web", NULL);
    world_register(&t.world, "node1", "foreign", NULL, NULL);
    world_register(&t.world, "node1", "consul", "serfHealth", "passing");
    world_register(&t.world, "other", "foreign", NULL, NULL);
    pass(125);
    assert_true(has_service("web", 80));
    assert_true(remote("service:web").found);
    assert_false(has_service("foreign", 0));
    assert_true(remote("serfHealth").found);
    struct catalog_service s;
    assert_true(
        catalog_service_get(world_view(&t.world), STR_LIT("other"), STR_LIT("foreign"), &s));
    int commands = t.commands;
    pass(600); /* all is well: nothing is written any more */
    assert_int_equal(t.commands, commands);
    close_all();
}

/* A change of the output alone waits; a change of the status takes it along. */
static void output_is_coalesced(void **state)
{
    open_all();
    add("{\"name\":\"web\",\"check\":{\"ttl\":\"9h\",\"status\":\"passing\"}}", 0);
    int commands = t.commands;
    for (int i = 0; i < 100; i++) {
        char text[16];
        snprintf(text, sizeof text, "run %d", i);
        report("service:web", CHECK_PASSING, text);
        pass(1);
    }
    assert_int_equal(t.commands, commands);
    pass(450);
    assert_int_equal(t.commands, commands + 1);
    assert_string_equal(remote("service:web").output, "run 99");
    report("service:web", CHECK_WARNING, "hot");
    assert_int_equal(t.commands, commands + 2);
    assert_string_equal(remote("service:web").status, "warning");
    close_all();
}

/* A check that is critical for too long takes its service along. */
static void deregisters_critical(void **state)
{
    open_all();
    add("{\"name\":\"web\",\"check\":{\"ttl\":\"10s\",\"status\":\"passing\","
        "\"DeregisterCriticalServiceAfter\":\"90s\"}}",
        0);
    pass(99);
    assert_true(has_service("web", 0));
    report("service:web", CHECK_PASSING, "");
    pass(99);
    assert_true(has_service("web", 0));
    pass(2);
    assert_false(has_service("web", 0));
    close_all();
}

/* An alias follows the checks of a service, also over another alias; maintenance counts too. */
static void aliases(void **state)
{
    open_all();
    add("{\"name\":\"base\",\"check\":{\"ttl\":\"9h\",\"status\":\"passing\"}}", 0);
    add("{\"name\":\"a\",\"check\":{\"aliasservice\":\"base\"}}", 0);
    add("{\"name\":\"b\",\"check\":{\"aliasservice\":\"a\"}}", 0);
    assert_string_equal(remote("service:b").status, "passing");
    report("service:base", CHECK_CRITICAL, "x");
    assert_string_equal(remote("service:a").output,
                        "Aliased check \"Service 'base' check\" failing: x");
    assert_string_equal(remote("service:b").status, "critical");
    report("service:base", CHECK_PASSING, "");
    assert_string_equal(remote("service:b").status, "passing");
    local_maintenance(t.local, STR_LIT("base"), true, STR_NONE, STR_NONE, wish());
    assert_string_equal(remote("service:b").status, "critical");
    local_deregister(t.local, STR_LIT("base"), STR_NONE, wish());
    assert_string_equal(remote("service:b").status, "critical");
    close_all();
}

static void use_config(const char *services, const char *checks)
{
    struct config_list empty = {0};
    static char *items[2];
    t.config->service = t.config->check = empty;
    items[0] = mem_dup_z(services ? services : "");
    items[1] = mem_dup_z(checks ? checks : "");
    if (services)
        t.config->service = (struct config_list){&items[0], 1};
    if (checks)
        t.config->check = (struct config_list){&items[1], 1};
    local_reload(t.local, t.config);
    t.config->service = t.config->check = empty;
    mem_free(items[0]);
    mem_free(items[1]);
}

/* A reload touches only what changed; a check keeps what it said. */
static void reload_keeps_states(void **state)
{
    static const char web[] = "{\"name\":\"web\",\"port\":1,\"check\":{\"ttl\":\"9h\"}}";
    static const char web2[] = "{\"name\":\"web\",\"port\":2,\"check\":{\"ttl\":\"8h\"}}";
    static const char own[] = "{\"id\":\"own\",\"name\":\"own\",\"ttl\":\"9h\"}";
    open_all();
    use_config(web, own);
    report("service:web", CHECK_PASSING, "fine");
    report("own", CHECK_WARNING, "hm");
    int commands = t.commands;
    use_config(web, own);
    assert_int_equal(t.commands, commands);
    use_config(web2, own);
    assert_true(has_service("web", 2));
    assert_string_equal(remote("service:web").status, "passing");
    assert_string_equal(remote("own").status, "warning");
    use_config(web2, NULL);
    assert_false(remote("own").found);
    add("{\"name\":\"api\",\"port\":3}", 0);
    use_config(NULL, NULL);
    assert_false(has_service("web", 2));
    assert_false(remote("service:web").found);
    assert_true(has_service("api", 3)); /* of the API: no file's business */
    close_all();
}

/* enable_tag_override: the catalog's tags are taken over instead of put right. */
static void tag_override(void **state)
{
    struct local_service_info info;
    struct catalog_service s;
    struct buf b;
    open_all();
    add("{\"name\":\"web\",\"tags\":[\"a\"],\"enabletagoverride\":true}", 0);
    add("{\"name\":\"api\",\"tags\":[\"a\"]}", 0);
    const char *const names[] = {"web", "api"};
    for (int i = 0; i < 2; i++) {
        struct catalog_register r = {.skip_node_update = true, .service = &s};
        assert_true(
            catalog_service_get(world_view(&t.world), STR_LIT("node1"), str_z(names[i]), &s));
        s.tags = STR_LIT("\x91\xa1z");
        r.node.name = STR_LIT("node1");
        buf_init(&b, 0);
        catalog_encode_register(&r, &b);
        assert_int_equal(world_apply(&t.world, &b), 0);
    }
    pass(125);
    assert_true(local_service_find(t.local, STR_LIT("web"), &info));
    assert_str(info.row->tags, STR_LIT("\x91\xa1z"));
    assert_true(catalog_service_get(world_view(&t.world), STR_LIT("node1"), STR_LIT("api"), &s));
    assert_str(s.tags, STR_LIT("\x91\xa1"
                               "a"));
    close_all();
}

static int watch_n;
static void on_watch(struct local_watch *w)
{
    watch_n++;
}

/* A watch ends when the content is another, at its time, or when the agent stops. */
static void watches(void **state)
{
    struct local_service_info info;
    struct local_watch w = {.done = on_watch, .service_id = STR_LIT("web")}, v = w;
    open_all();
    watch_n = 0;
    add("{\"name\":\"web\",\"port\":1}", 0);
    local_service_find(t.local, STR_LIT("web"), &info);
    w.hash = v.hash = str_z(info.hash);
    w.at = v.at = instant_add(t.now, DURATION_S(10));
    assert_true(local_watch_start(t.local, &w));
    add("{\"name\":\"web\",\"port\":1}", 0);
    assert_int_equal(watch_n, 0);
    pass(11);
    assert_int_equal(watch_n, 1);
    w.at = v.at = instant_add(t.now, DURATION_S(10));
    assert_true(local_watch_start(t.local, &w));
    add("{\"name\":\"web\",\"port\":2}", 0);
    assert_int_equal(watch_n, 2);
    assert_false(local_watch_start(t.local, &w));
    add("{\"name\":\"web\",\"port\":1}", 0);
    assert_true(local_watch_start(t.local, &w));
    close_all();
    assert_int_equal(watch_n, 3);
}

/* A definition that is shown registers the same service again. */
static void definition_round_trip(void **state)
{
    struct local_service_info info;
    struct jwrite w;
    struct buf out;
    char hash[17];
    open_all();
    add("{\"name\":\"web\",\"port\":1,\"tags\":[\"x\"],\"meta\":{\"a\":\"b\"},\"address\":"
        "\"10.0.0.1\",\"weights\":{\"passing\":3,\"warning\":2},\"checks\":[{\"ttl\":\"9s\"},"
        "{\"http\":\"http://x\",\"interval\":\"9s\",\"header\":{\"a\":[\"b\"]}}]}",
        0);
    local_service_find(t.local, STR_LIT("web"), &info);
    memcpy(hash, info.hash, sizeof hash);
    buf_init(&out, 0);
    jwrite_init(&w, &out, false);
    assert_true(local_definition(t.local, STR_LIT("web"), &w));
    jwrite_end(&w);
    int commands = t.commands;
    assert_int_equal(add(buf_z(&out), LOCAL_REPLACE_CHECKS), 0);
    local_service_find(t.local, STR_LIT("web"), &info);
    assert_string_equal(hash, info.hash);
    pass(20);
    assert_true(t.commands >= commands);
    struct local_counts counts;
    local_get_counts(t.local, &counts);
    assert_int_equal(counts.checks, 2);
    buf_fini(&out);
    close_all();
}

/* An agent without a service tells its node: at first, and when the catalog has it otherwise. */
static void node_alone(void **state)
{
    struct catalog_node node;
    open_all();
    assert_true(catalog_node_get(world_view(&t.world), STR_LIT("node1"), &node));
    assert_true(str_eq_z(node.id, ID));
    assert_int_equal(pairs_count(node.tagged_addresses), 4);
    pass(600);
    assert_int_equal(t.commands, 0);
    node.tagged_addresses = (struct pairs){STR_NONE};
    struct catalog_register r = {.node = node};
    struct buf command;
    buf_init(&command, 0);
    catalog_encode_register(&r, &command);
    world_apply(&t.world, &command);
    pass(600);
    assert_int_equal(t.commands, 1);
    assert_true(catalog_node_get(world_view(&t.world), STR_LIT("node1"), &node));
    assert_int_equal(pairs_count(node.tagged_addresses), 4);
    close_all();
}

/* Who leaves is taken out by the leader, and must not put itself back. */
static void leaving(void **state)
{
    open_all();
    add("{\"name\":\"web\",\"port\":80,\"check\":{\"ttl\":\"9s\"}}", 0);
    assert_int_equal(t.commands, 1);
    local_leave(t.local);
    struct buf command;
    buf_init(&command, 0);
    catalog_encode_deregister(STR_LIT("node1"), STR_NONE, STR_NONE, &command);
    world_apply(&t.world, &command);
    report("service:web", CHECK_PASSING, "well");
    assert_int_equal(t.status, 0);
    assert_int_equal(add("{\"name\":\"db\",\"port\":81}", 0), 0);
    local_poke(t.local);
    pass(600);
    assert_int_equal(t.commands, 1);
    struct catalog_node node;
    assert_false(catalog_node_get(world_view(&t.world), STR_LIT("node1"), &node));
    close_all();
}

/* What is refused changes nothing. */
static void refusals(void **state)
{
    open_all();
    assert_int_equal(add("", 0), ERR_INVALID);
    assert_string_equal(t.text, "Request decode failed: EOF");
    assert_int_equal(add("{\"name\":\"x\",\"check\":{\"args\":[\"true\"],\"interval\":\"9s\"}}", 0),
                     ERR_UNSUPPORTED);
    assert_int_equal(add("{\"name\":\"x\",\"connect\":{\"sidecar_service\":{}}}", 0), 0);
    assert_int_equal(add("{\"name\":\"y\",\"connect\":{\"SidecarService\":{}}}", 0), ERR_INVALID);
    assert_false(has_service("y", 0));
    close_all();
}

UNIT_MAIN(UNIT(registers_in_one_command), UNIT(waits_for_a_leader), UNIT(one_command_at_a_time),
          UNIT(full_comparison), UNIT(output_is_coalesced), UNIT(deregisters_critical),
          UNIT(aliases), UNIT(reload_keeps_states), UNIT(tag_override), UNIT(watches),
          UNIT(definition_round_trip), UNIT(node_alone), UNIT(leaving), UNIT(refusals))
