/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/config_finish.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_acl.h"
#include "agent/local_definition.h"
#include "agent/watchers.h"
#include "base/encode.h"

#define NODE_META_MAX       64 /* consul: metaMaxKeyPairs */
#define NODE_META_NAME_MAX  128
#define NODE_META_VALUE_MAX 512

static void fill(struct config *c);
static void derive_names(struct config *c);
static void derive_addresses(struct config *c, struct config_problems *p);
static void check_dns(struct config *c, struct config_problems *p);
static void check_join(const char *key, const struct config_list *l, struct config_problems *p);
static int check_who(struct config *c, struct error *err);
static int check_ui(struct config *c, struct error *err);
static int check_servers(struct config *c, struct error *err);
static int check_node_meta(struct config *c, struct error *err);
static int check_encrypt(struct config *c, struct error *err);
static int check_available(struct config *c, struct error *err);
static void warn(struct config *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

static const struct config_value *value_of(const struct config *c, const char *key)
{
    const struct config_impl *impl = c->impl;
    int i = config_table_find_key(str_z(key));
    ASSERT(i >= 0);
    return &impl->values[i];
}

int config_finish_fields(struct config *c, struct error *err)
{
    struct config_problems p = {0};
    fill(c);
    derive_names(c);
    derive_addresses(c, &p);
    check_dns(c, &p);
    check_join("retry_join", &c->retry_join, &p);
    check_join("retry_join_wan", &c->retry_join_wan, &p);
    return config_finish_problems(&p, err);
}

/* In the order of consul's config.Builder.Validate, so that of two mistakes the same one is named.
 */
int config_finish_check(struct config *c, struct error *err)
{
    int rc = check_who(c, err);
    if (!rc)
        rc = check_ui(c, err);
    if (!rc)
        rc = check_servers(c, err);
    if (!rc)
        rc = check_node_meta(c, err);
    if (!rc)
        rc = check_encrypt(c, err);
    if (!rc)
        rc = config_acl_check(c, err);
    if (!rc)
        rc = check_available(c, err);
    if (!rc)
        rc = local_definition_check_config(c, err);
    if (!rc)
        rc = watchers_check_config(c, err);
    return rc;
}

static void fill(struct config *c)
{
    const struct config_impl *impl = c->impl;
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        const struct config_value *v = &impl->values[i];
        if (o->offset == CONFIG_NO_FIELD)
            continue;
        void *field = (char *)c + o->offset;
        switch (o->type) {
        case CONFIG_BOOL:
            *(bool *)field = v->number != 0;
            break;
        case CONFIG_INT:
        case CONFIG_MODE:
            *(int64_t *)field = v->number;
            break;
        case CONFIG_TEXT:
            *(char **)field = v->text && v->text[0] ? v->text : NULL;
            break;
        case CONFIG_DURATION:
            *(struct duration *)field = (struct duration){v->number};
            break;
        case CONFIG_LIST:
        case CONFIG_JSON:
            *(struct config_list *)field = v->list;
            break;
        case CONFIG_PAIRS:
            *(struct config_pairs *)field = v->pairs;
            break;
        case CONFIG_LEVEL:
            *(enum log_level *)field = (enum log_level)v->number;
            break;
        case CONFIG_ANY:
            break;
        }
    }
}

/* "Consul" -> "consul." */
static char *domain_normal(struct config *c, const char *z)
{
    struct config_impl *impl = c->impl;
    struct str s = str_z(z);
    if (s.n == 0)
        return NULL;
    char *text = arena_alloc(&impl->arena, s.n + 2);
    str_lower(s, text);
    if (text[s.n - 1] != '.')
        text[s.n++] = '.';
    text[s.n] = 0;
    return text;
}

static void derive_names(struct config *c)
{
    struct config_impl *impl = c->impl;
    if (!c->node_name) {
        char host[256] = "";
        if (gethostname(host, sizeof host - 1) || !host[0])
            snprintf(host, sizeof host, "localhost");
        c->node_name = arena_dup(&impl->arena, host, strlen(host) + 1);
    }
    c->domain = domain_normal(c, c->domain ? c->domain : "consul.");
    c->alt_domain = domain_normal(c, c->alt_domain);
    c->read_replica |= c->non_voting_server;
    /* consul: a client that is told to stop leaves, a server stays a member */
    if (!value_of(c, "leave_on_terminate")->set)
        c->leave_on_terminate = !c->server;
    if (!value_of(c, "skip_leave_on_interrupt")->set)
        c->skip_leave_on_interrupt = c->server;
    if (c->bootstrap_expect == 1 && c->server && !c->bootstrap)
        warn(c, "BootstrapExpect is set to 1; this is the same as Bootstrap mode.");
}

