/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_finish.h"
#include "tests/lib/unit.h"

/* Arguments, the contents of D/a.json, D/b.json and D/dir/{1,2}.json, and what comes of them: an
 * error, or values. "D" as a word of its own path stands for the test's directory. */
struct row {
    const char *args, *a, *b, *error, *want;
};

#define MIN "-data-dir=D/data -server -bootstrap -bind=127.0.0.1"
#define BASE                                                                                       \
    "\"data_dir\":\"/nowhere\",\"server\":true,\"bootstrap\":true,\"bind_addr\":\"127.0.0.1\""
#define ONE  "1 error occurred:\n\t* "
#define GONE ": not available in this version"

/* clang-format off */
static const struct row rows[] = {
    /* the words of Consul's start-up errors */
    {"", 0, 0, "data_dir cannot be empty", 0},
    {"-data-dir=D/x/dd -bootstrap", 0, 0, "'bootstrap = true' requires 'server = true'", 0},
    {"-data-dir=D/x/dd -server -bootstrap -bootstrap-expect=3 -bind=127.0.0.1", 0, 0,
     "'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive", 0},
    {"-data-dir=D/x/dd -bind=127.0.0.1 -client=0.0.0.0/", 0, 0, ONE "client_addr: invalid ip address: 0.0.0.0/", 0},
    {"-config-file=nofile.json", 0, 0,
     "config: Open failed on nofile.json. open nofile.json: no such file or directory", 0},
    {"-config-file=D/a.json", "{\"bogus_key\":1}", 0, "failed to parse D/a.json: " ONE "invalid config key bogus_key", 0},
    {"-data-dir=D/x/dd -bind=127.0.0.1 -node= -encrypt=short", 0, 0,
     "encrypt has invalid key: illegal base64 data at input byte 4", 0},
    {"-data-dir=D/x/dd -bind=0.0.0.0 -log-level=bogus", 0, 0,
     "Invalid log level: bogus. Valid log levels are: [TRACE DEBUG INFO WARN ERR ERROR]", 0},
    {"extra args", 0, 0, "Unexpected extra arguments: [extra args]", 0},
    {"-nix", 0, 0, "flag provided but not defined: -nix", 0},
    {"--nix=3", 0, 0, "flag provided but not defined: -nix", 0},
    {"-data-dir", 0, 0, "flag needs an argument: -data-dir", 0},
    {"-http-port=abc", 0, 0,
     "invalid value \"abc\" for flag -http-port: strconv.ParseInt: parsing \"abc\": invalid syntax", 0},
    {"-http-port=65536", 0, 0,
     "invalid value \"65536\" for flag -http-port: cannot be 65536. Must be between -1 and 65535", 0},
    {"-server=maybe", 0, 0,
     "invalid boolean value \"maybe\" for -server: strconv.ParseBool: parsing \"maybe\": invalid syntax", 0},
    {"-dev -bootstrap-expect=1", 0, 0, "'bootstrap_expect > 0' not allowed in dev mode", 0},
    {"-dev -datacenter=a/b", 0, 0, "datacenter must be alpha-numeric with underscores and hyphens only", 0},
    {"-dev -ui-content-path=/a?b/", 0, 0, "ui-content-path can only contain alphanumeric, -, _, or /. received: \"/a?b/\"", 0},
    {"-dev -ui-content-path=/v1/", 0, 0, "ui-content-path cannot have 'v[0-9]'. received: \"/v1/\"", 0},
    {"-dev -bind=0.0.0.0 -advertise=0.0.0.0", 0, 0, "Advertise address cannot be 0.0.0.0, :: or [::]", 0},
    {"-dev -node-meta=a!:b", 0, 0, "Couldn't load metadata pair ('a!', 'b'): Key contains invalid characters", 0},
    {"-dev -node-id=17", 0, 0, "node_id \"17\" is not a UUID", 0},
    /* files */
    {"-config-file=D/a.json", "{", 0, "failed to parse D/a.json: *", 0},
    {"-config-file=D/a.json", "[]", 0, "failed to parse D/a.json: a JSON object is expected", 0},
    {"-config-file=D/a.json", "{\"ports\":{\"htp\":1},\"x\":2}", 0,
     "failed to parse D/a.json: 2 errors occurred:\n\t* invalid config key ports.htp\n\t* invalid config key x", 0},
    {"-config-file=D/a.json", "{\"ports\":7}", 0, "failed to parse D/a.json: " ONE "ports: expected an object", 0},
    {"-config-file=D/a.json", "{\"ports\":{\"http\":[1,2]}}", 0,
     "failed to parse D/a.json: " ONE "ports.http: expected a number", 0},
    {"-config-file=D/a.json", "{\"performance\":{\"raft_multiplier\":11}}", 0,
     "failed to parse D/a.json: " ONE "performance.raft_multiplier cannot be 11. Must be between 1 and 10", 0},
    {"-config-file=D/a.json", "{\"dns_config\":{\"node_ttl\":\"abc\"}}", 0,
     "failed to parse D/a.json: " ONE "dns_config.node_ttl: invalid duration: \"abc\": time: invalid duration \"abc\"", 0},
    {"-config-file=D/a.json", "{" BASE ",\"dns_config\":{\"service_ttl\":{\"web\":\"x\"}}}", 0,
     ONE "dns_config.service_ttl[\"web\"]: invalid duration: \"x\"", 0},
    {"-config-file=D/a.json", "{" BASE ",\"recursors\":[\"x\"]}", 0,
     ONE "recursors: \"x\" is neither an ip address nor ip:port", 0},
    {"-config-file=D/dir", 0, 0, "failed to parse D/dir/2.json: " ONE "invalid config key bogus", 0},
    /* what would deceive is refused by its name */
    {"-data-dir=D/data -bind=127.0.0.1", 0, 0, 0, "server=false bootstrap_expect=0"},
    {MIN " -retry-join=provider=aws", 0, 0,
     ONE "retry_join: \"provider=aws\": discovery by a cloud provider is not available", 0},
    {MIN " -retry-join=10.0.0.1 -retry-join=10.0.0.2 -retry-interval=1s -join=a:1", 0, 0, 0,
     "retry_join=10.0.0.1,10.0.0.2 retry_interval=1s retry_max=0 start_join=a:1 leave_on_terminate=false"},
    {MIN " -encrypt=pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s=", 0, 0, 0,
     "encrypt_verify_incoming=true autopilot.server_stabilization_time=10s gossip_lan.probe_interval=1s"},
    {MIN " -https-port=8501", 0, 0, ONE "ports.https" GONE, 0},
    {"-config-file=D/a.json", "{" BASE ",\"acl\":{\"enabled\":true}}", 0, 0, "acl.enabled=true acl.default_policy=allow"},
    {"-config-file=D/a.json", "{" BASE ",\"acl\":{\"default_policy\":\"maybe\"}}", 0,
     "acl.default_policy \"maybe\" is neither \"allow\" nor \"deny\"", 0},
    {"-config-file=D/a.json", "{" BASE ",\"acl\":{\"down_policy\":\"maybe\"}}", 0,
     "acl.down_policy \"maybe\" is none of *", 0},
    {"-config-file=D/a.json",
     "{" BASE ",\"acl\":{\"token_ttl\":\"5s\",\"down_policy\":\"deny\"}}", 0, 0,
     "acl.token_ttl=5s acl.policy_ttl=30s acl.down_policy=deny"},
    {"-config-file=D/a.json", "{" BASE ",\"acl\":{\"enabled\":true,\"tokens\":{\"master\":\"x\"}}}", 0,
     "acl.tokens.master \"x\" is not a UUID", 0},
    {"-config-file=D/a.json",
     "{" BASE ",\"watches\":[{\"type\":\"nodes\",\"args\":[\"a\"]},{\"type\":\"bogus\"}]}", 0,
     "watches[1]: Unsupported watch type: bogus", 0},
    {"-config-file=D/a.json", "{" BASE ",\"watches\":[{\"type\":\"nodes\"}]}", 0,
     "watches[0]: Must define a watch handler (args)", 0},
    {"-data-dir=D/data -server -bootstrap-expect=3 -bind=127.0.0.1", 0, 0, 0, "bootstrap_expect=3 bootstrap=false"},
    {"-config-file=D/a.json", "{" BASE ",\"acl\":{\"enabled\":false,\"default_policy\":\"deny\"},\"retry_join\":[],"
     "\"ports\":{\"grpc\":-1},\"disable_update_check\":true}", 0, 0, "acl.enabled=false"},
    /* flags in all their spellings */
    {MIN " -http-port 1234 --dns-port=99 --log-json=false", 0, 0, 0, "ports.http=1234 ports.dns=99 log_json=false"},
    {"--dev", 0, 0, 0, "server=true bind_addr=127.0.0.1 log_level=DEBUG performance.raft_multiplier=1"},
    {"-dev -log-level=err -recursor=1.1.1.1 -recursor 2.2.2.2:53", 0, 0, 0,
     "log_level=ERROR recursors=1.1.1.1,2.2.2.2:53"},
    {"-dev -node-meta=a:1 -node-meta=b:2:3 -node-meta=a:4", 0, 0, 0, "node_meta=a:4,b:2:3"},
    /* merge order */
    {"-config-file=D/a.json -config-file=D/b.json -http-port=3 -recursor=9.9.9.9 -node-meta=x:flag",
     "{" BASE ",\"ports\":{\"http\":1,\"dns\":1,\"server\":1},\"recursors\":[\"1.1.1.1\"],\"node_meta\":{\"x\":\"a\",\"y\":\"a\"}}",
     "{\"ports\":{\"http\":2,\"dns\":2},\"recursors\":[\"2.2.2.2\"],\"node_meta\":{\"y\":\"b\"}}", 0,
     "ports.http=3 ports.dns=2 ports.server=1 recursors=9.9.9.9,1.1.1.1,2.2.2.2 node_meta=x:flag,y:b"},
    {"-config-file=D/b.json -config-dir=D/sub -config-file=D/a.json", "{\"ports\":{\"http\":1}}",
     "{" BASE ",\"ports\":{\"http\":2,\"dns\":2}}", 0, "ports.http=1 ports.dns=12"},
    {"-dev -config-file=D/a.json", "{\"log_level\":\"warn\",\"bind_addr\":\"::1\"}", 0, 0, "log_level=WARN bind_addr=::1"},
    /* weak typing, ASCII case, null, uint64 */
    {"-dev -config-file=D/a.json", "{\"PORTS\":[{\"Http\":\"81\"}],\"log_json\":\"true\",\"recursors\":\"8.8.8.8\",\"domain\":null,"
     "\"node_name\":7,\"mount\":{\"file_mode\":\"0600\",\"dir_mode\":700}}", 0, 0,
     "ports.http=81 log_json=true recursors=8.8.8.8 domain=consul. node_name=7 mount.file_mode=0600 mount.dir_mode=0700"},
    {"-dev -config-file=D/a.json", "{\"mount\":{\"file_mode\":\"0999\"}}", 0,
     "failed to parse D/a.json: " ONE "mount.file_mode: \"0999\" is not an octal mode between 0 and 0777", 0},
};
/* clang-format on */

