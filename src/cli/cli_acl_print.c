/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_acl_print.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/encode.h"
#include "cli/cli_acl.h"

struct layout {
    const char *indent;
    int width; /* of a label and what follows it */
};

static const struct layout token_layout = {"", 18}, flat = {"", 14}, nested = {"   ", 14};

static void put(const struct layout *l, const char *label, struct str value)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%s:", label);
    (void)printf("%s%-*s%.*s\n", l->indent, l->width, text, STR_ARG(value));
}

/* "Policies:" and a line for each. */
static void put_links(const struct layout *l, const struct jvalue *owner, const char *member)
{
    const struct jvalue *list = jread_get(owner, member);

    if (jread_count(list) == 0)
        return;
    (void)printf("%s%s:\n", l->indent, member);
    for (size_t i = 0; i < jread_count(list); i++) {
        const struct jvalue *v = jread_at(list, i);
        (void)printf("%s   %.*s - %.*s\n", l->indent, STR_ARG(cli_acl_text(v, "ID")),
                     STR_ARG(cli_acl_text(v, "Name")));
    }
}

static void join(const struct jvalue *list, struct buf *out)
{
    for (size_t i = 0; i < jread_count(list); i++) {
        struct str s = STR_NONE;
        if (jread_str(jread_at(list, i), &s) == 0)
            buf_putf(out, "%s%.*s", out->n ? ", " : "", STR_ARG(s));
    }
}

static void put_identities(const struct layout *l, const struct jvalue *owner)
{
    const struct jvalue *services = jread_get(owner, "ServiceIdentities");
    const struct jvalue *nodes = jread_get(owner, "NodeIdentities");
    struct buf text;

    buf_init(&text, 0);
    if (jread_count(services))
        (void)printf("%sService Identities:\n", l->indent);
    for (size_t i = 0; i < jread_count(services); i++) {
        const struct jvalue *v = jread_at(services, i);
        buf_clear(&text);
        join(jread_get(v, "Datacenters"), &text);
        (void)printf("%s   %.*s (Datacenters: %.*s)\n", l->indent,
                     STR_ARG(cli_acl_text(v, "ServiceName")),
                     STR_ARG(text.n ? buf_str(&text) : STR_LIT("all")));
    }
    if (jread_count(nodes))
        (void)printf("%sNode Identities:\n", l->indent);
    for (size_t i = 0; i < jread_count(nodes); i++) {
        const struct jvalue *v = jread_at(nodes, i);
        (void)printf("%s   %.*s (Datacenter: %.*s)\n", l->indent,
                     STR_ARG(cli_acl_text(v, "NodeName")), STR_ARG(cli_acl_text(v, "Datacenter")));
    }
    buf_fini(&text);
}

static void put_number(const struct layout *l, const char *label, const struct jvalue *v)
{
    uint64_t n = 0;
    char text[24];

    (void)!jread_u64(v, &n);
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    put(l, label, str_z(text));
}

static void put_meta(const struct layout *l, const struct jvalue *v)
{
    struct buf bytes, hex;

    buf_init(&bytes, 0);
    buf_init(&hex, 0);
    if (encode_base64_parse(cli_acl_text(v, "Hash"), &bytes) == 0)
        encode_hex(buf_str(&bytes), &hex);
    put(l, "Hash", buf_str(&hex));
    put_number(l, "Create Index", jread_get(v, "CreateIndex"));
    put_number(l, "Modify Index", jread_get(v, "ModifyIndex"));
    buf_fini(&bytes);
    buf_fini(&hex);
}

static void put_bool(const struct layout *l, const char *label, const struct jvalue *v)
{
    bool on = false;

    (void)!jread_bool(v, &on);
    put(l, label, on ? STR_LIT("true") : STR_LIT("false"));
}

static void put_token(const struct jvalue *t, bool meta, bool in_list)
{
    const struct layout *l = &token_layout;
    struct str expires = cli_acl_text(t, "ExpirationTime");

    put(l, "AccessorID", cli_acl_text(t, "AccessorID"));
    if (!in_list)
        put(l, "SecretID", cli_acl_text(t, "SecretID"));
    put(l, "Description", cli_acl_text(t, "Description"));
    put_bool(l, "Local", jread_get(t, "Local"));
    put(l, "Create Time", cli_acl_text(t, "CreateTime"));
    if (expires.n)
        put(l, "Expiration Time", expires);
    if (in_list)
        put(l, "Legacy", STR_LIT("false"));
    if (meta)
        put_meta(l, t);
    put_links(l, t, "Policies");
    put_links(l, t, "Roles");
    put_identities(l, t);
}

void cli_acl_print_token(const struct jvalue *token, bool meta)
{
    put_token(token, meta, false);
}

void cli_acl_print_tokens(const struct jvalue *list, bool meta)
{
    for (size_t i = 0; i < jread_count(list); i++) {
        if (i)
            (void)fputc('\n', stdout);
        put_token(jread_at(list, i), meta, true);
    }
}

static void put_datacenters(const struct layout *l, const struct jvalue *v)
{
    struct buf text;

    buf_init(&text, 0);
    join(jread_get(v, "Datacenters"), &text);
    put(l, "Datacenters", buf_str(&text));
    buf_fini(&text);
}

void cli_acl_print_policy(const struct jvalue *policy, bool meta)
{
    struct str rules = cli_acl_text(policy, "Rules");

    put(&flat, "ID", cli_acl_text(policy, "ID"));
    put(&flat, "Name", cli_acl_text(policy, "Name"));
    put(&flat, "Description", cli_acl_text(policy, "Description"));
    put_datacenters(&flat, policy);
    if (meta)
        put_meta(&flat, policy);
    (void)printf("Rules:\n%.*s\n", STR_ARG(str_trim(rules)));
}

void cli_acl_print_policies(const struct jvalue *list, bool meta)
{
    for (size_t i = 0; i < jread_count(list); i++) {
        const struct jvalue *p = jread_at(list, i);
        (void)printf("%.*s:\n", STR_ARG(cli_acl_text(p, "Name")));
        put(&nested, "ID", cli_acl_text(p, "ID"));
        put(&nested, "Description", cli_acl_text(p, "Description"));
        put_datacenters(&nested, p);
        if (meta)
            put_meta(&nested, p);
    }
}

static void put_role(const struct layout *l, const struct jvalue *r, bool meta)
{
    put(l, "Description", cli_acl_text(r, "Description"));
    if (meta)
        put_meta(l, r);
    put_links(l, r, "Policies");
    put_identities(l, r);
}

void cli_acl_print_role(const struct jvalue *role, bool meta)
{
    put(&flat, "ID", cli_acl_text(role, "ID"));
    put(&flat, "Name", cli_acl_text(role, "Name"));
    put_role(&flat, role, meta);
}

void cli_acl_print_roles(const struct jvalue *list, bool meta)
{
    for (size_t i = 0; i < jread_count(list); i++) {
        const struct jvalue *r = jread_at(list, i);
        (void)printf("%.*s:\n", STR_ARG(cli_acl_text(r, "Name")));
        put(&nested, "ID", cli_acl_text(r, "ID"));
        put_role(&nested, r, meta);
    }
}
