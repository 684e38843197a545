/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands share, and those that are about neither tokens, policies nor roles. */
#include "cli/cli_acl.h"

#include <stdio.h>

#include "base/encode.h"
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

static void put_list(const struct cli *c, struct jwrite *w, const char *by_id, const char *by_name,
                     const char *member)
{
    const struct cli_flag_value *ids = cli_flags_find(&c->flags, by_id),
                                *names = cli_flags_find(&c->flags, by_name);

    if ((!ids || ids->item_n == 0) && (!names || names->item_n == 0))
        return;
    jwrite_name(w, member);
    jwrite_array(w);
    for (size_t i = 0; ids && i < ids->item_n; i++) {
        jwrite_object(w);
        jwrite_name(w, "ID");
        jwrite_z(w, ids->items[i]);
        jwrite_close(w);
    }
    for (size_t i = 0; names && i < names->item_n; i++) {
        jwrite_object(w);
        jwrite_name(w, "Name");
        jwrite_z(w, names->items[i]);
        jwrite_close(w);
    }
    jwrite_close(w);
}

/* NAME:DC,DC... or NAME:DC */
static void put_identities(const struct cli *c, struct jwrite *w, const char *flag,
                           const char *member, const char *name_member)
{
    const struct cli_flag_value *v = cli_flags_find(&c->flags, flag);
    bool is_node = strcmp(flag, "node-identity") == 0;

    if (!v || v->item_n == 0)
        return;
    jwrite_name(w, member);
    jwrite_array(w);
    for (size_t i = 0; i < v->item_n; i++) {
        struct str rest = str_z(v->items[i]), name = str_split(&rest, ':');

        jwrite_object(w);
        jwrite_name(w, name_member);
        jwrite_str(w, name);
        if (is_node) {
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
    jwrite_close(w);
}

void cli_acl_put_links(const struct cli *c, struct jwrite *w)
{
    put_list(c, w, "policy-id", "policy-name", "Policies");
    put_list(c, w, "role-id", "role-name", "Roles");
    put_identities(c, w, "service-identity", "ServiceIdentities", "ServiceName");
    put_identities(c, w, "node-identity", "NodeIdentities", "NodeName");
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
