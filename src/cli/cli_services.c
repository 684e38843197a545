/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/jcopy.h"
#include "base/mem.h"

/* PUT; 0, or the exit status with the failure said. */
static int put(struct cli *c, const char *what, struct str url, const struct str *body)
{
    struct error err = {0};
    struct cli_reply reply;
    int exit_status = 1;

    if (cli_http_do(c->http, "PUT", url, body, &reply, &err) < 0)
        (void)cli_command_fail("%s: %s", what, err.text);
    else if (reply.status != 200)
        (void)cli_command_fail_reply(what, &reply, true);
    else
        exit_status = 0;
    cli_reply_fini(&reply);
    return exit_status;
}

/* ---- definitions in files ---- */

/* `each` for the service and services of a file; stops at the first that is not 0. */
static int each_of_file(struct cli *c, const char *path,
                        int (*each)(struct cli *c, const struct jvalue *service))
{
    struct str name = str_z(path);
    struct error err = {0};
    struct jvalue *root = NULL;
    struct buf text;
    int rc = 0;

    if (str_has_suffix(name, STR_LIT(".hcl")))
        return cli_command_fail("Error: config: %s: HCL is not available: write JSON", path);
    buf_init(&text, (size_t)16 << 20);
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!f) {
        buf_fini(&text);
        return cli_command_fail("Error: config: Open failed on %s. open %s: %s", path, path,
                                errno == ENOENT ? "no such file or directory" : error_text(-errno));
    }
    for (char *room; (room = buf_reserve(&text, 65536)) != NULL;) {
        size_t n = fread(room, 1, 65536, f);
        text.n += n;
        if (n == 0)
            break;
    }
    if (f != stdin)
        (void)fclose(f);
    if (jread_parse(buf_str(&text), &root, &err) < 0) {
        rc = cli_command_fail("Error: config: failed to parse %s: %s", path, err.text);
    } else {
        const struct jvalue *one = jread_get(root, "service"), *list = jread_get(root, "services");

        if (jread_type(one) == JREAD_NULL && jread_type(list) == JREAD_NULL)
            rc = cli_command_fail("Error: config: %s has neither service nor services", path);
        if (jread_type(one) == JREAD_OBJECT)
            rc = each(c, one);
        for (size_t i = 0; !rc && i < jread_count(list); i++)
            rc = each(c, jread_at(list, i));
    }
    jread_free(root);
    buf_fini(&text);
    return rc;
}

static int register_one(struct cli *c, const struct jvalue *service)
{
    struct str name = STR_LIT("");
    struct buf body;
    int exit_status = 1;

    buf_init(&body, 0);
    (void)!jread_str(jread_get(service, "name"), &name);
    if (jcopy_text(service, &body) == 0) {
        struct str bytes = buf_str(&body);
        struct buf what;

        buf_init(&what, 0);
        buf_putf(&what, "Error registering service \"%.*s\"", STR_ARG(name));
        exit_status = put(c, buf_z(&what), STR_LIT("/v1/agent/service/register"), &bytes);
        buf_fini(&what);
    }
    if (exit_status == 0)
        (void)printf("Registered service: %.*s\n", STR_ARG(name));
    buf_fini(&body);
    return exit_status;
}

static int deregister_id(struct cli *c, struct str id)
{
    struct buf url, what;

    buf_init(&url, 0);
    buf_init(&what, 0);
    buf_put_z(&url, "/v1/agent/service/deregister/");
    encode_percent(id, false, &url);
    buf_putf(&what, "Error deregistering service \"%.*s\"", STR_ARG(id));
    int exit_status = put(c, buf_z(&what), buf_str(&url), NULL);
    if (exit_status == 0)
        (void)printf("Deregistered service: %.*s\n", STR_ARG(id));
    buf_fini(&url);
    buf_fini(&what);
    return exit_status;
}

static int deregister_one(struct cli *c, const struct jvalue *service)
{
    struct str id = STR_LIT("");

    (void)!jread_str(jread_get(service, "id"), &id);
    if (id.n == 0)
        (void)!jread_str(jread_get(service, "name"), &id);
    return deregister_id(c, id);
}

