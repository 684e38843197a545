/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_keyring.h"

#include <stdio.h>

#include "base/jread.h"
#include "base/jwrite.h"

#define URL "/v1/operator/keyring"

static struct str text_of(const struct jvalue *object, const char *name)
{
    struct str s = STR_NONE;

    return jread_str(jread_get(object, name), &s) == 0 ? s : STR_NONE;
}

static int64_t number_of(const struct jvalue *value)
{
    int64_t v = 0;

    return jread_i64(value, &v) == 0 ? v : 0;
}

static void print_pool(const struct jvalue *pool, const char *keys)
{
    const struct jvalue *value;
    struct str name, text = STR_NONE;
    bool is_wan = false;
    size_t pos = 0;

    if (jread_bool(jread_get(pool, "WAN"), &is_wan) == 0 && is_wan)
        (void)puts("\nWAN:");
    else
        (void)printf("\n%.*s (LAN):\n", STR_ARG(text_of(pool, "Datacenter")));
    while (jread_next(jread_get(pool, "Messages"), &pos, &name, &value))
        if (jread_str(value, &text) == 0)
            (void)printf("  ===> %.*s: %.*s\n", STR_ARG(name), STR_ARG(text));
    pos = 0;
    while (jread_next(jread_get(pool, keys), &pos, &name, &value))
        (void)printf("  %.*s [%lld/%lld]\n", STR_ARG(name), (long long)number_of(value),
                     (long long)number_of(jread_get(pool, "NumNodes")));
}

static int print_list(struct str body, const char *keys)
{
    struct error err = {0};
    struct jvalue *root = NULL;

    if (jread_parse(body, &root, &err) < 0)
        return cli_command_fail("error: %s", err.text);
    for (size_t i = 0; i < jread_count(root); i++)
        print_pool(jread_at(root, i), keys);
    jread_free(root);
    return 0;
}

static int ask(struct cli *c, const char *method, const char *key, const char *keys)
{
    const struct cli_flag_value *relay = cli_flags_get(&c->flags, "relay-factor");
    struct error err = {0};
    struct cli_reply reply;
    struct buf url = {0}, body = {0}, number = {0};
    struct str json;
    struct jwrite w;
    int status = 0;

    jwrite_init(&w, &body, false);
    jwrite_object(&w);
    jwrite_name(&w, "Key");
    jwrite_z(&w, key ? key : "");
    jwrite_close(&w);
    jwrite_end(&w);
    json = buf_str(&body);
    buf_put_z(&url, URL);
    if (relay->given) {
        buf_put_u64_dec(&number, relay->number);
        cli_http_param(&url, "relay-factor", buf_z(&number));
    }
    if (cli_flags_is_on(&c->flags, "local-only"))
        cli_http_param(&url, "local-only", "true");
    if (cli_http_do(c->http, method, buf_str(&url), key ? &json : NULL, &reply, &err) < 0)
        status = cli_command_fail("error: %s", err.text);
    else if (reply.status != 200)
        status = cli_command_fail_reply("error", &reply, true);
    else if (keys)
        status = print_list(buf_str(&reply.body), keys);
    cli_reply_fini(&reply);
    buf_fini(&url);
    buf_fini(&body);
    buf_fini(&number);
    return status;
}

int cli_keyring(struct cli *c)
{
    static const struct {
        const char *flag, *method, *about;
    } changes[] = {
        {"install", "POST", "Installing new gossip encryption key..."},
        {"use", "PUT", "Changing primary gossip encryption key..."},
        {"remove", "DELETE", "Removing gossip encryption key..."},
    };
    bool list = cli_flags_is_on(&c->flags, "list");
    bool primary = cli_flags_is_on(&c->flags, "list-primary");
    int n = list + primary, chosen = -1;

    for (int i = 0; i < 3; i++) {
        if (cli_flags_text(&c->flags, changes[i].flag)) {
            n++;
            chosen = i;
        }
    }
    if (n > 1)
        return cli_command_fail("Only a single action is allowed");
    if (n == 0)
        return cli_command_fail(
            "One of -install, -use, -remove, -list and -list-primary is needed");
    if (chosen < 0) {
        (void)printf("==> Gathering installed %sencryption keys...\n", primary ? "primary " : "");
        return ask(c, "GET", NULL, primary ? "PrimaryKeys" : "Keys");
    }
    (void)printf("==> %s\n", changes[chosen].about);
    return ask(c, changes[chosen].method, cli_flags_text(&c->flags, changes[chosen].flag), NULL);
}
