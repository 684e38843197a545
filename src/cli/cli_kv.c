/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_kv.h"

#include <stdio.h>

#include "base/encode.h"
#include "base/jread.h"

/* One key of the agent's answer. Texts are borrowed from the document, value is owned. */
struct entry {
    struct str key, session;
    uint64_t flags, create_index, modify_index, lock_index;
    struct buf value;
};

static int entry_parse(const struct jvalue *v, struct entry *ret);

static const char QUERYING[] = "Error querying Consul agent";

/* ---- get ---- */

static int get_keys(struct cli *c, struct str prefix);
static int get_recurse(struct cli *c, struct str prefix);
static void entry_print_detailed(const struct cli *c, const struct entry *e);
static void entry_print_value(const struct cli *c, const struct entry *e);

int cli_kv_get(struct cli *c)
{
    bool keys = cli_flags_is_on(&c->flags, "keys"), recurse = cli_flags_is_on(&c->flags, "recurse");
    struct cli_kv_answer answer;
    struct entry e;
    struct str key;

    if (cli_kv_key(c, keys || recurse, 1, &key) < 0)
        return 1;
    if (keys)
        return get_keys(c, key);
    if (recurse)
        return get_recurse(c, key);

    struct buf url;
    cli_kv_url(&url, key);
    int exit_status = cli_kv_fetch(c, &url, &answer);
    if (answer.is_missing)
        exit_status = cli_command_fail("Error! No key exists at: %.*s", STR_ARG(key));
    if (answer.root && entry_parse(jread_at(answer.root, 0), &e) == 0) {
        if (cli_flags_is_on(&c->flags, "detailed")) {
            entry_print_detailed(c, &e);
        } else {
            entry_print_value(c, &e);
            (void)putchar('\n');
        }
        buf_fini(&e.value);
    }
    cli_kv_answer_fini(&answer);
    return exit_status;
}

static int get_keys(struct cli *c, struct str prefix)
{
    const char *separator = cli_flags_text(&c->flags, "separator");
    struct cli_kv_answer answer;
    struct buf url;

    cli_kv_url(&url, prefix);
    cli_http_param(&url, "keys", NULL);
    cli_http_param(&url, "separator", separator ? separator : "/");
    int exit_status = cli_kv_fetch(c, &url, &answer);
    for (size_t i = 0; i < jread_count(answer.root); i++) {
        struct str key = STR_NONE;
        if (jread_str(jread_at(answer.root, i), &key) < 0)
            continue;
        cli_command_out(key);
        (void)putchar('\n');
    }
    cli_kv_answer_fini(&answer);
    return exit_status;
}

static int get_recurse(struct cli *c, struct str prefix)
{
    bool detailed = cli_flags_is_on(&c->flags, "detailed");
    struct cli_kv_answer answer;
    struct buf url;

    cli_kv_url(&url, prefix);
    cli_http_param(&url, "recurse", NULL);
    int exit_status = cli_kv_fetch(c, &url, &answer);
    for (size_t i = 0; i < jread_count(answer.root); i++) {
        struct entry e;
        if (entry_parse(jread_at(answer.root, i), &e) < 0)
            continue;
        if (detailed) {
            if (i > 0)
                (void)putchar('\n');
            entry_print_detailed(c, &e);
        } else {
            cli_command_out(e.key);
            (void)putchar(':');
            entry_print_value(c, &e);
            (void)putchar('\n');
        }
        buf_fini(&e.value);
    }
    cli_kv_answer_fini(&answer);
    return exit_status;
}

static void entry_print_detailed(const struct cli *c, const struct entry *e)
{
    (void)printf("CreateIndex      %llu\nFlags            %llu\nKey              ",
                 (unsigned long long)e->create_index, (unsigned long long)e->flags);
    cli_command_out(e->key);
    (void)printf("\nLockIndex        %llu\nModifyIndex      %llu\nSession          ",
                 (unsigned long long)e->lock_index, (unsigned long long)e->modify_index);
    cli_command_out(e->session.n ? e->session : STR_LIT("-"));
    (void)printf("\nValue            ");
    entry_print_value(c, e);
    (void)putchar('\n');
}

static void entry_print_value(const struct cli *c, const struct entry *e)
{
    struct buf text;

    if (!cli_flags_is_on(&c->flags, "base64")) {
        cli_command_out(buf_str(&e->value));
        return;
    }
    buf_init(&text, 0);
    encode_base64(buf_str(&e->value), &text);
    cli_command_out(buf_str(&text));
    buf_fini(&text);
}

