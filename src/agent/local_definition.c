/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/local_definition.h"

#include <stdarg.h>
#include <stdio.h>

#include "agent/config.h"
#include "base/addr.h"
#include "base/jcopy.h"
#include "check/check.h"

#define META_NAME_MAX  128
#define META_VALUE_MAX 512

static bool refuse(struct buf *why, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct buf *why, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_clear(why);
    buf_put(why, text, n < 0 ? 0 : n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    return false;
}

static bool wrong_type(struct buf *why, const char *name, const char *type)
{
    return refuse(why,
                  "Request decode failed: json: cannot unmarshal value into Go struct field .%s "
                  "of type %s",
                  name, type);
}

static struct str keep(struct arena *a, struct str s)
{
    return str_make(arena_dup(a, s.p ? s.p : "", s.n), s.n);
}

static struct str keep_buf(struct arena *a, struct buf *b)
{
    struct str s = keep(a, buf_str(b));
    buf_fini(b);
    return s;
}

/* ---- members ---- */

static bool take_pairs(const struct jvalue *v, const char *name, struct arena *a, struct pairs *ret,
                       struct buf *why)
{
    const struct jvalue *value;
    size_t n = jread_count(v), i = 0, pos = 0;
    struct buf packed;
    if (jread_type(v) != JREAD_OBJECT || n > LOCAL_DEFINITION_PAIRS_MAX)
        return wrong_type(why, name, "map[string]string");
    if (n == 0)
        return true;
    struct pair *list = arena_alloc(a, (n + 1) * sizeof *list);
    for (struct pair p = {0}; jread_next(v, &pos, &p.name, &value); i++) {
        p.value = STR_LIT("");
        if (jread_str(value, &p.value) < 0)
            return wrong_type(why, name, "string");
        list[i] = p;
    }
    buf_init(&packed, 0);
    pairs_pack(list, i, &packed);
    ret->packed = keep_buf(a, &packed);
    return true;
}

static bool take_tags(const struct jvalue *v, struct arena *a, struct str *ret, struct buf *why)
{
    struct buf packed;
    if (jread_type(v) != JREAD_ARRAY)
        return wrong_type(why, "Tags", "[]string");
    buf_init(&packed, 0);
    pack_array(&packed, (uint32_t)jread_count(v));
    for (size_t i = 0; i < jread_count(v); i++) {
        struct str text = STR_LIT("");
        if (jread_str(jread_at(v, i), &text) < 0) {
            buf_fini(&packed);
            return wrong_type(why, "Tags", "string");
        }
        pack_str(&packed, text);
    }
    *ret = keep_buf(a, &packed);
    return true;
}

static void pack_address(struct arena *a, struct pair *ret, struct str name, struct str address,
                         int64_t port)
{
    struct buf packed;
    buf_init(&packed, 0);
    pack_array(&packed, 2);
    pack_str(&packed, address);
    pack_int(&packed, port);
    ret->name = name;
    ret->value = keep_buf(a, &packed);
}

/* consul: addServiceLocked: an address that is an IP is also the lan and wan one of its family */
static size_t add_defaults(struct catalog_service *s, struct arena *a, struct pair *list, size_t n)
{
    struct addr ip;
    if (s->address.n == 0 || addr_parse(s->address, 0, &ip))
        return n;
    const char *const names[] = {addr_is_v4(&ip) ? "lan_ipv4" : "lan_ipv6",
                                 addr_is_v4(&ip) ? "wan_ipv4" : "wan_ipv6"};
    for (size_t k = 0; k < 2; k++) {
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known |= str_eq_z(list[i].name, names[k]);
        if (!known)
            pack_address(a, &list[n++], str_z(names[k]), s->address, s->port);
    }
    return n;
}

static bool take_tagged(const struct jvalue *v, struct arena *a, struct catalog_service *s,
                        struct buf *why)
{
    const struct jvalue *value;
    struct str name, packed;
    size_t n = jread_count(v), i = 0, pos = 0;
    struct buf out;
    if ((jread_type(v) != JREAD_OBJECT && jread_type(v) != JREAD_NULL) ||
        n > LOCAL_DEFINITION_PAIRS_MAX)
        return wrong_type(why, "TaggedAddresses", "map[string]structs.ServiceAddress");
    struct pair *list = arena_alloc(a, (n + 3) * sizeof *list);
    for (; n && jread_next(v, &pos, &name, &value); i++) {
        struct str address = STR_LIT("");
        int64_t port = 0;
        if (jread_str(jread_get(value, "Address"), &address) < 0 ||
            jread_i64(jread_get(value, "Port"), &port) < 0)
            return wrong_type(why, "TaggedAddresses", "structs.ServiceAddress");
        pack_address(a, &list[i], name, address, port);
    }
    i = add_defaults(s, a, list, i);
    if (i == 0)
        return true;
    struct pairs sorted;
    buf_init(&out, 0);
    pairs_pack(list, i, &out);
    sorted.packed = keep_buf(a, &out);
    buf_init(&out, 0);
    pack_map(&out, pairs_count(sorted));
    for (struct pairs_iter k = pairs_begin(sorted); pairs_next(&k, &name, &packed);) {
        pack_str(&out, name);
        buf_put_str(&out, packed);
    }
    s->tagged_addresses = keep_buf(a, &out);
    return true;
}

static bool take_weights(const struct jvalue *v, struct catalog_service *s, struct buf *why)
{
    if (jread_type(v) != JREAD_OBJECT)
        return wrong_type(why, "Weights", "structs.Weights");
    s->weight_passing = s->weight_warning = 0;
    if (jread_i64(jread_get(v, "Passing"), &s->weight_passing) < 0 ||
        jread_i64(jread_get(v, "Warning"), &s->weight_warning) < 0)
        return wrong_type(why, "Weights", "int");
    return true;
}

static bool take_json(const struct jvalue *v, const char *name, struct arena *a, struct str *ret,
                      struct buf *why)
{
    struct buf out;
    if (jread_type(v) != JREAD_OBJECT)
        return wrong_type(why, name, "struct");
    if (jread_type(jread_get(v, "SidecarService")) != JREAD_NULL)
        return refuse(why, "Invalid SidecarService: the service mesh is not available in this "
                           "version");
    buf_init(&out, 0);
    if (jcopy_text(v, &out) < 0) {
        buf_fini(&out);
        return wrong_type(why, name, "struct");
    }
    *ret = keep_buf(a, &out);
    return true;
}

static bool take_checks(const struct jvalue *one, const struct jvalue *list, struct arena *a,
                        struct local_definition_service *d, struct buf *why)
{
    struct error err = {0};
    size_t n = jread_count(list);
    if (jread_type(list) != JREAD_NULL &&
        (jread_type(list) != JREAD_ARRAY || n > LOCAL_DEFINITION_CHECKS_MAX))
        return wrong_type(why, "Checks", "structs.CheckTypes");
    d->checks = arena_alloc(a, (n + 1) * sizeof *d->checks);
    if (jread_type(one) != JREAD_NULL) {
        if (check_type_parse(one, a, &d->checks[0], &err))
            return refuse(why, "Request decode failed: %s", err.text);
        d->check_n += !check_type_is_empty(&d->checks[0]);
    }
    for (size_t i = 0; i < n; i++)
        if (check_type_parse(jread_at(list, i), a, &d->checks[d->check_n++], &err))
            return refuse(why, "Request decode failed: %s", err.text);
    return true;
}

/* ---- the whole ---- */

enum member {
    KIND,
    ID,
    NAME,
    SERVICE,
    TAGS,
    ADDRESS,
    META,
    PORT,
    TAGGED,
    CHECK,
    CHECKS,
    WEIGHTS,
    TOKEN,
    OVERRIDE,
    PROXY,
    CONNECT,
    MEMBERS
};
static const char *const member_names[MEMBERS] = {
    [KIND] = "kind",
    [ID] = "id",
    [NAME] = "name",
    [SERVICE] = "service",
    [TAGS] = "tags",
    [ADDRESS] = "address",
    [META] = "meta",
    [PORT] = "port",
    [TAGGED] = "taggedaddresses",
    [CHECK] = "check",
    [CHECKS] = "checks",
    [WEIGHTS] = "weights",
    [TOKEN] = "token",
    [OVERRIDE] = "enabletagoverride",
    [PROXY] = "proxy",
    [CONNECT] = "connect",
};

/* Case and underscores do not count. MEMBERS: unknown. */
static int member_find(struct str name)
{
    char plain[32];
    size_t n = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '_')
            continue;
        if (n == sizeof plain)
            return MEMBERS;
        plain[n++] = name.p[i];
    }
    for (int i = 0; i < MEMBERS; i++)
        if (str_eq_nocase(str_make(plain, n), str_z(member_names[i])))
            return i;
    return MEMBERS;
}

