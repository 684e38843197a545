/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/filter.h"

#include <regex.h>

#include "api/filter_parse.h"
#include "base/jread.h"
#include "base/pattern.h"

/* ---- what can be selected ---- */

enum type {
    TYPE_TEXT,
    TYPE_INT,
    TYPE_BOOL,
    TYPE_PAIRS,
    TYPE_ADDRESSES,
    TYPE_TEXTS,
    TYPE_OBJECT,
    TYPE_OBJECTS,
};

/* clang-format off */
#define FIELDS(X)                                                                                 \
    X(NODE_ID, TYPE_TEXT) X(NODE_NAME, TYPE_TEXT) X(NODE_ADDRESS, TYPE_TEXT)                      \
    X(NODE_DATACENTER, TYPE_TEXT) X(NODE_TAGGED, TYPE_PAIRS) X(NODE_META, TYPE_PAIRS)             \
    X(SERVICE_KIND, TYPE_TEXT) X(SERVICE_ID, TYPE_TEXT) X(SERVICE_NAME, TYPE_TEXT)                \
    X(SERVICE_TAGS, TYPE_TEXTS) X(SERVICE_ADDRESS, TYPE_TEXT) X(SERVICE_TAGGED, TYPE_ADDRESSES)   \
    X(SERVICE_META, TYPE_PAIRS) X(SERVICE_PORT, TYPE_INT) X(SERVICE_OVERRIDE, TYPE_BOOL)          \
    X(WEIGHT_PASSING, TYPE_INT) X(WEIGHT_WARNING, TYPE_INT) X(CONNECT_NATIVE, TYPE_BOOL)          \
    X(CHECK_NODE, TYPE_TEXT) X(CHECK_ID, TYPE_TEXT) X(CHECK_NAME, TYPE_TEXT)                      \
    X(CHECK_STATUS, TYPE_TEXT) X(CHECK_NOTES, TYPE_TEXT) X(CHECK_OUTPUT, TYPE_TEXT)               \
    X(CHECK_SERVICE_ID, TYPE_TEXT) X(CHECK_SERVICE_NAME, TYPE_TEXT)                               \
    X(CHECK_SERVICE_TAGS, TYPE_TEXTS) X(CHECK_TYPE, TYPE_TEXT)                                    \
    X(OBJECT, TYPE_OBJECT) X(CHECKS, TYPE_OBJECTS)
enum field {
#define X(name, type) FIELD_##name,
    FIELDS(X)
#undef X
};
static const enum type field_types[] = {
#define X(name, type) type,
    FIELDS(X)
#undef X
};

struct schema {
    const char *name; /* NULL: the end */
    enum field field;
    const struct schema *below; /* of an object */
};
static const struct schema weights[] = {
    {"Passing", FIELD_WEIGHT_PASSING, NULL}, {"Warning", FIELD_WEIGHT_WARNING, NULL}, {0}};
static const struct schema connect[] = {{"Native", FIELD_CONNECT_NATIVE, NULL}, {0}};
static const struct schema node[] = {
    {"ID", FIELD_NODE_ID, NULL}, {"Node", FIELD_NODE_NAME, NULL},
    {"Address", FIELD_NODE_ADDRESS, NULL}, {"Datacenter", FIELD_NODE_DATACENTER, NULL},
    {"TaggedAddresses", FIELD_NODE_TAGGED, NULL}, {"Meta", FIELD_NODE_META, NULL}, {0}};
static const struct schema service_node[] = {
    {"ID", FIELD_NODE_ID, NULL}, {"Node", FIELD_NODE_NAME, NULL},
    {"Address", FIELD_NODE_ADDRESS, NULL}, {"Datacenter", FIELD_NODE_DATACENTER, NULL},
    {"TaggedAddresses", FIELD_NODE_TAGGED, NULL}, {"NodeMeta", FIELD_NODE_META, NULL},
    {"ServiceKind", FIELD_SERVICE_KIND, NULL}, {"ServiceID", FIELD_SERVICE_ID, NULL},
    {"ServiceName", FIELD_SERVICE_NAME, NULL}, {"ServiceTags", FIELD_SERVICE_TAGS, NULL},
    {"ServiceAddress", FIELD_SERVICE_ADDRESS, NULL},
    {"ServiceTaggedAddresses", FIELD_SERVICE_TAGGED, NULL},
    {"ServiceWeights", FIELD_OBJECT, weights}, {"ServiceMeta", FIELD_SERVICE_META, NULL},
    {"ServicePort", FIELD_SERVICE_PORT, NULL},
    {"ServiceEnableTagOverride", FIELD_SERVICE_OVERRIDE, NULL},
    {"ServiceConnect", FIELD_OBJECT, connect}, {0}};