/* ---- put ---- */

static int put_value(struct cli *c, struct buf *ret);
static int put_outcome(struct cli *c, struct str key, bool done);

int cli_kv_put(struct cli *c)
{
    const struct cli_flag_value *flags = cli_flags_get(&c->flags, "flags"),
                                *index = cli_flags_get(&c->flags, "modify-index");
    bool acquire = cli_flags_is_on(&c->flags, "acquire"),
         release = cli_flags_is_on(&c->flags, "release");
    const char *session = cli_flags_text(&c->flags, "session");
    struct error err = {0};
    struct cli_reply reply;
    struct buf url, value;
    char number[32];
    struct str key;

    if (cli_kv_key(c, false, 2, &key) < 0)
        return 1;
    if ((acquire || release) && (!session || !*session))
        return cli_command_fail("Error! Missing -session (required with -acquire and -release)");
    if (put_value(c, &value) < 0)
        return 1;

    cli_kv_url(&url, key);
    cli_command_params(c, &url);
    if (flags->number > 0) {
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)flags->number);
        cli_http_param(&url, "flags", number);
    }
    if (cli_flags_is_on(&c->flags, "cas")) {
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)index->number);
        cli_http_param(&url, "cas", number);
    }
    if (acquire || release)
        cli_http_param(&url, acquire ? "acquire" : "release", session);
    struct str body = buf_str(&value);
    int exit_status = 1;
    if (cli_http_do(c->http, "PUT", buf_str(&url), &body, &reply, &err) < 0)
        (void)cli_command_fail("Error! Failed writing data: %s", err.text);
    else if (reply.status != 200)
        (void)cli_command_fail_reply("Error! Failed writing data", &reply, true);
    else
        exit_status =
            put_outcome(c, key, str_search(buf_str(&reply.body), STR_LIT("true")) < reply.body.n);
    cli_reply_fini(&reply);
    buf_fini(&url);
    buf_fini(&value);
    return exit_status;
}

static int put_value(struct cli *c, struct buf *ret)
{
    struct error err = {0};
    struct buf text;

    buf_init(ret, 0);
    if (c->arg_n < 2)
        return 0;
    int status = cli_command_data(c->args[1], ret, &err);
    if (status < 0) {
        (void)cli_command_fail("Error! %s", err.text);
    } else if (cli_flags_is_on(&c->flags, "base64")) {
        text = *ret;
        buf_init(ret, 0);
        status = encode_base64_parse(str_trim(buf_str(&text)), ret);
        if (status < 0)
            (void)cli_command_fail("Error! Cannot base 64 decode data: illegal base64 data");
        buf_fini(&text);
    }
    if (status < 0)
        buf_fini(ret);
    return status;
}

static int put_outcome(struct cli *c, struct str key, bool done)
{
    if (cli_flags_is_on(&c->flags, "cas") && !done) {
        if (cli_flags_get(&c->flags, "modify-index")->number == 0)
            return cli_command_fail("Error! Did not write to %.*s: CAS performed with index=0 and "
                                    "key already exists.",
                                    STR_ARG(key));
        return cli_command_fail("Error! Did not write to %.*s: CAS failed", STR_ARG(key));
    }
    if (cli_flags_is_on(&c->flags, "acquire")) {
        if (!done)
            return cli_command_fail("Error! Did not acquire lock on: %.*s", STR_ARG(key));
        (void)printf("Success! Lock acquired on: ");
    } else if (cli_flags_is_on(&c->flags, "release")) {
        if (!done)
            return cli_command_fail("Error! Did not release lock on: %.*s", STR_ARG(key));
        (void)printf("Success! Lock released on: ");
    } else {
        if (!done)
            return cli_command_fail("Error! Did not write to %.*s", STR_ARG(key));
        (void)printf("Success! Data written to: ");
    }
    cli_command_out(key);
    (void)putchar('\n');
    return 0;
}

/* ---- delete ---- */