static bool take_texts(const struct jvalue *const *m, struct arena *a,
                       struct local_definition_service *d, struct buf *why)
{
    const struct {
        enum member member;
        const char *name;
        struct str *text;
    } texts[] = {
        {KIND, "Kind", &d->row.kind},          {ID, "ID", &d->row.id},
        {SERVICE, "Service", &d->row.name},    {NAME, "Name", &d->row.name},
        {ADDRESS, "Address", &d->row.address}, {TOKEN, "Token", &d->token},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct str text = STR_NONE;
        if (jread_str(m[texts[i].member], &text) < 0)
            return wrong_type(why, texts[i].name, "string");
        if (text.n > CHECK_TYPE_TEXT_MAX)
            return refuse(why, "Request decode failed: %s is too long", texts[i].name);
        if (text.n)
            *texts[i].text = keep(a, text);
    }
    return true;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_')
            return false;
    }
    return true;
}

/* consul: structs.ValidateServiceMetadata */
static bool check_meta(struct pairs meta, struct buf *why)
{
    struct str name, value;
    if (pairs_count(meta) > 64)
        return refuse(why, "Invalid Service Meta: Node metadata cannot contain more than 64 "
                           "key/value pairs");
    for (struct pairs_iter i = pairs_begin(meta); pairs_next(&i, &name, &value);) {
        const char *mistake =
            name.n == 0                                ? "Key cannot be blank"
            : !is_name(name)                           ? "Key contains invalid characters"
            : name.n > META_NAME_MAX                   ? "Key is too long (limit: 128 characters)"
            : str_has_prefix(name, STR_LIT("consul-")) ? "Key prefix 'consul-' is reserved for "
                                                         "internal use"
            : value.n > META_VALUE_MAX                 ? "Value is too long (limit: 512 characters)"
                                                       : NULL;
        if (mistake)
            return refuse(why,
                          "Invalid Service Meta: Couldn't load metadata pair ('%.*s', '%.*s'): %s",
                          STR_ARG(name), STR_ARG(value), mistake);
    }
    return true;
}

