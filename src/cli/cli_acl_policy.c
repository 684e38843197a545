/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Policies and roles: both have a name, and are made, listed, read, changed and deleted alike. */
#include <stdio.h>

#include "cli/cli_acl.h"
#include "cli/cli_acl_print.h"

/* ---- what both share ---- */

static void put_text(struct jwrite *w, const char *member, const char *text)
{
    jwrite_name(w, member);
    jwrite_z(w, text ? text : "");
}

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

static void begin(struct jwrite *w, struct buf *body)
{
    buf_init(body, 0);
    jwrite_init(w, body, false);
    jwrite_object(w);
}

static int find(struct cli *c, const char *list, const char *noun, char ret[64])
{
    return cli_acl_find_id(c, list, "ID", noun, cli_flags_text(&c->flags, "id"),
                           cli_flags_text(&c->flags, "name"), ret);
}

/* ---- policies ---- */

static void put_datacenters(const struct cli *c, struct jwrite *w)
{
    const struct cli_flag_value *v = cli_flags_get(&c->flags, "valid-datacenter");

    if (v->item_n == 0)
        return;
    jwrite_name(w, "Datacenters");
    jwrite_array(w);
    for (size_t i = 0; i < v->item_n; i++)
        jwrite_z(w, v->items[i]);
    jwrite_close(w);
}

/* -rules: the text itself, @FILE or -. */
static int put_rules(const struct cli *c, struct jwrite *w, const struct jvalue *before)
{
    const char *given = cli_flags_text(&c->flags, "rules");
    struct error err = {0};
    struct buf rules;

    jwrite_name(w, "Rules");
    if (!given) {
        jwrite_str(w, cli_acl_text(before, "Rules"));
        return 0;
    }
    buf_init(&rules, 0);
    int status = cli_command_data(given, &rules, &err);
    jwrite_str(w, buf_str(&rules));
    buf_fini(&rules);
    return status ? cli_command_fail("Error loading rules: %s", err.text) : 0;
}

int cli_acl_policy_create(struct cli *c)
{
    struct buf body;
    struct jwrite w;
    int status;

    if (!cli_flags_text(&c->flags, "name"))
        return cli_command_fail("Missing require '-name' flag");
    begin(&w, &body);
    put_text(&w, "Name", cli_flags_text(&c->flags, "name"));
    put_text(&w, "Description", cli_flags_text(&c->flags, "description"));
    put_datacenters(c, &w);
    status = put_rules(c, &w, NULL);
    jwrite_close(&w);
    if (status == 0)
        status = cli_acl_show(c, "Failed to create new policy", "PUT", "/v1/acl/policy", &body,
                              cli_acl_print_policy);
    buf_fini(&body);
    return status;
}

int cli_acl_policy_list(struct cli *c)
{
    return cli_acl_show(c, "Failed to retrieve the policy list", "GET", "/v1/acl/policies", NULL,
                        cli_acl_print_policies);
}

int cli_acl_policy_read(struct cli *c)
{
    char id[64], path[96], what[96];
    int status = find(c, "/v1/acl/policies", "policy", id);

    if (status)
        return status;
    (void)snprintf(path, sizeof path, "/v1/acl/policy/%s", id);
    (void)snprintf(what, sizeof what, "Error reading policy \"%s\"", id);
    return cli_acl_show(c, what, "GET", path, NULL, cli_acl_print_policy);
}

int cli_acl_policy_update(struct cli *c)
{
    char id[64], path[96], what[96];
    struct jvalue *before = NULL;
    struct buf body;
    struct jwrite w;
    int status = find(c, "/v1/acl/policies", "policy", id);

    if (status)
        return status;
    (void)snprintf(path, sizeof path, "/v1/acl/policy/%s", id);
    (void)snprintf(what, sizeof what, "Error updating policy \"%s\"", id);
    status = cli_acl_ask(c, what, "GET", path, NULL, &before);
    begin(&w, &body);
    put_or_keep(c, &w, "name", "Name", before); /* without -id the same name again */
    put_or_keep(c, &w, "description", "Description", before);
    put_datacenters(c, &w);
    if (status == 0)
        status = put_rules(c, &w, before);
    else
        put_text(&w, "Rules", "");
    jwrite_close(&w);
    if (status == 0)
        status = cli_acl_show(c, what, "PUT", path, &body, cli_acl_print_policy);
    buf_fini(&body);
    jread_free(before);
    return status;
}

int cli_acl_policy_delete(struct cli *c)
{
    char id[64];
    int status = find(c, "/v1/acl/policies", "policy", id);

    return status ? status : cli_acl_delete(c, "/v1/acl/policy", "policy", id);
}

/* ---- roles ---- */

int cli_acl_role_create(struct cli *c)
{
    struct buf body;
    struct jwrite w;
    int status;

    if (!cli_flags_text(&c->flags, "name"))
        return cli_command_fail("Missing require '-name' flag");
    begin(&w, &body);
    put_text(&w, "Name", cli_flags_text(&c->flags, "name"));
    put_text(&w, "Description", cli_flags_text(&c->flags, "description"));
    cli_acl_put_links(c, &w);
    jwrite_close(&w);
    status = cli_acl_show(c, "Failed to create new role", "PUT", "/v1/acl/role", &body,
                          cli_acl_print_role);
    buf_fini(&body);
    return status;
}

int cli_acl_role_list(struct cli *c)
{
    return cli_acl_show(c, "Failed to retrieve the role list", "GET", "/v1/acl/roles", NULL,
                        cli_acl_print_roles);
}

int cli_acl_role_read(struct cli *c)
{
    char id[64], path[96], what[96];
    int status = find(c, "/v1/acl/roles", "role", id);

    if (status)
        return status;
    (void)snprintf(path, sizeof path, "/v1/acl/role/%s", id);
    (void)snprintf(what, sizeof what, "Error reading role \"%s\"", id);
    return cli_acl_show(c, what, "GET", path, NULL, cli_acl_print_role);
}

int cli_acl_role_update(struct cli *c)
{
    char id[64], path[96], what[96];
    struct jvalue *before = NULL;
    struct buf body;
    struct jwrite w;
    int status = find(c, "/v1/acl/roles", "role", id);

    if (status)
        return status;
    (void)snprintf(path, sizeof path, "/v1/acl/role/%s", id);
    (void)snprintf(what, sizeof what, "Error updating role \"%s\"", id);
    status = cli_acl_ask(c, what, "GET", path, NULL, &before);
    begin(&w, &body);
    put_or_keep(c, &w, "name", "Name", before); /* without -id the same name again */
    put_or_keep(c, &w, "description", "Description", before);
    cli_acl_put_links(c, &w);
    jwrite_close(&w);
    if (status == 0)
        status = cli_acl_show(c, what, "PUT", path, &body, cli_acl_print_role);
    buf_fini(&body);
    jread_free(before);
    return status;
}

int cli_acl_role_delete(struct cli *c)
{
    char id[64];
    int status = find(c, "/v1/acl/roles", "role", id);

    return status ? status : cli_acl_delete(c, "/v1/acl/role", "role", id);
}
