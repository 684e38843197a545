/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_event.h"

#include <stdio.h>

#include "base/encode.h"
#include "base/jread.h"

static int print_id(struct str body)
{
    struct jvalue *root = NULL;
    struct str id = STR_NONE;
    struct error err;
    int exit_status = 0;

    if (jread_parse(body, &root, &err) || jread_type(root) != JREAD_OBJECT ||
        jread_str(jread_get(root, "ID"), &id))
        exit_status = cli_command_fail("Error firing event: the answer cannot be read");
    else
        (void)printf("Event ID: %.*s\n", STR_ARG(id));
    jread_free(root);
    return exit_status;
}

int cli_event(struct cli *c)
{
    static const char *const filters[] = {"node", "service", "tag"};
    const char *name = cli_flags_text(&c->flags, "name");
    struct cli_reply reply;
    struct error err;
    struct buf url;
    struct str payload;
    int exit_status;

    if (!name || name[0] == '\0')
        return cli_command_fail("Event name must be specified");
    if (c->arg_n > 1)
        return cli_command_fail("Too many command line arguments.");
    payload = c->arg_n ? str_z(c->args[0]) : STR_NONE;
    buf_init(&url, 0);
    buf_put_z(&url, "/v1/event/fire/");
    encode_percent(str_z(name), false, &url);
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        if (cli_flags_text(&c->flags, filters[i]))
            cli_http_param(&url, filters[i], cli_flags_text(&c->flags, filters[i]));
    if (cli_http_do(c->http, "PUT", buf_str(&url), payload.n ? &payload : NULL, &reply, &err) < 0)
        exit_status = cli_command_fail("Error firing event: %s", err.text);
    else if (reply.status != 200)
        exit_status = cli_command_fail_reply("Error firing event", &reply, true);
    else
        exit_status = print_id(buf_str(&reply.body));
    cli_reply_fini(&reply);
    buf_fini(&url);
    return exit_status;
}