static const struct schema service[] = {
    {"Kind", FIELD_SERVICE_KIND, NULL}, {"ID", FIELD_SERVICE_ID, NULL},
    {"Service", FIELD_SERVICE_NAME, NULL}, {"Tags", FIELD_SERVICE_TAGS, NULL},
    {"Address", FIELD_SERVICE_ADDRESS, NULL}, {"TaggedAddresses", FIELD_SERVICE_TAGGED, NULL},
    {"Meta", FIELD_SERVICE_META, NULL}, {"Port", FIELD_SERVICE_PORT, NULL},
    {"Weights", FIELD_OBJECT, weights}, {"EnableTagOverride", FIELD_SERVICE_OVERRIDE, NULL},
    {"Connect", FIELD_OBJECT, connect}, {0}};
static const struct schema check[] = {
    {"Node", FIELD_CHECK_NODE, NULL}, {"CheckID", FIELD_CHECK_ID, NULL},
    {"Name", FIELD_CHECK_NAME, NULL}, {"Status", FIELD_CHECK_STATUS, NULL},
    {"Notes", FIELD_CHECK_NOTES, NULL}, {"Output", FIELD_CHECK_OUTPUT, NULL},
    {"ServiceID", FIELD_CHECK_SERVICE_ID, NULL}, {"ServiceName", FIELD_CHECK_SERVICE_NAME, NULL},
    {"ServiceTags", FIELD_CHECK_SERVICE_TAGS, NULL}, {"Type", FIELD_CHECK_TYPE, NULL}, {0}};
static const struct schema health[] = {
    {"Node", FIELD_OBJECT, node}, {"Service", FIELD_OBJECT, service},
    {"Checks", FIELD_CHECKS, check}, {0}};
static const struct schema *const schemas[] = {
    [FILTER_NODE] = node, [FILTER_SERVICE_NODE] = service_node, [FILTER_NODE_SERVICE] = service,
    [FILTER_CHECK] = check, [FILTER_HEALTH] = health};
static const char *const op_names[] = {
    [FILTER_EQUAL] = "Equal", [FILTER_NOT_EQUAL] = "Not Equal", [FILTER_IN] = "In",
    [FILTER_NOT_IN] = "Not In", [FILTER_IS_EMPTY] = "Is Empty",
    [FILTER_IS_NOT_EMPTY] = "Is Not Empty", [FILTER_MATCHES] = "Matches",
    [FILTER_NOT_MATCHES] = "Not Matches"};
/* clang-format on */

/* A comparison with its selector found and its value of the right type. */
struct resolved {
    enum type type; /* of what is compared */
    enum field field;
    bool in_checks; /* one of the checks is meant */
    struct str key; /* of a map; p NULL: the map itself */
    bool is_port;   /* of a tagged address: Port, not Address */
    bool has_part;  /* of a tagged address: one of the two */
    int64_t number;
    bool boolean, has_pattern;
    regex_t pattern;
    struct resolved *next; /* with a pattern to free */
};
struct filter {
    struct arena arena;
    struct filter_tree *tree; /* NULL: takes all */
    struct resolved *patterns;
};

/* ---- making ---- */

static const struct schema *find_name(const struct schema *s, struct str name)
{
    for (; s && s->name; s++)
        if (str_eq_z(name, s->name))
            return s;
    return NULL;
}

static void join_selector(const struct filter_match *m, int n, struct buf *out)
{
    for (int i = 0; i < n; i++) {
        if (i)
            buf_put_c(out, '.');
        buf_put_str(out, m->selector[i]);
    }
}

static int not_valid(const struct filter_match *m, int n, struct error *err)
{
    struct buf text;

    buf_init(&text, 0);
    join_selector(m, n, &text);
    error_set(err, ERR_INVALID, "Selector \"%s\" is not valid", buf_z(&text));
    buf_fini(&text);
    return ERR_INVALID;
}

static int resolve_selector(const struct schema *s, const struct filter_match *m,
                            struct resolved *r, struct error *err)
{
    int i = 0;