static char dir[] = "/tmp/disco-test-config.XXXXXX";

static void put_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* "D/" becomes the directory. */
static char *expand(const char *text)
{
    struct buf out;
    buf_init(&out, 0);
    for (const char *p = text; *p; p++) {
        if (p[0] == 'D' && p[1] == '/')
            buf_put_z(&out, dir);
        else
            buf_put_c(&out, *p);
    }
    buf_z(&out);
    return out.p;
}

static void check_want(const struct config *c, const char *want)
{
    const struct config_impl *impl = c->impl;
    struct str rest = str_z(want);
    while (rest.p) {
        struct str word = str_split(&rest, ' ');
        size_t equal = str_find(word, '=', 0);
        int i = config_table_find_key(str_take(word, equal));
        assert_true(i >= 0);
        struct buf got;
        buf_init(&got, 0);
        config_value_format(&config_table[i], &impl->values[i], &got);
        char *wanted = str_dup_z(str_drop(word, equal + 1));
        assert_string_equal(buf_z(&got), wanted);
        mem_free(wanted);
        buf_fini(&got);
    }
}

static void check_row(const struct row *r)
{
    char *argv[16];
    int argc = 0;
    char *args = expand(r->args);
    struct str rest = str_z(args);
    struct config *c = NULL;
    struct error err = {0};
    bool help;
    while (rest.p && rest.n && argc < 16)
        argv[argc++] = str_dup_z(str_split(&rest, ' '));
    if (r->a)
        put_file("a.json", r->a);
    if (r->b)
        put_file("b.json", r->b);
    int rc = config_load(argc, argv, &c, &help, &err);
    if (r->error) {
        char *wanted = expand(r->error);
        size_t n = strlen(wanted);
        bool is_prefix = n && wanted[n - 1] == '*';
        assert_true(rc < 0);
        if (is_prefix)
            err.text[n - 1] = wanted[n - 1] = 0;
        assert_string_equal(err.text, wanted);
        mem_free(wanted);
    } else {
        if (rc)
            print_error("%s\n", err.text);
        assert_int_equal(rc, 0);
        check_want(c, r->want);
        config_free(c);
    }
    for (int i = 0; i < argc; i++)
        mem_free(argv[i]);
    mem_free(args);
}

