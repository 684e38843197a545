/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_cluster.h"

#include <stdio.h>

#include "base/encode.h"

static int put(struct cli *c, const char *path, const char *name, const char *param,
               const char *what)
{
    struct error err = {0};
    struct cli_reply reply;
    struct buf url;
    int exit_status = 1;

    buf_init(&url, 0);
    buf_put_z(&url, path);
    encode_percent(str_z(name), false, &url);
    if (param)
        cli_http_param(&url, param, "1");
    if (cli_http_do(c->http, "PUT", buf_str(&url), &STR_NONE, &reply, &err) < 0)
        (void)cli_command_fail("%s: %s", what, err.text);
    else if (reply.status != 200)
        (void)cli_command_fail_reply(what, &reply, true);
    else
        exit_status = 0;
    cli_reply_fini(&reply);
    buf_fini(&url);
    return exit_status;
}

int cli_cluster_join(struct cli *c)
{
    const char *wan = cli_flags_is_on(&c->flags, "wan") ? "wan" : NULL;
    char what[400];
    int joined = 0;

    if (c->arg_n == 0)
        return cli_command_fail("At least one address to join must be specified.");
    for (int i = 0; i < c->arg_n; i++) {
        snprintf(what, sizeof(what), "Error joining address '%s'", c->args[i]);
        joined += put(c, "/v1/agent/join/", c->args[i], wan, what) == 0;
    }
    if (joined == 0)
        return cli_command_fail("Failed to join any nodes.");
    printf("Successfully joined cluster by contacting %d nodes.\n", joined);
    return 0;
}

int cli_cluster_force_leave(struct cli *c)
{
    const char *prune = cli_flags_is_on(&c->flags, "prune") ? "prune" : NULL;

    if (c->arg_n != 1)
        return cli_command_fail("A single node name must be specified to force leave.");
    return put(c, "/v1/agent/force-leave/", c->args[0], prune, "Error force leaving");
}
