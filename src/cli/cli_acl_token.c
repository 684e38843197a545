/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "cli/cli_acl.h"
#include "cli/cli_acl_print.h"

static void put_given(const struct cli *c, struct jwrite *w, const char *flag, const char *member)
{
    const char *text = cli_flags_text(&c->flags, flag);

    if (!text)
        return;
    jwrite_name(w, member);
    jwrite_z(w, text);
}

static int find(struct cli *c, char ret[64])
{
    const char *id = cli_flags_text(&c->flags, "id");

    if (!id)
        return cli_command_fail("Must specify the -id parameter");
    return cli_acl_find_id(c, "/v1/acl/tokens", "AccessorID", "token", id, NULL, ret);
}

int cli_acl_token_create(struct cli *c)
{
    struct buf body;
    struct jwrite w;

    buf_init(&body, 0);
    jwrite_init(&w, &body, false);
    jwrite_object(&w);
    put_given(c, &w, "accessor", "AccessorID");
    put_given(c, &w, "secret", "SecretID");
    put_given(c, &w, "description", "Description");
    put_given(c, &w, "expires-ttl", "ExpirationTTL");
    jwrite_name(&w, "Local");
    jwrite_bool(&w, cli_flags_is_on(&c->flags, "local"));
    cli_acl_put_links(c, &w, NULL);
    jwrite_close(&w);
    int status = cli_acl_show(c, "Failed to create new token", "PUT", "/v1/acl/token", &body,
                              cli_acl_print_token);
    buf_fini(&body);
    return status;
}

int cli_acl_token_list(struct cli *c)
{
    return cli_acl_show(c, "Failed to retrieve the token list", "GET", "/v1/acl/tokens", NULL,
                        cli_acl_print_tokens);
}

int cli_acl_token_read(struct cli *c)
{
    char id[64], path[96], what[96];
    int status;

    if (cli_flags_is_on(&c->flags, "self"))
        return cli_acl_show(c, "Error reading token", "GET", "/v1/acl/token/self", NULL,
                            cli_acl_print_token);
    status = find(c, id);
    if (status)
        return status;
    (void)snprintf(path, sizeof path, "/v1/acl/token/%s", id);
    (void)snprintf(what, sizeof what, "Error reading token \"%s\"", id);
    return cli_acl_show(c, what, "GET", path, NULL, cli_acl_print_token);
}

int cli_acl_token_update(struct cli *c)
{
    char id[64], path[96], what[96];
    struct jvalue *before = NULL;
    struct buf body;
    struct jwrite w;
    int status = find(c, id);

    if (status)
        return status;
    (void)snprintf(path, sizeof path, "/v1/acl/token/%s", id);
    (void)snprintf(what, sizeof what, "Failed to update token %s", id);
    status = cli_acl_ask(c, what, "GET", path, NULL, &before);
    buf_init(&body, 0);
    jwrite_init(&w, &body, false);
    jwrite_object(&w);
    jwrite_name(&w, "Description");
    if (cli_flags_text(&c->flags, "description"))
        jwrite_z(&w, cli_flags_text(&c->flags, "description"));
    else
        jwrite_str(&w, cli_acl_text(before, "Description"));
    cli_acl_put_links(c, &w, before);
    jwrite_close(&w);
    if (status == 0)
        status = cli_acl_show(c, what, "PUT", path, &body, cli_acl_print_token);
    buf_fini(&body);
    jread_free(before);
    return status;
}

int cli_acl_token_clone(struct cli *c)
{
    char id[64], path[96];
    struct buf body;
    struct jwrite w;
    int status = find(c, id);

    if (status)
        return status;
    buf_init(&body, 0);
    jwrite_init(&w, &body, false);
    jwrite_object(&w);
    put_given(c, &w, "description", "Description");
    jwrite_close(&w);
    (void)snprintf(path, sizeof path, "/v1/acl/token/%s/clone", id);
    status = cli_acl_show(c, "Error cloning token", "PUT", path, &body, cli_acl_print_token);
    buf_fini(&body);
    return status;
}

int cli_acl_token_delete(struct cli *c)
{
    char id[64];
    int status = find(c, id);

    return status ? status : cli_acl_delete(c, "/v1/acl/token", "token", id);
}
