/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_operator.h"

#include <stdio.h>

#include "base/jread.h"
#include "cli/cli_table.h"

static struct str text_of(const struct jvalue *object, const char *name)
{
    struct str s = STR_NONE;

    return jread_str(jread_get(object, name), &s) == 0 ? s : STR_NONE;
}

static bool is_true(const struct jvalue *object, const char *name)
{
    bool b = false;

    return jread_bool(jread_get(object, name), &b) == 0 && b;
}

static void print_servers(const struct jvalue *servers)
{
    static const char *const head[] = {"Node", "ID", "Address", "State", "Voter", "RaftProtocol"};
    struct cli_table table;

    cli_table_init(&table, 6);
    cli_table_cells(&table, head);
    for (size_t i = 0; i < jread_count(servers); i++) {
        const struct jvalue *s = jread_at(servers, i);
        cli_table_cell(&table, text_of(s, "Node"));
        cli_table_cell(&table, text_of(s, "ID"));
        cli_table_cell(&table, text_of(s, "Address"));
        cli_table_cell(&table, is_true(s, "Leader") ? STR_LIT("leader") : STR_LIT("follower"));
        cli_table_cell(&table, is_true(s, "Voter") ? STR_LIT("true") : STR_LIT("false"));
        cli_table_cell(&table, text_of(s, "ProtocolVersion"));
    }
    cli_table_print(&table, 2, false, stdout);
    cli_table_fini(&table);
}

int cli_operator_list_peers(struct cli *c)
{
    static const char WHAT[] = "Error getting peers: Failed to retrieve raft configuration";
    struct error err = {0};
    struct cli_reply reply;
    struct jvalue *root = NULL;
    struct buf url = {0};
    int exit_status = 1;

    buf_put_z(&url, "/v1/operator/raft/configuration");
    int status = cli_command_get(c, WHAT, &url, &reply);
    buf_fini(&url);
    if (status < 0)
        return 1;
    if (reply.status != 200) {
        (void)cli_command_fail_reply(WHAT, &reply, true);
    } else if (jread_parse(buf_str(&reply.body), &root, &err) < 0) {
        (void)cli_command_fail("%s: the answer cannot be read: %s", WHAT, err.text);
    } else {
        print_servers(jread_get(root, "Servers"));
        exit_status = 0;
    }
    jread_free(root);
    cli_reply_fini(&reply);
    return exit_status;
}

/* Sends it, and prints `done` when the answer is 200. */
static int change(struct cli *c, const char *what, const char *method, struct buf *url,
                  struct str done)
{
    struct error err = {0};
    struct cli_reply reply;
    int exit_status = 1;

    cli_command_params(c, url);
    int status = cli_http_do(c->http, method, buf_str(url), NULL, &reply, &err);
    buf_fini(url);
    if (status < 0)
        return cli_command_fail("%s: %s", what, err.text);
    if (reply.status != 200) {
        (void)cli_command_fail_reply(what, &reply, true);
    } else {
        cli_command_out(done);
        exit_status = 0;
    }
    cli_reply_fini(&reply);
    return exit_status;
}

int cli_operator_remove_peer(struct cli *c)
{
    const char *id = cli_flags_text(&c->flags, "id"),
               *address = cli_flags_text(&c->flags, "address");
    struct buf url = {0}, done = {0};

    if (!id == !address)
        return cli_command_fail("Error removing peer: %s",
                                id ? "cannot remove by both id and address"
                                   : "an address or id is required for the peer to remove");
    buf_put_z(&url, "/v1/operator/raft/peer");
    cli_http_param(&url, id ? "id" : "address", id ? id : address);
    buf_putf(&done, "Removed peer with %s \"%s\"\n", id ? "id" : "address", id ? id : address);
    int status = change(c, "Error removing peer", "DELETE", &url, buf_str(&done));
    buf_fini(&done);
    return status;
}

int cli_operator_transfer(struct cli *c)
{
    const char *id = cli_flags_text(&c->flags, "id");
    struct buf url = {0};

    buf_put_z(&url, "/v1/operator/raft/transfer-leader");
    if (id)
        cli_http_param(&url, "id", id);
    return change(c, "Error transfering leadership", "POST", &url, STR_LIT("Success\n"));
}