/* Each row's arguments and files give its error, in Consul's words, or its values. */
static void rows_give_what_they_say(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(&rows[i]);
    assert_int_equal(mem_outstanding(), 0);
}

/* Fields and derived values that other modules read. */
static void fields_are_filled(void **state)
{
    char *argv[] = {
        "-dev",         "-client=127.0.0.1 ::1", "-domain=Corp.Internal", "-advertise=10.1.2.3",
        "-config-file", expand("D/a.json")};
    put_file("a.json", "{\"addresses\":{\"http\":\"unix:///run/x.sock\",\"dns\":\"127.0.0.2\"},"
                       "\"dns_config\":{\"node_ttl\":\"30s\",\"service_ttl\":{\"*\":\"4s\"}},"
                       "\"mount\":{\"path\":\"/mnt/disco\"}}");
    struct config *c = NULL;
    struct error err = {0};
    bool help;
    char text[ADDR_TEXT_MAX];
    assert_int_equal(config_load(6, argv, &c, &help, &err), 0);
    assert_int_equal(c->client_n, 2);
    assert_false(addr_is_v4(&c->clients[1]));
    assert_int_equal(c->http_addr_n, 0);
    assert_string_equal(c->http_socket, "/run/x.sock");
    assert_int_equal(c->dns_addr_n, 1);
    addr_format_ip(&c->dns_addrs[0], text);
    assert_string_equal(text, "127.0.0.2");
    addr_format_ip(&c->advertise, text);
    assert_string_equal(text, "10.1.2.3");
    assert_string_equal(c->domain, "corp.internal.");
    assert_null(c->alt_domain);
    assert_int_equal(c->dns_node_ttl.ns, 30000000000);
    assert_string_equal(c->dns_service_ttl.values[0], "4s");
    assert_string_equal(c->mount, "/mnt/disco");
    assert_true(c->mount_required);
    assert_int_equal(c->mount_file_mode, 0644);
    assert_int_equal(c->port_http, 8500);
    assert_int_equal(c->max_query_time.ns, 600000000000);
    assert_non_null(c->node_name);
    config_free(c);
    mem_free(argv[5]);
    assert_int_equal(mem_outstanding(), 0);
}