static bool check_weights(const struct catalog_service *s, struct buf *why)
{
    if (s->weight_passing < 1)
        return refuse(why, "Invalid Weights: Passing must be greater than 0");
    if (s->weight_warning < 0)
        return refuse(why, "Invalid Weights: Warning must be greater or equal than 0");
    if (s->weight_passing > 65535 || s->weight_warning > 65535)
        return refuse(why, "Invalid Weights: DNS Weight must be between 0 and 65535");
    return true;
}

static bool check_service(const struct local_definition_service *d, struct buf *why)
{
    struct error err = {0};
    enum check_status status;
    struct addr a;
    if (d->row.name.n == 0)
        return refuse(why, "Missing service name");
    if (addr_parse(d->row.address, 0, &a) == 0 && addr_is_any(&a))
        return refuse(why, "Invalid service address");
    if (!check_weights(&d->row, why) || !check_meta(d->row.meta, why))
        return false;
    for (size_t i = 0; i < d->check_n; i++)
        if (check_type_validate(&d->checks[i], &err))
            return refuse(why, "Invalid check: %s", err.text);
    for (size_t i = 0; i < d->check_n; i++)
        if (d->checks[i].status.n && check_status_parse(d->checks[i].status, &status))
            return refuse(why, "Status for checks must 'passing', 'warning', 'critical'");
    return true;
}

bool local_definition_service_parse(const struct jvalue *v, struct arena *arena,
                                    struct local_definition_service *ret, struct buf *why)
{
    const struct jvalue *m[MEMBERS + 1] = {0}, *value;
    struct str name;
    size_t pos = 0;
    *ret = (struct local_definition_service){0};
    if (jread_type(v) != JREAD_OBJECT)
        return refuse(why, "Request decode failed: json: cannot unmarshal into Go value of type "
                           "structs.ServiceDefinition");
    while (jread_next(v, &pos, &name, &value)) {
        int i = member_find(name);
        if (i == MEMBERS)
            return refuse(why, "Request decode failed: json: unknown field \"%.*s\"",
                          STR_ARG(name));
        m[i] = value;
    }
    struct catalog_service *s = &ret->row;
    s->weight_passing = s->weight_warning = 1;
    s->tags = STR_LIT("\x90"); /* none: an empty array */
    if (!take_texts(m, arena, ret, why))
        return false;
    if (jread_i64(m[PORT], &s->port) < 0)
        return wrong_type(why, "Port", "int");
    if (jread_bool(m[OVERRIDE], &s->enable_tag_override) < 0)
        return wrong_type(why, "EnableTagOverride", "bool");
    if ((jread_type(m[TAGS]) && !take_tags(m[TAGS], arena, &s->tags, why)) ||
        (jread_type(m[META]) && !take_pairs(m[META], "Meta", arena, &s->meta, why)) ||
        (jread_type(m[WEIGHTS]) && !take_weights(m[WEIGHTS], s, why)) ||
        (jread_type(m[PROXY]) && !take_json(m[PROXY], "Proxy", arena, &s->proxy_json, why)) ||
        (jread_type(m[CONNECT]) &&
         !take_json(m[CONNECT], "Connect", arena, &s->connect_json, why)) ||
        !take_tagged(m[TAGGED], arena, s, why) ||
        !take_checks(m[CHECK], m[CHECKS], arena, ret, why))
        return false;
    if (!check_service(ret, why))
        return false;
    if (s->id.n == 0)
        s->id = s->name;
    return true;
}