/* ---- definitions by flags ---- */

static void put_text(struct jwrite *w, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    jwrite_name(w, name);
    jwrite_z(w, value);
}

/* "name=value", or 1. */
static int split(const char *what, const char *item, struct str *ret_name, struct str *ret_value)
{
    *ret_value = str_z(item);
    *ret_name = str_split(ret_value, '=');
    return ret_value->p ? 0 : cli_command_fail("%s: \"%s\" is not key=value", what, item);
}

/* "ip", "ip:port" or "[ip]:port" */
static void put_address(struct jwrite *w, struct str text)
{
    size_t colon = text.n;
    uint64_t port = 0;

    while (colon > 0 && text.p[colon - 1] != ':' && text.p[colon - 1] != ']')
        colon--;
    bool has_port = colon > 0 && text.p[colon - 1] == ':' &&
                    str_find(text, ':', 0) + 1 == colon; /* one colon: not an IPv6 address */
    has_port |= colon > 1 && text.p[colon - 1] == ':' && text.p[colon - 2] == ']';
    if (has_port && str_to_u64(str_drop(text, colon), &port) == 0)
        text = str_take(text, colon - 1);
    if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = str_drop(str_take(text, text.n - 1), 1);
    jwrite_object(w);
    jwrite_name(w, "Address");
    jwrite_str(w, text);
    jwrite_name(w, "Port");
    jwrite_u64(w, port);
    jwrite_close(w);
}

static int put_lists(struct cli *c, struct jwrite *w)
{
    const struct cli_flag_value *tags = cli_flags_get(&c->flags, "tag"),
                                *meta = cli_flags_get(&c->flags, "meta"),
                                *tagged = cli_flags_get(&c->flags, "tagged-address");
    struct str name, value;

    jwrite_name(w, "Tags");
    jwrite_array(w);
    for (size_t i = 0; i < tags->item_n; i++)
        jwrite_z(w, tags->items[i]);
    jwrite_close(w);
    jwrite_name(w, "Meta");
    jwrite_object(w);
    for (size_t i = 0; i < meta->item_n; i++) {
        if (split("-meta", meta->items[i], &name, &value))
            return 1;
        jwrite_name_str(w, name);
        jwrite_str(w, value);
    }
    jwrite_close(w);
    jwrite_name(w, "TaggedAddresses");
    jwrite_object(w);
    for (size_t i = 0; i < tagged->item_n; i++) {
        if (split("-tagged-address", tagged->items[i], &name, &value))
            return 1;
        jwrite_name_str(w, name);
        put_address(w, value);
    }
    jwrite_close(w);
    return 0;
}

static int register_flags(struct cli *c)
{
    struct jvalue *root = NULL;
    struct error err = {0};
    struct jwrite w;
    struct buf text;
    int exit_status;

    buf_init(&text, 0);
    jwrite_init(&w, &text, false);
    jwrite_object(&w);
    put_text(&w, "ID", cli_flags_text(&c->flags, "id"));
    put_text(&w, "Name", cli_flags_text(&c->flags, "name"));
    put_text(&w, "Kind", cli_flags_text(&c->flags, "kind"));
    put_text(&w, "Address", cli_flags_text(&c->flags, "address"));
    jwrite_name(&w, "Port");
    jwrite_u64(&w, cli_flags_get(&c->flags, "port")->number);
    exit_status = put_lists(c, &w);
    if (!exit_status) {
        jwrite_close(&w);
        jwrite_end(&w);
        exit_status = jread_parse(buf_str(&text), &root, &err) ? 1 : register_one(c, root);
        jread_free(root);
    }
    buf_fini(&text);
    return exit_status;
}

int cli_services_register(struct cli *c)
{
    int exit_status = 0;

    if (c->arg_n == 0 && !cli_flags_text(&c->flags, "name"))
        return cli_command_fail("Service registration requires at least one argument or flags.");
    if (c->arg_n == 0)
        return register_flags(c);
    for (int i = 0; !exit_status && i < c->arg_n; i++)
        exit_status = each_of_file(c, c->args[i], register_one);
    return exit_status;
}

