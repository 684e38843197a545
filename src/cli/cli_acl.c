/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands share, and those that are about neither tokens, policies nor roles. */
#include "cli/cli_acl.h"

#include <stdio.h>

#include "base/encode.h"
#include "base/jcopy.h"
#include "cli/cli_acl_print.h"

#define ID_SIZE 36

struct str cli_acl_text(const struct jvalue *v, const char *member)
{
    struct str s = STR_NONE;

    return jread_str(jread_get(v, member), &s) ? STR_NONE : s;
}

/* ---- asking ---- */

/* 200, or said. The reply is the caller's in both cases. */
static int ask(struct cli *c, const char *what, const char *method, const char *path,
               const struct buf *body, struct cli_reply *ret)
{
    struct error err = {0};
    struct str bytes = body ? buf_str(body) : STR_LIT("");
    struct buf url;
    int status;

    buf_init(&url, 0);
    buf_put_z(&url, path);
    cli_command_params(c, &url);
    status = cli_http_do(c->http, method, buf_str(&url), strcmp(method, "GET") ? &bytes : NULL, ret,
                         &err);
    buf_fini(&url);
    if (status < 0)
        return cli_command_fail("%s: %s", what, err.text);
    return ret->status == 200 ? 0 : cli_command_fail_reply(what, ret, true);
}

int cli_acl_ask(struct cli *c, const char *what, const char *method, const char *path,
                const struct buf *body, struct jvalue **ret)
{
    struct cli_reply reply = {0};
    struct error err = {0};
    int status = ask(c, what, method, path, body, &reply);

    *ret = NULL;
    if (status == 0 && jread_parse(buf_str(&reply.body), ret, &err))
        status = cli_command_fail("%s: the answer cannot be read: %s", what, err.text);
    cli_reply_fini(&reply);
    return status;
}

int cli_acl_show(struct cli *c, const char *what, const char *method, const char *path,
                 const struct buf *body, void (*print)(const struct jvalue *v, bool meta))
{
    struct cli_reply reply = {0};
    struct error err = {0};
    struct jvalue *root = NULL;
    const struct cli_flag_value *meta = cli_flags_find(&c->flags, "meta");
    int status = ask(c, what, method, path, body, &reply);

    if (status == 0 && cli_command_wants_json(c))
        cli_command_out(buf_str(&reply.body));
    else if (status == 0 && jread_parse(buf_str(&reply.body), &root, &err))
        status = cli_command_fail("%s: the answer cannot be read: %s", what, err.text);
    else if (status == 0)
        print(root, meta && meta->on);
    jread_free(root);
    cli_reply_fini(&reply);
    return status;
}

int cli_acl_find_id(struct cli *c, const char *path, const char *member, const char *noun,
                    const char *given, const char *name, char ret[64])
{
    char what[80];
    struct jvalue *list = NULL;
    int status, n = 0;

    if (given && strlen(given) == ID_SIZE)
        return str_copy_z(str_z(given), ret, 64) ? 0 : 1;
    (void)snprintf(what, sizeof what, "Error determining %s ID", noun);
    if (!given && !name)
        return cli_command_fail("%s: Cannot determine the %s ID: one of -id and -name is needed",
                                what, noun);
    status = cli_acl_ask(c, what, "GET", path, NULL, &list);
    for (size_t i = 0; status == 0 && i < jread_count(list); i++) {
        const struct jvalue *v = jread_at(list, i);
        struct str id = cli_acl_text(v, member);
        if (given ? str_has_prefix(id, str_z(given)) : str_eq_z(cli_acl_text(v, "Name"), name)) {
            (void)str_copy_z(id, ret, 64);
            n++;
        }
    }
    jread_free(list);
    if (status)
        return status;
    if (n > 1)
        return cli_command_fail("%s: %s ID %s is not unique", what, noun, given);
    if (n == 0 && given)
        return cli_command_fail("%s: No such %s ID with prefix: %s", what, noun, given);
    if (n == 0)
        return cli_command_fail("%s: No such %s with name %s", what, noun, name);
    return 0;
}

int cli_acl_delete(struct cli *c, const char *path, const char *noun, const char *id)
{
    struct cli_reply reply = {0};
    char what[120], url[160];
    int status;

    (void)snprintf(what, sizeof what, "Error deleting %s \"%s\"", noun, id);
    (void)snprintf(url, sizeof url, "%s/%s", path, id);
    status = ask(c, what, "DELETE", url, NULL, &reply);
    cli_reply_fini(&reply);
    if (status == 0)
        (void)printf("%c%s \"%s\" deleted successfully\n", noun[0] - 'a' + 'A', noun + 1, id);
    return status;
}

/* ---- bodies ---- */

/* A list of links of a token or a role: its member, the flags that name one by id and by name (or
 * an identity), the members of its objects, and the flag that keeps those that are there. */
struct links {
    const char *member, *id_flag, *name_flag, *id_member, *name_member, *merge_flag;
};
static const struct links links[] = {
    {"Policies", "policy-id", "policy-name", "ID", "Name", "merge-policies"},
    {"Roles", "role-id", "role-name", "ID", "Name", "merge-roles"},
    {"ServiceIdentities", NULL, "service-identity", NULL, "ServiceName",
     "merge-service-identities"},
    {"NodeIdentities", NULL, "node-identity", NULL, "NodeName", "merge-node-identities"},
};