bool local_definition_check_parse(const struct jvalue *v, struct arena *arena,
                                  struct check_type *ret, struct buf *why)
{
    struct error err = {0};
    enum check_status status;
    if (check_type_parse(v, arena, ret, &err))
        return refuse(why, "Request decode failed: %s", err.text);
    if (ret->name.n == 0)
        return refuse(why, "Missing check name");
    if (ret->status.n && check_status_parse(ret->status, &status))
        return refuse(why, "Bad check status");
    if (check_type_validate(ret, &err))
        return refuse(why, "Invalid check: %s", err.text);
    if (ret->check_id.n == 0)
        ret->check_id = ret->id.n ? ret->id : ret->name;
    return true;
}

bool local_definition_allows(const struct check_type *t, bool scripts, bool from_config,
                             struct buf *why)
{
    enum check_kind kind = check_type_kind(t);
    if ((kind == CHECK_KIND_SCRIPT || kind == CHECK_KIND_DOCKER) && !scripts) {
        if (from_config)
            return refuse(why, "Scripts are disabled on this agent; to enable, configure "
                               "'enable_script_checks' or 'enable_local_script_checks' to true");
        return refuse(why, "Scripts are disabled on this agent from remote calls; to enable, "
                           "configure 'enable_script_checks' to true");
    }
    if (kind == CHECK_KIND_DOCKER)
        return refuse(why, "Docker checks are not available in this version; a script check can "
                           "run docker exec");
    return true;
}

/* ---- configuration ---- */

static int check_config_item(const struct config *c, const char *text, bool is_service,
                             struct buf *why)
{
    struct arena arena = {0};
    struct jvalue *root = NULL;
    struct error err = {0};
    struct local_definition_service d = {0};
    struct check_type type = {0};
    bool scripts = c->enable_script_checks || c->enable_local_script_checks;
    int rc = jread_parse(str_z(text), &root, &err);
    bool ok = rc == 0 && (is_service ? local_definition_service_parse(root, &arena, &d, why)
                                     : local_definition_check_parse(root, &arena, &type, why));
    for (size_t i = 0; ok && i < d.check_n; i++)
        ok = local_definition_allows(&d.checks[i], scripts, true, why);
    if (ok && !is_service)
        ok = local_definition_allows(&type, scripts, true, why);
    jread_free(root);
    arena_fini(&arena);
    return ok ? 0 : ERR_INVALID;
}

int local_definition_check_config(const struct config *c, struct error *err)
{
    const struct {
        const char *what;
        const struct config_list *list;
        bool is_service;
    } lists[] = {{"service", &c->service, true},
                 {"services", &c->services, true},
                 {"check", &c->check, false},
                 {"checks", &c->checks, false}};
    struct buf why;
    int rc = 0;
    buf_init(&why, 0);
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        for (size_t i = 0; !rc && i < lists[k].list->n; i++) {
            rc = check_config_item(c, lists[k].list->items[i], lists[k].is_service, &why);
            struct str text = buf_str(&why), decode = STR_LIT("Request decode failed: ");
            if (rc && str_has_prefix(text, decode))
                text = str_drop(text, decode.n);
            if (rc)
                error_set(err, rc, "%s[%zu]: %.*s", lists[k].what, i, STR_ARG(text));
        }
    }
    buf_fini(&why);
    return rc;
}

void local_definition_copy(const struct catalog_service *s, struct arena *arena,
                           struct catalog_service *ret)
{
    *ret = *s;
    struct str *texts[] = {
        &ret->node,       &ret->id,          &ret->name,        &ret->address,
        &ret->kind,       &ret->tags,        &ret->meta.packed, &ret->tagged_addresses,
        &ret->proxy_json, &ret->connect_json};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i]->p)
            *texts[i] = keep(arena, *texts[i]);
}