/* Only options marked for reload change; each other change is one warning. */
static void reload_keeps_what_cannot_change(void **state)
{
    char *argv[] = {"-dev", expand("-config-file=D/a.json")};
    struct config *old = NULL, *now = NULL;
    struct error err = {0};
    bool help;
    put_file("a.json", "{\"log_level\":\"INFO\",\"datacenter\":\"one\",\"ports\":{\"http\":1}}");
    assert_int_equal(config_load(2, argv, &old, &help, &err), 0);
    put_file("a.json", "{\"log_level\":\"WARN\",\"datacenter\":\"two\",\"ports\":{\"http\":1}}");
    assert_int_equal(config_reload(old, &now, &err), 0);
    assert_int_equal(now->log_level, LOG_WARN);
    assert_false(config_is_same(old, now));
    assert_true(config_is_same(now, now));
    assert_string_equal(now->datacenter, "one");
    assert_int_equal(now->warnings.n, 1);
    assert_string_equal(now->warnings.items[0],
                        "datacenter was changed; the change takes effect at the next start");
    config_free(now);
    put_file("a.json", "{\"oops\":1}");
    assert_true(config_reload(old, &now, &err) < 0);
    config_free(old);
    mem_free(argv[1]);
    assert_int_equal(mem_outstanding(), 0);
}