    for (;; i++) {
        s = find_name(s, m->selector[i]);
        if (!s)
            return not_valid(m, i + 1, err);
        r->field = s->field;
        r->type = field_types[s->field];
        if (i + 1 == m->selector_n)
            return 0;
        if (r->type != TYPE_OBJECT && r->type != TYPE_OBJECTS)
            break;
        r->in_checks = r->in_checks || r->type == TYPE_OBJECTS;
        s = s->below;
    }
    if (r->type != TYPE_PAIRS && r->type != TYPE_ADDRESSES)
        return not_valid(m, i + 2, err);
    r->key = m->selector[++i];
    bool is_address = r->type == TYPE_ADDRESSES;
    r->type = is_address ? TYPE_OBJECT : TYPE_TEXT;
    if (++i == m->selector_n)
        return 0;
    r->is_port = str_eq_z(m->selector[i], "Port");
    r->has_part = is_address && (r->is_port || str_eq_z(m->selector[i], "Address"));
    if (!r->has_part || i + 1 < m->selector_n)
        return not_valid(m, r->has_part ? i + 2 : i + 1, err);
    r->type = r->is_port ? TYPE_INT : TYPE_TEXT;
    return 0;
}

static bool is_allowed(enum type type, enum filter_op op)
{
    switch (type) {
    case TYPE_INT:
    case TYPE_BOOL:
        return op == FILTER_EQUAL || op == FILTER_NOT_EQUAL;
    case TYPE_TEXT:
        return op != FILTER_IS_EMPTY && op != FILTER_IS_NOT_EMPTY;
    case TYPE_PAIRS:
    case TYPE_ADDRESSES:
    case TYPE_TEXTS:
        return op == FILTER_IN || op == FILTER_NOT_IN || op == FILTER_IS_EMPTY ||
               op == FILTER_IS_NOT_EMPTY;
    case TYPE_OBJECTS:
        return op == FILTER_IS_EMPTY || op == FILTER_IS_NOT_EMPTY;
    case TYPE_OBJECT:
        return false;
    }
    return false;
}

static bool to_bool(struct str s, bool *ret)
{
    static const char *const words[] = {"1", "t", "T", "true",  "TRUE",  "True",
                                        "0", "f", "F", "false", "FALSE", "False"};

    for (int i = 0; i < 12; i++) {
        if (!str_eq_z(s, words[i]))
            continue;
        *ret = i < 6;
        return true;
    }
    return false;
}

static int resolve_value(struct filter *f, const struct filter_match *m, const char *selector,
                         struct resolved *r, struct error *err)
{
    bool is_comparison = m->op == FILTER_EQUAL || m->op == FILTER_NOT_EQUAL;

    if (r->type == TYPE_INT && is_comparison && str_to_i64(m->value, &r->number) < 0)
        return error_set(err, ERR_INVALID,
                         "Failed to coerce value \"%.*s\" for selector \"%s\": "
                         "strconv.ParseInt: parsing \"%.*s\": invalid syntax",
                         STR_ARG(m->value), selector, STR_ARG(m->value));
    if (r->type == TYPE_BOOL && is_comparison && !to_bool(m->value, &r->boolean))
        return error_set(err, ERR_INVALID,
                         "Failed to coerce value \"%.*s\" for selector \"%s\": "
                         "strconv.ParseBool: parsing \"%.*s\": invalid syntax",
                         STR_ARG(m->value), selector, STR_ARG(m->value));
    if (m->op != FILTER_MATCHES && m->op != FILTER_NOT_MATCHES)
        return 0;
    if (pattern_compile(m->value, &r->pattern, err) < 0)
        return error_wrap(err, "Failed to compile regular expression \"%.*s\"", STR_ARG(m->value));
    r->has_pattern = true;
    r->next = f->patterns;
    f->patterns = r;
    return 0;
}

static int resolve_match(struct filter *f, enum filter_kind kind, struct filter_match *m,
                         struct error *err)
{
    struct resolved *r = arena_new(&f->arena, struct resolved);
    struct buf selector;

    *r = (struct resolved){0};
    m->resolved = r;
    int rc = resolve_selector(schemas[kind], m, r, err);
    if (rc < 0)
        return rc;
    buf_init(&selector, 0);
    join_selector(m, m->selector_n, &selector);
    if (!is_allowed(r->type, m->op))
        rc = error_set(err, ERR_INVALID, "Invalid match operator \"%s\" for selector \"%s\"",
                       op_names[m->op], buf_z(&selector));
    else
        rc = resolve_value(f, m, buf_z(&selector), r, err);
    buf_fini(&selector);
    return rc;
}

