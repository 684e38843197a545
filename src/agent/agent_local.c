/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The agent's own services and checks, joined with the rest: their files, the runners of checks,
 * and the way to the catalog, which on a server is its own state and log.
 */
#include "agent/agent_state.h"
#include "agent/local_disk.h"
#include "agent/ship_write.h"
#include "agent/watchers.h"
#include "base/mem.h"
#include "check/runner.h"
#include "state/inventory.h"

struct local *agent_local(struct agent *a)
{
    return a->local;
}

/* ---- the way to the catalog: of a server ---- */

static struct str on_node_token(void *data)
{
    struct agent *a = data;
    return str_z(a->tokens.agent[0] ? a->tokens.agent : a->tokens.user);
}

static void on_submit(void *data, struct str token, struct consensus_submit *s)
{
    struct agent *a = data;
    s->status = agent_may_write(a, token, s->command);
    if (s->status)
        s->done(s);
    else
        consensus_submit(a->consensus, s);
}

static void on_fetch(void *data, struct local_fetch *f)
{
    struct agent *a = data;
    f->status = published_get(&a->published, PUBLISHED_KNOWS_LEADER) ? 0 : ERR_NO_LEADER;
    if (f->status == 0) {
        struct view v = {.store = store_view_begin(a->reader)};
        inventory_write(&v, str_z(a->config->node_name), &f->bytes);
        store_view_end(v.store);
    }
    f->done(f);
}

/* ---- of a client: the same, on a server ---- */

int agent_local_inventory(struct agent *a, struct str request, struct buf *out)
{
    struct unpack u = unpack_make(request);
    bool fits = unpack_array(&u) == 2;
    struct str token = unpack_str(&u), node = unpack_str(&u);
    if (!fits || u.bad)
        return ERR_CORRUPT;
    struct view v = agent_view_begin(a, token);
    int rc = v.acl_status;
    if (!rc)
        inventory_write(&v, node, out);
    agent_view_end(&v);
    return rc;
}

struct shipped {
    struct ship ship;
    struct agent *agent;
    struct consensus_submit *submit;
    struct local_fetch *fetch;
};

static struct shipped *shipped_new(struct agent *a, enum ship_kind kind,
                                   void (*done)(struct ship *s))
{
    struct shipped *x = mem_new(struct shipped);
    x->agent = a;
    x->ship.kind = kind;
    x->ship.done = done;
    buf_init(&x->ship.body, SHIP_BODY_SIZE_MAX);
    return x;
}

static void on_submit_shipped(struct ship *s)
{
    struct shipped *x = LIST_ITEM(s, struct shipped, ship);
    struct consensus_submit *submit = x->submit;
    struct result result;
    result_init(&result);
    submit->status = ship_write_take(s, &submit->index, &result);
    submit->result = submit->status ? NULL : &result;
    submit->done(submit);
    result_fini(&result);
    ship_fini(s);
    mem_free(x);
}

static void on_client_submit(void *data, struct str token, struct consensus_submit *submit)
{
    struct agent *a = data;
    struct shipped *x = shipped_new(a, SHIP_WRITE, on_submit_shipped);
    x->submit = submit;
    x->ship.target = SHIP_TO_ANY;
    ship_write_encode(tokens_to_ship(&a->tokens, token), submit->command, &x->ship.body);
    ship_submit_core(a, &x->ship);
}

static void on_fetch_shipped(struct ship *s)
{
    struct shipped *x = LIST_ITEM(s, struct shipped, ship);
    struct local_fetch *f = x->fetch;
    f->status = s->status;
    if (s->status == 0)
        buf_put_str(&f->bytes, buf_str(&s->answer));
    f->done(f);
    ship_fini(s);
    mem_free(x);
}

