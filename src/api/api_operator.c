/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/api_operator.h"

#include "agent/quorum.h"
#include "state/catalog.h"

struct servers {
    size_t n;
    struct autopilot_peer all[AUTOPILOT_SERVERS_MAX];
};

/* ---- the configuration ---- */

void api_operator_configuration(struct api_call *c, struct agent *agent)
{
    struct servers *s = arena_new(&c->arena, struct servers);

    s->n = quorum_peers(agent, s->all, AUTOPILOT_SERVERS_MAX);
    c->scratch = s;
}

/* The catalog knows the names. */
int api_operator_render(struct api_call *c, struct view *v, uint64_t *ret_index)
{
    const struct servers *s = c->scratch;
    struct jwrite w = api_json(c);

    *ret_index = 1;
    jwrite_object(&w);
    jwrite_name(&w, "Servers");
    jwrite_array(&w);
    for (size_t i = 0; i < s->n; i++) {
        const struct autopilot_peer *p = &s->all[i];
        struct catalog_node node;
        jwrite_object(&w);
        jwrite_name(&w, "ID");
        jwrite_z(&w, p->id);
        jwrite_name(&w, "Node");
        if (catalog_node_by_id(v, str_z(p->id), &node))
            jwrite_str(&w, node.name);
        else
            jwrite_z(&w, "(unknown)"); /* consul's word */
        jwrite_name(&w, "Address");
        jwrite_z(&w, p->address);
        jwrite_name(&w, "Leader");
        jwrite_bool(&w, p->leader);
        jwrite_name(&w, "ProtocolVersion");
        jwrite_z(&w, "3");
        jwrite_name(&w, "Voter");
        jwrite_bool(&w, p->voter);
        jwrite_close(&w);
    }
    jwrite_close(&w);
    jwrite_name(&w, "Index"); /* Consul says 0, always */
    jwrite_i64(&w, 0);
    jwrite_close(&w);
    jwrite_end(&w);
    return 0;
}

/* ---- changes ---- */

bool api_operator_check_peer(struct api_call *c)
{
    bool has_id = param_has(&c->params, "id"), has_address = param_has(&c->params, "address");

    if (!has_id && !has_address)
        return api_fail(c, 400,
                        "Bad request: Must specify either ?id with the server's ID or ?address "
                        "with IP:port of peer to remove");
    if (has_id && has_address)
        return api_fail(c, 400, "Bad request: Must specify only one of ?id or ?address");
    return true;
}

static void on_changed(void *data, int status)
{
    struct api_call *c = data;

    if (status)
        (void)api_fail_code(c, status, NULL);
    else
        api_empty(c, 200);
    ask_answer(&c->work.ask);
}

void api_operator_remove_peer(struct api_call *c, struct agent *agent)
{
    struct servers *s = arena_new(&c->arena, struct servers);
    const char *by = param_has(&c->params, "id") ? "id" : "address";
    struct str wanted = param_get(&c->params, by);
    struct autopilot_change change = {.kind = AUTOPILOT_REMOVE, .why = "by hand"};
    const struct autopilot_peer *found = NULL;

    s->n = quorum_peers(agent, s->all, AUTOPILOT_SERVERS_MAX);
    for (size_t i = 0; i < s->n && !found; i++)
        if (str_eq_z(wanted, by[0] == 'i' ? s->all[i].id : s->all[i].address))
            found = &s->all[i];
    if (!found) {
        (void)api_fail(c, 500, "%s \"%.*s\" was not found in the Raft configuration", by,
                       STR_ARG(wanted));
        return;
    }
    (void)str_copy_z(str_z(found->id), change.id, sizeof change.id);
    c->work.ask.later = true;
    int rc = quorum_change(agent, &change, on_changed, c);
    if (rc)
        on_changed(c, rc);
}

static void on_transferred(void *data, int status)
{
    struct api_call *c = data;

    if (status) {
        (void)api_fail_code(c, status, NULL);
    } else {
        struct jwrite w = api_json(c);
        jwrite_object(&w);
        jwrite_name(&w, "Success");
        jwrite_bool(&w, true);
        jwrite_close(&w);
        jwrite_end(&w);
    }
    ask_answer(&c->work.ask);
}

void api_operator_transfer(struct api_call *c, struct agent *agent)
{
    char id[RAFT_SERVER_NAME_MAX] = "";
    struct str wanted = param_get(&c->params, "id");

    if (wanted.n >= sizeof id) {
        (void)api_fail(c, 400, "Bad request: the id is too long");
        return;
    }
    (void)str_copy_z(wanted, id, sizeof id);
    c->work.ask.later = true;
    int rc = quorum_transfer(agent, id[0] ? id : NULL, on_transferred, c);
    if (rc)
        on_transferred(c, rc);
}
