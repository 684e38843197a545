/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_catalog.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/jread.h"
#include "base/mem.h"
#include "cli/cli_table.h"

#define SHORT_ID 8

struct answer {
    struct cli_reply reply;
    struct jvalue *root; /* NULL: nothing to print */
};

static int catalog_fetch(struct cli *c, const char *what, struct buf *url, struct answer *ret);
static void answer_fini(struct answer *a);
static void catalog_meta_params(const struct cli *c, struct buf *url);
static struct str text_of(const struct jvalue *v);

/* ---- datacenters ---- */

int cli_catalog_datacenters(struct cli *c)
{
    struct answer answer;
    struct buf url;

    buf_init(&url, 0);
    buf_put_z(&url, "/v1/catalog/datacenters");
    int exit_status = catalog_fetch(c, "Error listing datacenters", &url, &answer);
    for (size_t i = 0; i < jread_count(answer.root); i++)
        (void)printf("%.*s\n", STR_ARG(text_of(jread_at(answer.root, i))));
    answer_fini(&answer);
    return exit_status;
}

/* ---- nodes ---- */

static void nodes_print(const struct jvalue *nodes, bool detailed);
static void pairs_text(const struct jvalue *object, struct buf *out);

int cli_catalog_nodes(struct cli *c)
{
    const char *service = cli_flags_text(&c->flags, "service"),
               *near = cli_flags_text(&c->flags, "near"),
               *filter = cli_flags_text(&c->flags, "filter");
    struct answer answer;
    struct buf url;

    buf_init(&url, 0);
    buf_put_z(&url, service ? "/v1/catalog/service/" : "/v1/catalog/nodes");
    if (service)
        encode_percent(str_z(service), false, &url);
    if (near)
        cli_http_param(&url, "near", near);
    if (filter)
        cli_http_param(&url, "filter", filter);
    catalog_meta_params(c, &url);
    int exit_status = catalog_fetch(c, "Error listing nodes", &url, &answer);
    if (answer.root && jread_count(answer.root) == 0)
        (void)fputs("No nodes match the given query - try expanding your search.\n", stderr);
    else if (answer.root)
        nodes_print(answer.root, cli_flags_is_on(&c->flags, "detailed"));
    answer_fini(&answer);
    return exit_status;
}

static void nodes_print(const struct jvalue *nodes, bool detailed)
{
    static const char *const head[] = {"Node", "ID", "Address", "DC", "TaggedAddresses", "Meta"};
    struct cli_table table;
    struct buf text;

    cli_table_init(&table, detailed ? 6 : 4);
    cli_table_cells(&table, head);
    buf_init(&text, 0);
    for (size_t i = 0; i < jread_count(nodes); i++) {
        const struct jvalue *node = jread_at(nodes, i), *meta = jread_get(node, "NodeMeta");
        struct str id = text_of(jread_get(node, "ID"));
        cli_table_cell(&table, text_of(jread_get(node, "Node")));
        cli_table_cell(&table, detailed ? id : str_take(id, SHORT_ID));
        cli_table_cell(&table, text_of(jread_get(node, "Address")));
        cli_table_cell(&table, text_of(jread_get(node, "Datacenter")));
        if (!detailed)
            continue;
        buf_clear(&text);
        pairs_text(jread_get(node, "TaggedAddresses"), &text);
        cli_table_cell(&table, buf_str(&text));
        buf_clear(&text);
        pairs_text(meta ? meta : jread_get(node, "Meta"), &text);
        cli_table_cell(&table, buf_str(&text));
    }
    cli_table_print(&table, 2, false, stdout);
    buf_fini(&text);
    cli_table_fini(&table);
}

/* "a=1, b=2": the agent sends objects sorted by name. */
static void pairs_text(const struct jvalue *object, struct buf *out)
{
    const struct jvalue *value;
    struct str name;
    size_t pos = 0;

    if (jread_type(object) != JREAD_OBJECT)
        return;
    while (jread_next(object, &pos, &name, &value)) {
        struct str text = text_of(value);
        buf_putf(out, "%s%.*s=%.*s", out->n ? ", " : "", STR_ARG(name), STR_ARG(text));
    }
}

/* ---- services ---- */

static void services_print(const struct jvalue *root, bool tags);
static void node_services_print(const struct jvalue *root, bool tags);
static int order_texts(const void *a, const void *b);
static int order_rows(const void *a, const void *b);

