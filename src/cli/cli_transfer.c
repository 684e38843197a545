/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_transfer.h"

#include <stdio.h>

#include "base/encode.h"
#include "base/jwrite.h"
#include "cli/cli_kv.h"

static void export_entry(const struct jvalue *v, bool is_first);
static int import_entry(struct cli *c, const struct jvalue *v);

int cli_transfer_export(struct cli *c)
{
    struct cli_kv_answer answer;
    struct buf url;
    struct str prefix;

    if (cli_kv_key(c, true, 1, &prefix) < 0)
        return 1;
    cli_kv_url(&url, prefix);
    cli_http_param(&url, "recurse", NULL);
    int exit_status = cli_kv_fetch(c, &url, &answer);
    for (size_t i = 0; i < jread_count(answer.root); i++)
        export_entry(jread_at(answer.root, i), i == 0);
    if (exit_status == 0)
        (void)puts(jread_count(answer.root) > 0 ? "\n]" : "[]");
    cli_kv_answer_fini(&answer);
    return exit_status;
}

/* Indented with tabs, as Consul writes it. A key that is not UTF-8 has its bytes in key_b64, since
 * JSON cannot hold them (Ours). */
static void export_entry(const struct jvalue *v, bool is_first)
{
    struct str key = STR_NONE, exact = STR_NONE, value = STR_NONE;
    uint64_t flags = 0;
    struct jwrite w;
    struct buf out;

    if (jread_str(jread_get(v, "Key"), &key) < 0 || jread_str(jread_get(v, "KeyB64"), &exact) < 0 ||
        jread_u64(jread_get(v, "Flags"), &flags) < 0 ||
        jread_str(jread_get(v, "Value"), &value) < 0)
        return;
    buf_init(&out, 0);
    buf_put_z(&out, is_first ? "[\n\t{\n\t\t\"key\": " : ",\n\t{\n\t\t\"key\": ");
    jwrite_init(&w, &out, false);
    jwrite_str(&w, key);
    if (exact.n > 0)
        buf_putf(&out, ",\n\t\t\"key_b64\": \"%.*s\"", STR_ARG(exact));
    buf_putf(&out, ",\n\t\t\"flags\": %llu,\n\t\t\"value\": \"%.*s\"\n\t}",
             (unsigned long long)flags, STR_ARG(value));
    cli_command_out(buf_str(&out));
    buf_fini(&out);
}

int cli_transfer_import(struct cli *c)
{
    struct error err = {0};
    struct jvalue *root = NULL;
    struct buf text;
    int exit_status = 1;

    if (c->arg_n < 1)
        return cli_command_fail("Error! Missing DATA argument");
    if (c->arg_n > 1)
        return cli_command_fail("Error! Too many arguments (expected 1, got %d)", c->arg_n);
    buf_init(&text, 0);
    if (cli_command_data(c->args[0], &text, &err) < 0) {
        (void)cli_command_fail("Error! %s", err.text);
    } else if (jread_parse(buf_str(&text), &root, &err) < 0) {
        (void)cli_command_fail("Cannot unmarshal data: %s", err.text);
    } else if (jread_type(root) != JREAD_ARRAY) {
        (void)cli_command_fail(
            "Cannot unmarshal data: a list is expected, as `kv export` writes it");
    } else {
        exit_status = 0;
        for (size_t i = 0; i < jread_count(root) && exit_status == 0; i++)
            exit_status = import_entry(c, jread_at(root, i));
    }
    jread_free(root);
    buf_fini(&text);
    return exit_status;
}

static int import_entry(struct cli *c, const struct jvalue *v)
{
    struct str key = STR_NONE, exact = STR_NONE, value = STR_NONE;
    struct error err = {0};
    struct cli_reply reply;
    struct buf url, bytes, name;
    uint64_t flags = 0;
    char number[32];
    int exit_status = 1;

    if (jread_str(jread_get(v, "key"), &key) < 0 ||
        jread_str(jread_get(v, "key_b64"), &exact) < 0 ||
        jread_u64(jread_get(v, "flags"), &flags) < 0 ||
        jread_str(jread_get(v, "value"), &value) < 0)
        return cli_command_fail(
            "Cannot unmarshal data: key and value must be texts, flags a number");
    buf_init(&bytes, 0);
    buf_init(&name, 0);
    if (encode_base64_parse(value, &bytes) < 0 || encode_base64_parse(exact, &name) < 0) {
        buf_fini(&bytes);
        buf_fini(&name);
        return cli_command_fail("Error base 64 decoding value for key %.*s", STR_ARG(key));
    }
    cli_kv_url(&url, name.n > 0 ? buf_str(&name) : key);
    cli_command_params(c, &url);
    if (flags > 0) {
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)flags);
        cli_http_param(&url, "flags", number);
    }
    struct str body = buf_str(&bytes);
    if (cli_http_do(c->http, "PUT", buf_str(&url), &body, &reply, &err) < 0) {
        (void)cli_command_fail("Error! Failed writing data for key %.*s: %s", STR_ARG(key),
                               err.text);
    } else if (reply.status != 200) {
        (void)cli_command_fail_reply("Error! Failed writing data", &reply, true);
    } else {
        (void)printf("Imported: ");
        cli_command_out(key);
        (void)putchar('\n');
        exit_status = 0;
    }
    cli_reply_fini(&reply);
    buf_fini(&url);
    buf_fini(&bytes);
    buf_fini(&name);
    return exit_status;
}