static int resolve(struct filter *f, enum filter_kind kind, struct filter_tree *t,
                   struct error *err)
{
    int rc = 0;

    if (t->kind == FILTER_MATCH)
        return resolve_match(f, kind, &t->match, err);
    rc = resolve(f, kind, t->left, err);
    return rc < 0 || !t->right ? rc : resolve(f, kind, t->right, err);
}

int filter_new(struct str text, enum filter_kind kind, struct filter **ret, struct error *err)
{
    struct filter *f = NULL;
    int rc = 0;

    if (str_trim(text).n) {
        f = mem_new(struct filter);
        struct str kept = str_make(arena_dup(&f->arena, text.p, text.n), text.n);
        rc = filter_parse(kept, &f->arena, &f->tree, err);
        if (rc == 0)
            rc = resolve(f, kind, f->tree, err);
    }
    if (rc < 0)
        filter_free(f);
    else
        *ret = f;
    return rc;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    for (struct resolved *r = f->patterns; r; r = r->next)
        regfree(&r->pattern);
    arena_fini(&f->arena);
    mem_free(f);
}

/* ---- taking ---- */

struct value {
    struct str text; /* also packed lists and maps */
    int64_t number;
};

static bool is_native(struct str connect_json)
{
    struct jvalue *root = NULL;
    bool native = false;

    if (connect_json.n <= 2 || jread_parse(connect_json, &root, NULL) < 0)
        return false;
    if (jread_bool(jread_get(root, "Native"), &native) < 0)
        native = false;
    jread_free(root);
    return native;
}

static struct value value_of(enum field field, const struct filter_item *i)
{
    static const struct catalog_node no_node;
    static const struct catalog_service no_service;
    static const struct health_check no_check;
    const struct catalog_node *n = i->node ? i->node : &no_node;
    const struct catalog_service *s = i->service ? i->service : &no_service;
    const struct health_check *c = i->check ? i->check : &no_check;

    /* clang-format off */
    switch (field) {
    case FIELD_NODE_ID: return (struct value){.text = n->id};
    case FIELD_NODE_NAME: return (struct value){.text = n->name};
    case FIELD_NODE_ADDRESS: return (struct value){.text = n->address};
    case FIELD_NODE_DATACENTER: return (struct value){.text = n->datacenter};
    case FIELD_NODE_TAGGED: return (struct value){.text = n->tagged_addresses.packed};
    case FIELD_NODE_META: return (struct value){.text = n->meta.packed};
    case FIELD_SERVICE_KIND: return (struct value){.text = s->kind};
    case FIELD_SERVICE_ID: return (struct value){.text = s->id};
    case FIELD_SERVICE_NAME: return (struct value){.text = s->name};
    case FIELD_SERVICE_TAGS: return (struct value){.text = s->tags};
    case FIELD_SERVICE_ADDRESS: return (struct value){.text = s->address};
    case FIELD_SERVICE_TAGGED: return (struct value){.text = s->tagged_addresses};
    case FIELD_SERVICE_META: return (struct value){.text = s->meta.packed};
    case FIELD_SERVICE_PORT: return (struct value){.number = s->port};
    case FIELD_SERVICE_OVERRIDE: return (struct value){.number = s->enable_tag_override};
    case FIELD_WEIGHT_PASSING: return (struct value){.number = s->weight_passing};
    case FIELD_WEIGHT_WARNING: return (struct value){.number = s->weight_warning};
    case FIELD_CONNECT_NATIVE: return (struct value){.number = is_native(s->connect_json)};
    case FIELD_CHECK_NODE: return (struct value){.text = c->node};
    case FIELD_CHECK_ID: return (struct value){.text = c->check_id};
    case FIELD_CHECK_NAME: return (struct value){.text = c->name};
    case FIELD_CHECK_STATUS: return (struct value){.text = c->status};
    case FIELD_CHECK_NOTES: return (struct value){.text = c->notes};
    case FIELD_CHECK_OUTPUT: return (struct value){.text = c->output};
    case FIELD_CHECK_SERVICE_ID: return (struct value){.text = c->service_id};
    case FIELD_CHECK_SERVICE_NAME: return (struct value){.text = c->service_name};
    case FIELD_CHECK_SERVICE_TAGS: return (struct value){.text = c->service_tags};
    case FIELD_CHECK_TYPE: return (struct value){.text = c->type};
    case FIELD_CHECKS: return (struct value){.number = (int64_t)i->check_n};
    case FIELD_OBJECT: break;
    }
    /* clang-format on */
    return (struct value){0};
}