int cli_services_deregister(struct cli *c)
{
    const char *id = cli_flags_text(&c->flags, "id");
    int exit_status = 0;

    if (c->arg_n == 0 && !id)
        return cli_command_fail("Service deregistration requires at least one argument or -id.");
    if (id)
        return deregister_id(c, str_z(id));
    for (int i = 0; !exit_status && i < c->arg_n; i++)
        exit_status = each_of_file(c, c->args[i], deregister_one);
    return exit_status;
}

/* ---- maintenance ---- */

/* Who is in maintenance, and why. */
static int maint_show(struct cli *c)
{
    static const char what[] = "Error querying checks";
    const struct jvalue *check;
    struct error err = {0};
    struct cli_reply reply;
    struct jvalue *root = NULL;
    struct str id, node = STR_LIT(""), service = STR_LIT(""), notes = STR_LIT("");
    struct buf url;
    size_t pos = 0;
    int exit_status = 0;

    buf_init(&url, 0);
    buf_put_z(&url, "/v1/agent/checks");
    int status = cli_command_get(c, what, &url, &reply);
    buf_fini(&url);
    if (status < 0)
        return 1;
    if (reply.status != 200)
        exit_status = cli_command_fail_reply(what, &reply, true);
    else if (jread_parse(buf_str(&reply.body), &root, &err) < 0)
        exit_status = cli_command_fail("%s: the answer cannot be read: %s", what, err.text);
    while (!exit_status && jread_next(root, &pos, &id, &check)) {
        (void)!jread_str(jread_get(check, "Node"), &node);
        (void)!jread_str(jread_get(check, "ServiceID"), &service);
        (void)!jread_str(jread_get(check, "Notes"), &notes);
        if (str_eq_z(id, "_node_maintenance"))
            (void)printf("Node:\n  Name:   %.*s\n  Reason: %.*s\n", STR_ARG(node), STR_ARG(notes));
        else if (str_has_prefix(id, STR_LIT("_service_maintenance:")))
            (void)printf("Service:\n  ID:     %.*s\n  Reason: %.*s\n", STR_ARG(service),
                         STR_ARG(notes));
    }
    jread_free(root);
    cli_reply_fini(&reply);
    return exit_status;
}

int cli_services_maint(struct cli *c)
{
    bool enable = cli_flags_is_on(&c->flags, "enable"),
         disable = cli_flags_is_on(&c->flags, "disable");
    const char *reason = cli_flags_text(&c->flags, "reason"),
               *service = cli_flags_text(&c->flags, "service");
    struct buf url, what;

    if (enable && disable)
        return cli_command_fail("Only one of -enable or -disable may be provided");
    if (reason && !enable)
        return cli_command_fail("Reason may only be provided with -enable");
    if (service && !enable && !disable)
        return cli_command_fail("Service requires either -enable or -disable");
    if (!enable && !disable)
        return maint_show(c);
    buf_init(&url, 0);
    buf_init(&what, 0);
    buf_put_z(&url, service ? "/v1/agent/service/maintenance/" : "/v1/agent/maintenance");
    if (service)
        encode_percent(str_z(service), false, &url);
    cli_http_param(&url, "enable", enable ? "true" : "false");
    if (reason)
        cli_http_param(&url, "reason", reason);
    buf_putf(&what, "Error %s %s maintenance", enable ? "enabling" : "disabling",
             service ? "service" : "node");
    int exit_status = put(c, buf_z(&what), buf_str(&url), NULL);
    if (exit_status == 0 && service)
        (void)printf("Service maintenance is now %s for \"%s\"\n", enable ? "enabled" : "disabled",
                     service);
    else if (exit_status == 0)
        (void)printf("Node maintenance is now %s\n", enable ? "enabled" : "disabled");
    buf_fini(&url);
    buf_fini(&what);
    return exit_status;
}