/* The table is sound: keys and flags are unique, defaults parse, every row has words. */
static void table_is_sound(void **state)
{
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        assert_true(o->key || o->flag);
        assert_non_null(o->help);
        if (o->key)
            assert_int_equal(config_table_find_key(str_z(o->key)), i);
        if (o->flag)
            assert_int_equal(config_table_find_flag(str_z(o->flag)), i);
    }
    struct config *c = config_new();
    struct buf out;
    buf_init(&out, 0);
    config_print_help(&out);
    config_print_markdown(&out);
    config_print_man(&out);
    struct jwrite w;
    jwrite_init(&w, &out, false);
    config_render(c, &w);
    jwrite_end(&w);
    assert_true(str_search(buf_str(&out), STR_LIT("-http-port=<value>")) < out.n);
    buf_fini(&out);
    config_free(c);
    assert_int_equal(mem_outstanding(), 0);
}

static void validate_reads_files_only(void **state)
{
    struct error err = {0};
    char *good = expand("D/a.json"), *paths[] = {good};
    put_file("a.json", "{" BASE "}");
    assert_int_equal(config_validate(1, paths, &err), 0);
    put_file("a.json", "{" BASE ",\"nope\":1}");
    assert_true(config_validate(1, paths, &err) < 0);
    mem_free(good);
    assert_int_equal(mem_outstanding(), 0);
}

static int setup(void **state)
{
    char path[256];
    if (!mkdtemp(dir))
        return -1;
    const char *const subs[] = {"dir", "sub"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, subs[i]);
        if (mkdir(path, 0700))
            return -1;
    }
    put_file("dir/1.json", "{\"ports\":{\"http\":1}}");
    put_file("dir/2.json", "{\"bogus\":1}");
    put_file("sub/2.json", "{\"ports\":{\"dns\":12}}");
    put_file("sub/1.json", "{\"ports\":{\"dns\":11}}");
    put_file("sub/0.json", "");
    put_file("sub/3.txt", "not read");
    return 0;
}

static int teardown(void **state)
{
    const char *const names[] = {"dir/1.json", "dir/2.json", "sub/0.json", "sub/1.json",
                                 "sub/2.json", "sub/3.txt",  "a.json",     "b.json"};
    char path[256];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/dir", dir);
    rmdir(path);
    snprintf(path, sizeof path, "%s/sub", dir);
    rmdir(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_give_what_they_say),         cmocka_unit_test(fields_are_filled),
        cmocka_unit_test(reload_keeps_what_cannot_change), cmocka_unit_test(table_is_sound),
        cmocka_unit_test(validate_reads_files_only),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