/* Parses a list separated by white space into the arena; sockets ("unix://") go to *ret_socket. */
static void addresses_split(struct config *c, const char *key, const char *text,
                            struct addr **ret_addrs, size_t *ret_n, char **ret_socket,
                            struct config_problems *p)
{
    struct config_impl *impl = c->impl;
    struct str rest = str_trim(str_z(text));
    size_t room = rest.n / 2 + 1, n = 0;
    struct addr *addrs = arena_alloc(&impl->arena, room * sizeof(struct addr));
    while (rest.p && rest.n > 0) {
        struct str word = str_split(&rest, ' ');
        if (word.n == 0)
            continue;
        if (ret_socket && str_has_prefix(word, STR_LIT("unix://"))) {
            struct str path = str_drop(word, 7);
            *ret_socket = arena_alloc(&impl->arena, path.n + 1);
            (void)str_copy_z(path, *ret_socket, path.n + 1);
        } else if (addr_parse(word, 0, &addrs[n])) {
            config_finish_problem(p, "%s: invalid ip address: %.*s", key, STR_ARG(word));
        } else {
            n++;
        }
    }
    *ret_addrs = addrs;
    *ret_n = n;
}

static void address_one(const char *key, const char *text, struct addr *ret,
                        struct config_problems *p)
{
    if (addr_parse(str_trim(str_z(text)), 0, ret))
        config_finish_problem(p, "%s: invalid ip address: %s", key, text);
}

/* consul: cloud providers are asked for addresses; ours: names and addresses only */
static void check_join(const char *key, const struct config_list *l, struct config_problems *p)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strchr(l->items[i], '='))
            config_finish_problem(p, "%s: \"%s\": discovery by a cloud provider is not available",
                                  key, l->items[i]);
    }
}

static void derive_addresses(struct config *c, struct config_problems *p)
{
    address_one("bind_addr", c->bind_addr ? c->bind_addr : "0.0.0.0", &c->bind, p);
    addresses_split(c, "client_addr", c->client_addr, &c->clients, &c->client_n, NULL, p);
    c->http_addrs = c->dns_addrs = c->clients;
    c->http_addr_n = c->dns_addr_n = c->client_n;
    if (c->addresses_http)
        addresses_split(c, "addresses.http", c->addresses_http, &c->http_addrs, &c->http_addr_n,
                        &c->http_socket, p);
    if (c->addresses_dns)
        addresses_split(c, "addresses.dns", c->addresses_dns, &c->dns_addrs, &c->dns_addr_n, NULL,
                        p);
    if (p->n)
        return;
    if (c->advertise_addr)
        address_one("advertise_addr", c->advertise_addr, &c->advertise, p);
    else if (!addr_is_any(&c->bind))
        c->advertise = c->bind;
    else
        addr_guess_private(&c->advertise);
    c->serf_lan = c->serf_wan = c->bind;
    if (c->serf_lan_bind)
        address_one("serf_lan", c->serf_lan_bind, &c->serf_lan, p);
    if (c->serf_wan_bind)
        address_one("serf_wan", c->serf_wan_bind, &c->serf_wan, p);
    c->advertise_wan = c->advertise;
    if (c->advertise_addr_wan)
        address_one("advertise_addr_wan", c->advertise_addr_wan, &c->advertise_wan, p);
}

static void check_dns(struct config *c, struct config_problems *p)
{
    if (!str_eq_z(STR_LIT("sequential"), c->dns_recursor_strategy) &&
        !str_eq_z(STR_LIT("random"), c->dns_recursor_strategy))
        config_finish_problem(p,
                              "dns_config.recursor_strategy: \"%s\" is neither \"sequential\" "
                              "nor \"random\"",
                              c->dns_recursor_strategy);
    for (size_t i = 0; i < c->dns_service_ttl.n; i++) {
        struct duration d;
        if (duration_parse(str_z(c->dns_service_ttl.values[i]), (struct duration){0}, &d))
            config_finish_problem(p, "dns_config.service_ttl[\"%s\"]: invalid duration: \"%s\"",
                                  c->dns_service_ttl.names[i], c->dns_service_ttl.values[i]);
    }
    for (size_t i = 0; i < c->recursors.n; i++) {
        struct addr a;
        struct str text = str_z(c->recursors.items[i]);
        if (addr_parse_port(text, 53, &a) && addr_parse(text, 53, &a))
            config_finish_problem(p, "recursors: \"%s\" is neither an ip address nor ip:port",
                                  c->recursors.items[i]);
    }
}