int cli_kv_delete(struct cli *c)
{
    bool cas = cli_flags_is_on(&c->flags, "cas"), recurse = cli_flags_is_on(&c->flags, "recurse");
    uint64_t index = cli_flags_get(&c->flags, "modify-index")->number;
    struct error err = {0};
    struct cli_reply reply;
    struct buf url;
    struct str key;
    char text[64];

    if (cli_kv_key(c, recurse, 1, &key) < 0)
        return 1;
    if (recurse && cas)
        return cli_command_fail("Cannot specify both -cas and -recurse!");
    if (cas && index == 0)
        return cli_command_fail("Cannot delete a key that does not exist. Provide a -modify-index "
                                "greater than than 0.");
    if (index > 0 && !cas)
        return cli_command_fail("Cannot specify -modify-index without -cas!");

    cli_kv_url(&url, key);
    cli_command_params(c, &url);
    if (recurse)
        cli_http_param(&url, "recurse", NULL);
    if (cas) {
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)index);
        cli_http_param(&url, "cas", text);
    }
    int exit_status = 1;
    (void)snprintf(text, sizeof(text), "Error! Failed deleting %s", recurse ? "prefix" : "key");
    if (cli_http_do(c->http, "DELETE", buf_str(&url), NULL, &reply, &err) < 0) {
        (void)cli_command_fail("%s %.*s: %s", text, STR_ARG(key), err.text);
    } else if (reply.status != 200) {
        (void)cli_command_fail_reply(text, &reply, true);
    } else if (str_search(buf_str(&reply.body), STR_LIT("true")) == reply.body.n) {
        (void)cli_command_fail("Error! Did not delete key %.*s: CAS failed", STR_ARG(key));
    } else {
        (void)printf(recurse ? "Success! Deleted keys with prefix: " : "Success! Deleted key: ");
        cli_command_out(key);
        (void)putchar('\n');
        exit_status = 0;
    }
    cli_reply_fini(&reply);
    buf_fini(&url);
    return exit_status;
}

/* ---- shared ---- */

int cli_kv_key(struct cli *c, bool may_be_empty, int arg_max, struct str *ret)
{
    struct str key = c->arg_n > 0 ? str_z(c->args[0]) : STR_NONE;

    if (c->arg_n > arg_max) {
        (void)cli_command_fail(arg_max == 1 ? "Error! Too many arguments (expected 1, got %d)"
                                            : "Error! Too many arguments (expected 1 or 2, got %d)",
                               c->arg_n);
        return ERR_INVALID;
    }
    if (key.n > 0 && key.p[0] == '/')
        key = str_drop(key, 1);
    if (key.n == 0 && !may_be_empty) {
        (void)cli_command_fail("Error! Missing KEY argument");
        return ERR_INVALID;
    }
    *ret = key;
    return 0;
}

void cli_kv_url(struct buf *url, struct str key)
{
    buf_init(url, 0);
    buf_put_z(url, "/v1/kv/");
    encode_percent(key, true, url);
}

int cli_kv_fetch(struct cli *c, struct buf *url, struct cli_kv_answer *ret)
{
    struct error err = {0};

    *ret = (struct cli_kv_answer){0};
    int status = cli_command_get(c, QUERYING, url, &ret->reply);
    buf_fini(url);
    if (status < 0)
        return 1;
    if (ret->reply.status == 404) {
        ret->is_missing = true;
        return 0;
    }
    if (ret->reply.status != 200)
        return cli_command_fail_reply(QUERYING, &ret->reply, false);
    if (cli_command_wants_json(c)) {
        cli_command_out(buf_str(&ret->reply.body));
        return 0;
    }
    if (jread_parse(buf_str(&ret->reply.body), &ret->root, &err) < 0)
        return cli_command_fail("%s: the answer cannot be read: %s", QUERYING, err.text);
    return 0;
}

void cli_kv_answer_fini(struct cli_kv_answer *a)
{
    jread_free(a->root);
    cli_reply_fini(&a->reply);
    *a = (struct cli_kv_answer){0};
}

static int entry_parse(const struct jvalue *v, struct entry *ret)
{
    struct str value = STR_NONE;
    struct entry e = {0};

    buf_init(&e.value, 0);
    if (jread_str(jread_get(v, "Key"), &e.key) < 0 ||
        jread_str(jread_get(v, "Value"), &value) < 0 ||
        jread_str(jread_get(v, "Session"), &e.session) < 0 ||
        jread_u64(jread_get(v, "Flags"), &e.flags) < 0 ||
        jread_u64(jread_get(v, "CreateIndex"), &e.create_index) < 0 ||
        jread_u64(jread_get(v, "ModifyIndex"), &e.modify_index) < 0 ||
        jread_u64(jread_get(v, "LockIndex"), &e.lock_index) < 0 ||
        encode_base64_parse(value, &e.value) < 0) {
        buf_fini(&e.value);
        (void)cli_command_fail("%s: the answer cannot be read", QUERYING);
        return ERR_INVALID;
    }
    *ret = e;
    return 0;
}