int cli_catalog_services(struct cli *c)
{
    const char *node = cli_flags_text(&c->flags, "node");
    bool tags = cli_flags_is_on(&c->flags, "tags");
    struct answer answer;
    struct buf url;

    buf_init(&url, 0);
    buf_put_z(&url, node ? "/v1/catalog/node/" : "/v1/catalog/services");
    if (node)
        encode_percent(str_z(node), false, &url);
    catalog_meta_params(c, &url);
    int exit_status = catalog_fetch(c, "Error listing services", &url, &answer);
    const struct jvalue *services = node ? jread_get(answer.root, "Services") : answer.root;
    if (answer.root && jread_count(services) == 0)
        (void)fputs("No services match the given query - try expanding your search.\n", stderr);
    else if (answer.root && node)
        node_services_print(services, tags);
    else if (answer.root)
        services_print(services, tags);
    answer_fini(&answer);
    return exit_status;
}

/* A service and the tags of one instance (or of all, as /v1/catalog/services has them). */
struct row {
    struct str name;
    const struct jvalue *tags;
};

static void rows_print(struct row *rows, size_t n, bool tags)
{
    struct cli_table table;
    struct buf text;

    qsort(rows, n, sizeof(*rows), order_rows);
    buf_init(&text, 0);
    cli_table_init(&table, tags ? 2 : 1);
    for (size_t i = 0; i < n;) {
        struct str all[256];
        size_t all_n = 0, first_i = i;
        for (; i < n && str_eq(rows[i].name, rows[first_i].name); i++)
            for (size_t k = 0; k < jread_count(rows[i].tags) && all_n < 256; k++)
                all[all_n++] = text_of(jread_at(rows[i].tags, k));
        qsort(all, all_n, sizeof(*all), order_texts);
        buf_clear(&text);
        for (size_t k = 0; k < all_n; k++)
            if (k == 0 || !str_eq(all[k], all[k - 1]))
                buf_putf(&text, "%s%.*s", text.n ? "," : "", STR_ARG(all[k]));
        cli_table_cell(&table, rows[first_i].name);
        if (tags)
            cli_table_cell(&table, buf_str(&text));
    }
    cli_table_print(&table, 6, true, stdout);
    cli_table_fini(&table);
    buf_fini(&text);
}

static void services_print(const struct jvalue *root, bool tags)
{
    struct row *rows = mem_alloc(jread_count(root) * sizeof(*rows));
    const struct jvalue *value;
    size_t pos = 0, n = 0;
    struct str name;

    while (jread_next(root, &pos, &name, &value))
        rows[n++] = (struct row){.name = name, .tags = value};
    rows_print(rows, n, tags);
    mem_free(rows);
}

static void node_services_print(const struct jvalue *root, bool tags)
{
    struct row *rows = mem_alloc(jread_count(root) * sizeof(*rows));
    const struct jvalue *value;
    size_t pos = 0, n = 0;
    struct str id;

    while (jread_next(root, &pos, &id, &value))
        rows[n++] = (struct row){.name = text_of(jread_get(value, "Service")),
                                 .tags = jread_get(value, "Tags")};
    rows_print(rows, n, tags);
    mem_free(rows);
}

static int order_texts(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int order_rows(const void *a, const void *b)
{
    return str_cmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

/* ---- shared ---- */

/* Asks, frees url, and returns the exit status so far; failures are said. */
static int catalog_fetch(struct cli *c, const char *what, struct buf *url, struct answer *ret)
{
    struct error err = {0};

    *ret = (struct answer){0};
    int status = cli_command_get(c, what, url, &ret->reply);
    buf_fini(url);
    if (status < 0)
        return 1;
    if (ret->reply.status != 200)
        return cli_command_fail_reply(what, &ret->reply, true);
    if (cli_command_wants_json(c)) {
        cli_command_out(buf_str(&ret->reply.body));
        return 0;
    }
    if (jread_parse(buf_str(&ret->reply.body), &ret->root, &err) < 0)
        return cli_command_fail("%s: the answer cannot be read: %s", what, err.text);
    return 0;
}

static void answer_fini(struct answer *a)
{
    jread_free(a->root);
    cli_reply_fini(&a->reply);
}

/* -node-meta key=value, which the API takes as key:value. */
static void catalog_meta_params(const struct cli *c, struct buf *url)
{
    const struct cli_flag_value *meta = cli_flags_get(&c->flags, "node-meta");

    for (size_t i = 0; i < meta->item_n; i++) {
        char *text = mem_dup_z(meta->items[i]), *equals = strchr(text, '=');
        if (equals)
            *equals = ':';
        cli_http_param(url, "node-meta", text);
        mem_free(text);
    }
}

static struct str text_of(const struct jvalue *v)
{
    struct str s = STR_NONE;

    return jread_str(v, &s) < 0 ? STR_NONE : s;
}