static void on_client_fetch(void *data, struct local_fetch *f)
{
    struct agent *a = data;
    struct shipped *x = shipped_new(a, SHIP_INVENTORY, on_fetch_shipped);
    struct str token = tokens_to_ship(&a->tokens, on_node_token(a));
    x->fetch = f;
    x->ship.target = SHIP_TO_LEADER;
    x->ship.may_repeat = true;
    pack_array(&x->ship.body, 2);
    pack_str(&x->ship.body, token);
    pack_str(&x->ship.body, str_z(a->config->node_name));
    ship_submit_core(a, &x->ship);
}

static int on_may(void *data, struct str token, bool is_service, struct str name)
{
    struct agent *a = data;
    if (!a->config->acl_enabled)
        return 0;
    struct view v = agent_view_begin(a, token);
    int rc = v.acl_status;
    if (!rc && !policy_permits(&v, is_service ? ACL_SERVICE : ACL_NODE, name, ACL_WRITE))
        rc = ERR_DENIED;
    agent_view_end(&v);
    return rc;
}

static void count_one(void *data, const struct agent_member *m)
{
    (void)m;
    ++*(size_t *)data;
}

static size_t on_members(void *data)
{
    size_t n = 0;
    agent_each_member(data, count_one, &n);
    return n;
}

static bool on_node_checks(void *data, struct str node,
                           bool (*each)(void *each_data, const struct health_check *c),
                           void *each_data)
{
    struct agent *a = data;
    uint64_t index;
    struct view v = {.store = store_view_begin(a->reader)};
    health_node_checks(&v, node, each, each_data, &index);
    store_view_end(v.store);
    return true;
}

/* ---- life ---- */

static void on_written(void *data, uint64_t ticket)
{
    struct agent *a = data;
    if (a->local)
        local_written(a->local, ticket);
}

int agent_local_open(struct agent *a, void *uv_loop, struct error *err)
{
    int rc = local_disk_open(a->dir.path, uv_loop, on_written, a, &a->disk, err);
    if (!rc)
        rc = runner_open(uv_loop, a->timers, clock_now, &a->runner, err);
    if (rc)
        return rc;
    bool is_server = a->config->server;
    struct local_config conf = {
        .config = a->config,
        .node_id = a->node_id,
        .timers = a->timers,
        .rng = &a->rng,
        .clock = clock_now,
        .runner = runner_interface(a->runner),
        .remote = {.data = a,
                   .submit = is_server ? on_submit : on_client_submit,
                   .fetch = is_server ? on_fetch : on_client_fetch,
                   .node_token = on_node_token,
                   .may = on_may,
                   .members = on_members,
                   .node_checks = is_server ? on_node_checks : NULL},
        .disk = local_disk_interface(a->disk),
    };
    a->local = local_new(&conf);
    a->watchers = watchers_open(uv_loop, a->timers);
    return 0;
}

void agent_local_load(struct agent *a)
{
    local_reload(a->local, a->config);
    local_persist_load(a->local, a->dir.path);
    watchers_reload(a->watchers, a->config);
}

struct closing {
    struct agent *agent;
    void (*cb)(void *data);
    void *data;
};

static void on_runner_closed(void *data)
{
    struct closing c = *(struct closing *)data;
    mem_free(data);
    c.agent->runner = NULL;
    c.cb(c.data);
}

static void on_disk_closed(void *data)
{
    struct closing *c = data;
    c->agent->disk = NULL;
    if (c->agent->runner)
        runner_close(c->agent->runner, on_runner_closed, c);
    else
        on_runner_closed(c);
}

static void on_watchers_closed(void *data)
{
    struct closing *c = data;
    struct agent *a = c->agent;
    a->watchers = NULL;
    if (a->disk)
        local_disk_close(a->disk, on_disk_closed, c);
    else
        on_disk_closed(c);
}

void agent_local_close(struct agent *a, void (*cb)(void *data), void *data)
{
    struct closing *c = mem_new(struct closing);
    *c = (struct closing){a, cb, data};
    local_close(a->local);
    watchers_close(a->watchers, on_watchers_closed, c);
}