static bool is_name_byte(char b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '-';
}

static int check_who(struct config *c, struct error *err)
{
    struct stat st;
    if (!c->datacenter)
        return error_set(err, ERR_INVALID, "datacenter cannot be empty");
    for (const char *b = c->datacenter; *b; b++) {
        if (!is_name_byte(*b) && *b != '_')
            return error_set(err, ERR_INVALID,
                             "datacenter must be alpha-numeric with underscores and hyphens only");
    }
    if (!c->data_dir && !c->dev)
        return error_set(err, ERR_INVALID, "data_dir cannot be empty");
    if (c->data_dir && stat(c->data_dir, &st) == 0 && !S_ISDIR(st.st_mode))
        return error_set(err, ERR_INVALID, "data_dir \"%s\" is not a directory", c->data_dir);
    if (addr_is_any(&c->advertise))
        return error_set(err, ERR_INVALID, "Advertise address cannot be 0.0.0.0, :: or [::]");
    if (addr_is_any(&c->advertise_wan))
        return error_set(err, ERR_INVALID, "Advertise WAN address cannot be 0.0.0.0, :: or [::]");
    for (const char *b = c->node_name; *b; b++) {
        if (is_name_byte(*b))
            continue;
        warn(c,
             "Node name \"%s\" will not be discoverable via DNS due to invalid characters. "
             "Valid characters include all alpha-numerics and dashes.",
             c->node_name);
        break;
    }
    return 0;
}

/* consul: Builder.Validate. The older option is the newer one with a warning. */
static int check_ui(struct config *c, struct error *err)
{
    const char *path = c->ui_content_path ? c->ui_content_path : "";
    if (c->ui_older)
        warn(c, "The 'ui' field is deprecated. Use the 'ui_config.enabled' field instead.");
    for (const char *b = path; *b; b++) {
        if (!is_name_byte(*b) && *b != '_' && *b != '/')
            return error_set(err, ERR_INVALID,
                             "ui-content-path can only contain alphanumeric, -, _, or /. "
                             "received: \"%s\"",
                             path);
        if (b[0] == 'v' && b[1] >= '0' && b[1] <= '9')
            return error_set(err, ERR_INVALID,
                             "ui-content-path cannot have 'v[0-9]'. received: \"%s\"", path);
    }
    return 0;
}

/* consul: Builder.Validate */
static void warn_expect(struct config *c)
{
    static const char table[] =
        "See https://www.consul.io/docs/internals/consensus.html#deployment-table";
    if (c->bootstrap_expect == 2)
        warn(c,
             "bootstrap_expect = 2: A cluster with 2 servers will provide no failure tolerance. %s",
             table);
    else if (c->bootstrap_expect % 2 == 0)
        warn(c,
             "bootstrap_expect is even number: A cluster with an even number of servers does not "
             "achieve optimum fault tolerance. %s",
             table);
    warn(c, "bootstrap_expect > 0: expecting %lld servers", (long long)c->bootstrap_expect);
}

static int check_servers(struct config *c, struct error *err)
{
    if (c->bootstrap && !c->server)
        return error_set(err, ERR_INVALID, "'bootstrap = true' requires 'server = true'");
    if (c->bootstrap_expect < 0)
        return error_set(err, ERR_INVALID,
                         "bootstrap_expect cannot be %lld. Must be greater than or equal to zero",
                         (long long)c->bootstrap_expect);
    if (c->bootstrap_expect > 0 && !c->server)
        return error_set(err, ERR_INVALID, "'bootstrap_expect > 0' requires 'server = true'");
    if (c->bootstrap_expect > 0 && c->dev)
        return error_set(err, ERR_INVALID, "'bootstrap_expect > 0' not allowed in dev mode");
    if (c->bootstrap_expect > 0 && c->bootstrap)
        return error_set(err, ERR_INVALID,
                         "'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive");
    if (c->bootstrap_expect == 1)
        c->bootstrap = true;
    else if (c->bootstrap_expect > 1)
        warn_expect(c);
    else if (c->bootstrap)
        warn(c, "bootstrap = true: do not enable unless necessary");
    if (c->node_id && !encode_is_uuid(str_z(c->node_id)))
        return error_set(err, ERR_INVALID, "node_id \"%s\" is not a UUID", c->node_id);
    return 0;
}

