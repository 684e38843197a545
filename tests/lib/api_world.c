/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/api_world.h"

#include <stdlib.h>

#include "agent/agent.h"
#include "agent/monitor.h"
#include "agent/replica.h"
#include "agent/shown.h"

/* The core's functions that endpoints come upon; the linker takes these and not the agent's. */

static struct api_world *the_world;

struct consensus *agent_consensus(struct agent *a)
{
    (void)a;
    return NULL;
}

int agent_may_write(struct agent *a, struct str token, struct str command)
{
    (void)a;
    (void)token;
    (void)command;
    return 0;
}

bool agent_refuses_txn(struct agent *a, struct str token, struct str command, struct buf *ret_body)
{
    (void)a;
    (void)token;
    (void)command;
    (void)ret_body;
    return false;
}

void agent_filter_result(struct agent *a, struct str token, struct str command, struct buf *body)
{
    (void)a;
    (void)token;
    (void)command;
    (void)body;
}

/* No copy of the state. */
struct replica *agent_replica(struct agent *a)
{
    (void)a;
    return NULL;
}

void replica_hold(struct replica *r, struct replica_wait *w, uint64_t index)
{
    (void)r;
    (void)index;
    w->go(w);
}

/* No mount: nobody waits for it. */
struct shown *agent_shown(struct agent *a)
{
    static struct shown off;

    (void)a;
    return &off;
}

bool agent_delays_lock(struct agent *a, struct str command, struct buf *ret_body)
{
    (void)a;
    (void)command;
    (void)ret_body;
    return false;
}

void consensus_submit(struct consensus *c, struct consensus_submit *s)
{
    struct world *w = &the_world->world;

    (void)c;
    change_clear(&w->changes);
    w->index++;
    ASSERT(state_apply(w->state, w->index, s->command, &w->changes, &w->result) == 0);
    s->status = 0;
    s->index = w->index;
    s->result = &w->result;
    watch_fire(the_world->env.watches, &w->changes);
    s->done(s);
}

void consensus_read(struct consensus *c, struct consensus_read *r)
{
    (void)c;
    r->status = 0;
    r->index = the_world->world.index;
    r->done(r);
}

const char *consensus_leader_address(const struct consensus *c)
{
    (void)c;
    return "127.0.0.1:8300";
}

void consensus_servers(const struct consensus *c,
                       void (*each)(void *data, const char *id, const char *address, bool voter),
                       void *data)
{
    (void)c;
    each(data, "id", "127.0.0.1:8300", true);
}

/* Endpoints of the agent itself find one without facts. */
bool agent_renew_session(struct agent *a, struct str id)
{
    (void)a;
    return id.n > 0;
}

int agent_ask_reload(struct agent *a, struct error *err)
{
    (void)a;
    return error_set(err, ERR_INVALID, "there is nothing to read again");
}

void agent_ask_stop(struct agent *a)
{
    (void)a;
}

void agent_each_datacenter(struct agent *a, void (*each)(void *data, const char *name), void *data)
{
    (void)a;
    each(data, "dc1");
}

void agent_each_member(struct agent *a, void (*each)(void *data, const struct agent_member *m),
                       void *data)
{
    (void)a;
    (void)each;
    (void)data;
}

void agent_each_wan_member(struct agent *a, void (*each)(void *data, const struct agent_member *m),
                           void *data)
{
    agent_each_member(a, each, data);
}

void agent_render_self(struct agent *a, struct jwrite *w)
{
    (void)a;
    jwrite_null(w);
}

void agent_render_metrics(struct agent *a, struct jwrite *w)
{
    agent_render_self(a, w);
}

struct monitor *agent_monitor(struct agent *a)
{
    (void)a;
    return NULL;
}

void monitor_add(struct monitor *m, struct monitor_subscriber *s)
{
    (void)m;
    (void)s;
}

void monitor_remove(struct monitor *m, struct monitor_subscriber *s)
{
    monitor_add(m, s);
}

static void wake(void *data)
{
    (void)data;
}

void api_world_open(struct api_world *w)
{
    *w = (struct api_world){0};
    world_open(&w->world);
    w->config = config_new();
    if (!w->config->datacenter)
        w->config->datacenter = mem_dup_z("dc1");
    if (!w->config->node_name)
        w->config->node_name = mem_dup_z("node1");
    timers_init(&w->timers);
    rng_init(&w->rng, 1);
    published_set(&w->published, PUBLISHED_IS_LEADER, 1);
    published_set(&w->published, PUBLISHED_KNOWS_LEADER, 1);
    w->env = (struct env){
        .config = w->config,
        .reader = w->world.reader,
        .published = &w->published,
        .core = mailbox_new(wake, NULL),
        .self = mailbox_new(wake, NULL),
        .timers = &w->timers,
        .watches = watch_index_new(1),
        .rng = &w->rng,
        .now = {DURATION_S(1000).ns},
    };
    list_init(&w->env.reads);
    the_world = w;
}

static void drop_call(struct api_world *w)
{
    if (w->call && api_is_parked(w->call))
        api_cancel(w->call);
    api_call_free(w->call);
    w->call = NULL;
}

void api_world_close(struct api_world *w)
{
    drop_call(w);
    watch_index_free(w->env.watches);
    mailbox_free(w->env.core);
    mailbox_free(w->env.self);
    timers_fini(&w->timers);
    config_free(w->config);
    world_close(&w->world);
    the_world = NULL;
}

static void on_done(struct api_call *c)
{
    (void)c;
    the_world->done_n++;
}

static enum api_method method_of(const char *text)
{
    static const char *const names[] = {"GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i]) == 0)
            return (enum api_method)(1 << i);
    return API_OTHER;
}

static bool stream_push(struct api_call *c, struct str bytes)
{
    buf_put_str(&c->reply.body, bytes);
    return true;
}

static void stream_end(struct api_call *c)
{
    (void)c;
}

struct api_call *api_world_ask(struct api_world *w, const char *method, struct str target,
                               struct str body)
{
    static const struct api_stream_door door = {stream_push, stream_end};
    struct api_call *c;
    /* Of its own, and gone when the call has started: what is kept must have been copied. */
    char *text = mem_dup(target.p, target.n);
    struct str query = str_make(text, target.n);
    bool is_done;

    drop_call(w);
    c = w->call = api_call_new(&w->env);
    c->request.method = method_of(method);
    c->request.method_text = str_z(method);
    c->request.path = str_split(&query, '?');
    c->request.query = query;
    c->request.body = body;
    c->request.has_body_length = true;
    c->request.is_unix = true;
    c->stream_door = &door;
    c->done = on_done;
    is_done = api_start(c);
    mem_free(text);
    while (!is_done && !api_is_parked(c)) {
        int before = w->done_n;

        if (mailbox_drain(w->env.core) + mailbox_drain(w->env.self) == 0)
            break;
        is_done = w->done_n != before;
    }
    if (is_done && c->reply.is_stream) {
        c->stream_closed(c);
        while (mailbox_drain(w->env.core) + mailbox_drain(w->env.self) > 0)
            ;
    }
    return c;
}

void api_world_pass(struct api_world *w, struct duration later)
{
    w->env.now = instant_add(w->env.now, later);
    timers_expire(&w->timers, w->env.now);
}

struct str api_world_header(const struct api_call *c, const char *name)
{
    for (int i = 0; i < c->reply.header_n; i++)
        if (strcmp(c->reply.headers[i].name, name) == 0)
            return c->reply.headers[i].value;
    return STR_NONE;
}