/* Looks a key up in a map of either kind; with `keys_only` the value does not matter. */
static bool in_map(enum field field, struct str packed, struct str key, struct str *ret_text,
                   int64_t *ret_port)
{
    struct unpack u = unpack_make(packed);
    struct str name;

    if (packed.n == 0)
        return false;
    uint32_t left = unpack_map(&u);
    if (field == FIELD_SERVICE_TAGGED) {
        while (catalog_tagged_next(&u, &left, &name, ret_text, ret_port))
            if (str_eq(name, key))
                return true;
        return false;
    }
    return pairs_get((struct pairs){packed}, key, ret_text);
}

static bool in_texts(struct str packed, struct str text)
{
    struct unpack u = unpack_make(packed);

    if (packed.n == 0)
        return false;
    for (uint32_t left = unpack_array(&u); left > 0 && !u.bad; left--)
        if (str_eq(unpack_str(&u), text))
            return true;
    return false;
}

static bool is_empty(enum type type, const struct value *v)
{
    struct unpack u = unpack_make(v->text);

    if (type == TYPE_OBJECTS)
        return v->number == 0;
    if (v->text.n == 0)
        return true;
    return (type == TYPE_TEXTS ? unpack_array(&u) : unpack_map(&u)) == 0;
}

static bool is_in(const struct resolved *r, const struct value *v, struct str text)
{
    struct str ignored;
    int64_t port;

    switch (r->type) {
    case TYPE_TEXT:
        return text.n == 0 || str_search(v->text, text) < v->text.n;
    case TYPE_TEXTS:
        return in_texts(v->text, text);
    default:
        return in_map(r->field, v->text, text, &ignored, &port);
    }
}

static bool is_equal(const struct resolved *r, const struct value *v, struct str text)
{
    if (r->type == TYPE_INT)
        return v->number == r->number;
    if (r->type == TYPE_BOOL)
        return (v->number != 0) == r->boolean;
    return str_eq(v->text, text);
}

static bool takes_match(const struct filter_match *m, const struct filter_item *item)
{
    const struct resolved *r = m->resolved;
    struct value v = value_of(r->field, item);

    /* bexpr: of a key that is not there nothing is true but that it is not something; and, as it
     * happens, that it matches. */
    if (r->key.p && !in_map(r->field, v.text, r->key, &v.text, &v.number))
        return m->op != FILTER_EQUAL && m->op != FILTER_IN && m->op != FILTER_IS_NOT_EMPTY;
    switch (m->op) {
    case FILTER_EQUAL:
        return is_equal(r, &v, m->value);
    case FILTER_NOT_EQUAL:
        return !is_equal(r, &v, m->value);
    case FILTER_IN:
        return is_in(r, &v, m->value);
    case FILTER_NOT_IN:
        return !is_in(r, &v, m->value);
    case FILTER_IS_EMPTY:
        return is_empty(r->type, &v);
    case FILTER_IS_NOT_EMPTY:
        return !is_empty(r->type, &v);
    case FILTER_MATCHES:
        return pattern_fits(&r->pattern, v.text);
    case FILTER_NOT_MATCHES:
        return !pattern_fits(&r->pattern, v.text);
    }
    return false;
}

/* Of the checks, one that fits is enough, also for "!=". */
static bool takes_any_check(const struct filter_match *m, const struct filter_item *item)
{
    for (size_t i = 0; i < item->check_n; i++) {
        struct filter_item one = {.check = &item->checks[i]};
        if (takes_match(m, &one))
            return true;
    }
    return false;
}

static bool takes(const struct filter_tree *t, const struct filter_item *item)
{
    switch (t->kind) {
    case FILTER_AND:
        return takes(t->left, item) && takes(t->right, item);
    case FILTER_OR:
        return takes(t->left, item) || takes(t->right, item);
    case FILTER_NOT:
        return !takes(t->left, item);
    case FILTER_MATCH:
        break;
    }
    const struct resolved *r = t->match.resolved;
    return r->in_checks ? takes_any_check(&t->match, item) : takes_match(&t->match, item);
}

bool filter_takes(const struct filter *f, const struct filter_item *item)
{
    return !f || takes(f->tree, item);
}