static const char *meta_mistake(struct str name, struct str value)
{
    if (name.n == 0)
        return "Key cannot be blank";
    for (size_t i = 0; i < name.n; i++) {
        if (!is_name_byte(name.p[i]) && name.p[i] != '_')
            return "Key contains invalid characters";
    }
    if (name.n > NODE_META_NAME_MAX)
        return "Key is too long (limit: 128 characters)";
    if (str_has_prefix(name, STR_LIT("consul-")))
        return "Key prefix 'consul-' is reserved for internal use";
    if (value.n > NODE_META_VALUE_MAX)
        return "Value is too long (limit: 512 characters)";
    return NULL;
}

/* consul: structs.ValidateMetadata */
static int check_node_meta(struct config *c, struct error *err)
{
    if (c->node_meta.n > NODE_META_MAX)
        return error_set(err, ERR_INVALID,
                         "Node metadata cannot contain more than %d key/value pairs",
                         NODE_META_MAX);
    for (size_t i = 0; i < c->node_meta.n; i++) {
        const char *name = c->node_meta.names[i], *value = c->node_meta.values[i];
        const char *mistake = meta_mistake(str_z(name), str_z(value));
        if (mistake)
            return error_set(err, ERR_INVALID, "Couldn't load metadata pair ('%s', '%s'): %s", name,
                             value, mistake);
    }
    return 0;
}

/* The position Go's base64 decoder complains about: the first byte that is not of the alphabet, or
 * the last byte of an incomplete group. */
static size_t base64_bad_at(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char b = text.p[i];
        bool alphabet = (is_name_byte(b) && b != '-') || b == '+' || b == '/';
        if (!alphabet && !(b == '=' && i % 4 >= 2))
            return i;
    }
    return text.n ? (text.n - 1) / 4 * 4 : 0;
}

static int check_encrypt(struct config *c, struct error *err)
{
    struct str key = str_z(value_of(c, "encrypt")->text);
    struct buf bytes;
    int rc = 0;
    if (key.n == 0)
        return 0;
    buf_init(&bytes, 0);
    if (encode_base64_parse(key, &bytes))
        rc = error_set(err, ERR_INVALID,
                       "encrypt has invalid key: illegal base64 data at input byte %zu",
                       base64_bad_at(key));
    else if (bytes.n != 16 && bytes.n != 24 && bytes.n != 32)
        rc = error_set(err, ERR_INVALID,
                       "encrypt has invalid key: key size must be 16, 24 or 32 bytes");
    buf_fini(&bytes);
    return rc;
}

/* Options whose feature is not there would deceive: they are refused, each by its name. */
static int check_available(struct config *c, struct error *err)
{
    const struct config_impl *impl = c->impl;
    struct config_problems p = {0};
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        const struct config_value *v = &impl->values[i];
        struct config_value preset = {0};
        if (!v->set || (o->use != CONFIG_REFUSED && o->use != CONFIG_NOTED))
            continue;
        if (o->preset && config_value_from_text(o, str_z(o->preset), &preset, NULL))
            ASSERT(!"the table's defaults are valid");
        bool differs = o->type == CONFIG_ANY || !config_value_eq(v, &preset);
        config_value_fini(&preset);
        if (differs && o->use == CONFIG_REFUSED)
            config_finish_problem(&p, "%s%s: not available in this version (%s)", o->key ? "" : "-",
                                  o->key ? o->key : o->flag, o->help);
        else if (differs)
            warn(c, "%s has no effect in this version", o->key);
    }
    if (c->port_https > 0)
        config_finish_problem(&p, "ports.https: not available in this version");
    return config_finish_problems(&p, err);
}

void config_finish_problem(struct config_problems *p, const char *fmt, ...)
{
    char line[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (p->n == 0)
        buf_init(&p->text, ERROR_TEXT_MAX);
    buf_putf(&p->text, "\n\t* %s", line);
    p->n++;
}

int config_finish_problems(struct config_problems *p, struct error *err)
{
    if (p->n == 0)
        return 0;
    int rc = error_set(err, ERR_INVALID, "%d error%s occurred:%s", p->n, p->n == 1 ? "" : "s",
                       buf_z(&p->text));
    buf_fini(&p->text);
    p->n = 0;
    return rc;
}

static void warn(struct config *c, const char *fmt, ...)
{
    char line[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    config_value_list_add(&c->warnings, str_z(line));
}