static bool has_link(const struct jvalue *list, const char *member, struct str text)
{
    for (size_t i = 0; i < jread_count(list); i++)
        if (str_eq(cli_acl_text(jread_at(list, i), member), text))
            return true;
    return false;
}

/* NAME, NAME:DC,DC... of a service or NAME:DC of a node. */
static void put_name(struct jwrite *w, const struct links *l, struct str name, struct str rest)
{
    jwrite_object(w);
    jwrite_name(w, l->name_member);
    jwrite_str(w, name);
    if (strcmp(l->member, "NodeIdentities") == 0) {
        jwrite_name(w, "Datacenter");
        jwrite_str(w, rest);
    } else if (rest.p) {
        jwrite_name(w, "Datacenters");
        jwrite_array(w);
        while (rest.p)
            jwrite_str(w, str_split(&rest, ','));
        jwrite_close(w);
    }
    jwrite_close(w);
}

static void put_links(const struct cli *c, struct jwrite *w, const struct links *l,
                      const struct jvalue *kept)
{
    const struct cli_flag_value *ids = l->id_flag ? cli_flags_find(&c->flags, l->id_flag) : NULL,
                                *names = cli_flags_find(&c->flags, l->name_flag);

    if ((!ids || ids->item_n == 0) && (!names || names->item_n == 0) && jread_count(kept) == 0)
        return;
    jwrite_name(w, l->member);
    jwrite_array(w);
    for (size_t i = 0; i < jread_count(kept); i++)
        if (jcopy_value(w, jread_at(kept, i)) < 0)
            jwrite_null(w); /* so deep is nothing that a server sends */
    for (size_t i = 0; ids && i < ids->item_n; i++) {
        if (has_link(kept, l->id_member, str_z(ids->items[i])))
            continue;
        jwrite_object(w);
        jwrite_name(w, l->id_member);
        jwrite_z(w, ids->items[i]);
        jwrite_close(w);
    }
    for (size_t i = 0; names && i < names->item_n; i++) {
        struct str rest = str_z(names->items[i]), name = rest;
        if (l->id_flag)
            rest = STR_NONE; /* the whole is the name */
        else
            name = str_split(&rest, ':');
        if (!has_link(kept, l->name_member, name))
            put_name(w, l, name, rest);
    }
    jwrite_close(w);
}

void cli_acl_put_links(const struct cli *c, struct jwrite *w, const struct jvalue *before)
{
    bool merges_all = cli_flags_find(&c->flags, "no-merge");

    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        bool keeps = merges_all || cli_flags_is_on(&c->flags, links[i].merge_flag);
        put_links(c, w, &links[i], keeps ? jread_get(before, links[i].member) : NULL);
    }
}

/* ---- commands ---- */

int cli_acl_bootstrap(struct cli *c)
{
    return cli_acl_show(c, "Failed ACL bootstrapping", "PUT", "/v1/acl/bootstrap", NULL,
                        cli_acl_print_token);
}

int cli_acl_set_agent_token(struct cli *c)
{
    static const char *const types[] = {"default", "agent", "agent_master", "master",
                                        "replication"};
    struct cli_reply reply = {0};
    struct buf body;
    struct jwrite w;
    char path[64];
    bool known = false;
    int status;

    if (c->arg_n != 2)
        return cli_command_fail("This command requires two arguments: TYPE and TOKEN");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        known |= strcmp(types[i], c->args[0]) == 0;
    if (!known)
        return cli_command_fail("Unknown token type");
    buf_init(&body, 0);
    jwrite_init(&w, &body, false);
    jwrite_object(&w);
    jwrite_name(&w, "Token");
    jwrite_z(&w, c->args[1]);
    jwrite_close(&w);
    (void)snprintf(path, sizeof path, "/v1/agent/token/%s",
                   strcmp(c->args[0], "master") == 0 ? "agent_master" : c->args[0]);
    status = ask(c, "Failed to set ACL token", "PUT", path, &body, &reply);
    if (status == 0)
        (void)printf("ACL token \"%s\" set successfully\n", c->args[0]);
    cli_reply_fini(&reply);
    buf_fini(&body);
    return status;
}

int cli_acl_translate(struct cli *c)
{
    struct cli_reply reply = {0};
    struct error err = {0};
    struct buf rules;
    int status;

    if (c->arg_n != 1)
        return cli_command_fail("This command requires one argument: rules, @FILE or -");
    buf_init(&rules, 0);
    if (cli_command_data(c->args[0], &rules, &err))
        status = cli_command_fail("Error loading rules: %s", err.text);
    else
        status =
            ask(c, "Error translating rules", "POST", "/v1/acl/rules/translate", &rules, &reply);
    if (status == 0)
        (void)printf("%.*s\n", STR_ARG(buf_str(&reply.body)));
    cli_reply_fini(&reply);
    buf_fini(&rules);
    return status;
}
