/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policies and roles: both have a name, and are made, listed, read, changed and deleted alike. What
 * is different of them stands in a table of two rows.
 */
#include <stdio.h>

#include "cli/cli_acl.h"
#include "cli/cli_acl_print.h"

/* `before`: what is there, when it is changed and kept where nothing else is given; else NULL. Adds
 * members, and returns the exit status of a failure that was said. */
struct kind {
    const char *noun, *list, *path;
    void (*print)(const struct jvalue *v, bool meta);
    void (*print_list)(const struct jvalue *v, bool meta);
    int (*put)(const struct cli *c, struct jwrite *w, const struct jvalue *before);
};

/* ---- what is different ---- */

static void put_datacenters(const struct cli *c, struct jwrite *w, const struct jvalue *before)
{
    const struct cli_flag_value *v = cli_flags_get(&c->flags, "valid-datacenter");
    const struct jvalue *old = jread_get(before, "Datacenters");

    if (v->item_n == 0 && jread_count(old) == 0)
        return;
    jwrite_name(w, "Datacenters");
    jwrite_array(w);
    for (size_t i = 0; v->item_n == 0 && i < jread_count(old); i++) {
        struct str name = STR_NONE;
        if (jread_str(jread_at(old, i), &name) == 0)
            jwrite_str(w, name);
    }
    for (size_t i = 0; i < v->item_n; i++)
        jwrite_z(w, v->items[i]);
    jwrite_close(w);
}

/* -rules: the text itself, @FILE or -. */
static int put_policy(const struct cli *c, struct jwrite *w, const struct jvalue *before)
{
    const char *given = cli_flags_text(&c->flags, "rules");
    struct error err = {0};
    struct buf rules;
    int status = 0;

    put_datacenters(c, w, before);
    jwrite_name(w, "Rules");
    buf_init(&rules, 0);
    if (given)
        status = cli_command_data(given, &rules, &err);
    else
        buf_put_str(&rules, cli_acl_text(before, "Rules"));
    jwrite_str(w, buf_str(&rules));
    buf_fini(&rules);
    return status ? cli_command_fail("Error loading rules: %s", err.text) : 0;
}

static int put_role(const struct cli *c, struct jwrite *w, const struct jvalue *before)
{
    cli_acl_put_links(c, w, before);
    return 0;
}

static const struct kind policy = {
    "policy",  "/v1/acl/policies", "/v1/acl/policy", cli_acl_print_policy, cli_acl_print_policies,
    put_policy};
static const struct kind role = {
    "role", "/v1/acl/roles", "/v1/acl/role", cli_acl_print_role, cli_acl_print_roles, put_role};

/* ---- what is alike ---- */

/* The flag's text, else what was there before. */
static void put_or_keep(const struct cli *c, struct jwrite *w, const char *flag, const char *member,
                        const struct jvalue *before)
{
    const char *given = cli_flags_text(&c->flags, flag);

    jwrite_name(w, member);
    if (given)
        jwrite_z(w, given);
    else
        jwrite_str(w, cli_acl_text(before, member));
}

static int find(struct cli *c, const struct kind *k, char ret[64])
{
    return cli_acl_find_id(c, k->list, "ID", k->noun, cli_flags_text(&c->flags, "id"),
                           cli_flags_text(&c->flags, "name"), ret);
}

/* Sends what the flags say, over what is there. */
static int put(struct cli *c, const struct kind *k, const char *what, const char *path,
               const struct jvalue *before)
{
    struct buf body;
    struct jwrite w;

    buf_init(&body, 0);
    jwrite_init(&w, &body, false);
    jwrite_object(&w);
    put_or_keep(c, &w, "name", "Name", before);
    put_or_keep(c, &w, "description", "Description", before);
    int status = k->put(c, &w, before);
    jwrite_close(&w);
    if (status == 0)
        status = cli_acl_show(c, what, "PUT", path, &body, k->print);
    buf_fini(&body);
    return status;
}

static int create(struct cli *c, const struct kind *k)
{
    char what[96];

    if (!cli_flags_text(&c->flags, "name"))
        return cli_command_fail("Missing require '-name' flag");
    (void)snprintf(what, sizeof what, "Failed to create new %s", k->noun);
    return put(c, k, what, k->path, NULL);
}

static int list(struct cli *c, const struct kind *k)
{
    char what[96];

    (void)snprintf(what, sizeof what, "Failed to retrieve the %s list", k->noun);
    return cli_acl_show(c, what, "GET", k->list, NULL, k->print_list);
}

static int show(struct cli *c, const struct kind *k)
{
    char id[64], path[96], what[96];
    int status = find(c, k, id);

    if (status)
        return status;
    (void)snprintf(path, sizeof path, "%s/%s", k->path, id);
    (void)snprintf(what, sizeof what, "Error reading %s \"%s\"", k->noun, id);
    return cli_acl_show(c, what, "GET", path, NULL, k->print);
}

/* consul: what is not given stays, and lists grow; -no-merge: all becomes what is given. */
static int update(struct cli *c, const struct kind *k)
{
    char id[64], path[96], what[96];
    struct jvalue *before = NULL;
    int status = find(c, k, id);

    if (status)
        return status;
    if (cli_flags_is_on(&c->flags, "no-merge") && !cli_flags_text(&c->flags, "name"))
        return cli_command_fail("Cannot update a %s without specifying -name when -no-merge is set",
                                k->noun);
    (void)snprintf(path, sizeof path, "%s/%s", k->path, id);
    (void)snprintf(what, sizeof what, "Error updating %s \"%s\"", k->noun, id);
    status = cli_acl_ask(c, what, "GET", path, NULL, &before);
    if (status == 0)
        status = put(c, k, what, path, cli_flags_is_on(&c->flags, "no-merge") ? NULL : before);
    jread_free(before);
    return status;
}

static int erase(struct cli *c, const struct kind *k)
{
    char id[64];
    int status = find(c, k, id);

    return status ? status : cli_acl_delete(c, k->path, k->noun, id);
}

/* ---- the commands ---- */

int cli_acl_policy_create(struct cli *c)
{
    return create(c, &policy);
}

int cli_acl_policy_list(struct cli *c)
{
    return list(c, &policy);
}

int cli_acl_policy_read(struct cli *c)
{
    return show(c, &policy);
}

int cli_acl_policy_update(struct cli *c)
{
    return update(c, &policy);
}

int cli_acl_policy_delete(struct cli *c)
{
    return erase(c, &policy);
}

int cli_acl_role_create(struct cli *c)
{
    return create(c, &role);
}

int cli_acl_role_list(struct cli *c)
{
    return list(c, &role);
}

int cli_acl_role_read(struct cli *c)
{
    return show(c, &role);
}

int cli_acl_role_update(struct cli *c)
{
    return update(c, &role);
}

int cli_acl_role_delete(struct cli *c)
{
    return erase(c, &role);
}
