/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/write.h"

#include "agent/agent.h"
#include "agent/metrics.h"
#include "agent/replica.h"
#include "agent/ship_write.h"

/* Only what was carried out counts. */
static void note_time(const struct write *w)
{
    struct duration took = instant_since(clock_now(), w->began);

    metrics_time(w->env->metrics, METRICS_COMMIT, took);
    switch (w->command_id) {
    case COMMAND_KV:
    case COMMAND_KV_RENAME:
        metrics_time(w->env->metrics, METRICS_KV, took);
        break;
    case COMMAND_TXN:
    case COMMAND_TXN_MIXED:
        metrics_time(w->env->metrics, METRICS_TXN, took);
        break;
    case COMMAND_CATALOG_REGISTER:
        metrics_time(w->env->metrics, METRICS_REGISTER, took);
        break;
    case COMMAND_CATALOG_DEREGISTER:
        metrics_time(w->env->metrics, METRICS_DEREGISTER, took);
        break;
    case COMMAND_SESSION_CREATE:
    case COMMAND_SESSION_DESTROY:
        metrics_time(w->env->metrics, METRICS_SESSION, took);
        break;
    case COMMAND_QUERY_SET:
    case COMMAND_QUERY_DELETE:
        metrics_time(w->env->metrics, METRICS_QUERY, took);
        break;
    default:
        if (w->command_id >= COMMAND_ACL_TOKEN && w->command_id <= COMMAND_ACL_BUILTIN)
            metrics_time(w->env->metrics, METRICS_ACL, took);
    }
}

static void on_delivered(struct mail *m)
{
    struct write *w = LIST_ITEM(m, struct write, mail);
    ASSERT(w->env->flight_n > 0);
    w->env->flight_n--;
    if (w->status == 0)
        note_time(w);
    buf_fini(&w->command);
    w->done(w);
}

static void send_back(struct write *w)
{
    w->mail.deliver = on_delivered;
    mailbox_post(w->env->self, &w->mail);
}

static void on_shown(struct shown_wait *s)
{
    send_back(LIST_ITEM(s, struct write, shown));
}

/* The answer leaves when the mount shows it, if that was wished. */
static void show(struct write *w)
{
    if (!w->until_shown) {
        send_back(w);
        return;
    }
    w->shown.go = on_shown;
    shown_hold(agent_shown(w->env->agent), &w->shown, w->index);
}

/* The result is the log's during this call only: what the door needs is copied. */
static void on_applied(struct consensus_submit *s)
{
    struct write *w = LIST_ITEM(s, struct write, submit);
    w->status = s->status == ERR_NOT_LEADER ? ERR_NO_LEADER : s->status;
    w->index = s->index;
    if (s->status == 0) {
        w->result.status = s->result->status;
        buf_put_str(&w->result.body, buf_str(&s->result->body));
        memcpy(w->result.text, s->result->text, sizeof w->result.text);
        agent_filter_result(w->env->agent, w->token, buf_str(&w->command), &w->result.body);
    }
    if (s->status == 0)
        show(w);
    else
        send_back(w);
}

static void on_core(struct mail *m)
{
    struct write *w = LIST_ITEM(m, struct write, mail);
    struct agent *agent = w->env->agent;
    struct str command = buf_str(&w->command);
    w->status = agent_may_write(agent, w->token, command);
    if (w->status || agent_refuses_txn(agent, w->token, command, &w->result.body) ||
        agent_delays_lock(agent, command, &w->result.body)) {
        send_back(w);
        return;
    }
    w->submit.command = command;
    w->submit.done = on_applied;
    consensus_submit(agent_consensus(agent), &w->submit);
}

static void on_copied(struct replica_wait *r)
{
    show(LIST_ITEM(r, struct write, replica));
}

/* On the core: whoever wrote here reads here what he wrote, also from the copy. */
static void on_core_shipped(struct mail *m)
{
    struct write *w = LIST_ITEM(m, struct write, mail);
    w->replica.go = on_copied;
    replica_hold(agent_replica(w->env->agent), &w->replica, w->index);
}

static void on_shipped(struct ship *s)
{
    struct write *w = LIST_ITEM(s, struct write, ship);
    w->status = ship_write_take(s, &w->index, &w->result);
    ship_fini(s);
    if (w->status == 0 && w->env->config->mount) {
        w->mail.deliver = on_core_shipped;
        mailbox_post(w->env->core, &w->mail);
        return;
    }
    w->env->flight_n--;
    w->done(w);
}

/* Sent once: whether a server that fell silent has carried it out is not known. */
static void ship_off(struct write *w)
{
    w->ship = (struct ship){.kind = SHIP_WRITE, .target = SHIP_TO_ANY, .done = on_shipped};
    buf_init(&w->ship.body, SHIP_BODY_SIZE_MAX);
    ship_write_encode(tokens_to_ship(&w->env->tokens, w->token), buf_str(&w->command),
                      &w->ship.body);
    buf_fini(&w->command);
    ship_submit(w->env, &w->ship);
}

void write_submit(struct env *env, struct write *w)
{
    ASSERT(w->done);
    w->env = env;
    w->status = 0;
    w->index = 0;
    result_init(&w->result);
    env->flight_n++;
    metrics_add(env->metrics, METRIC_WRITES, 1);
    if (w->command.failed || w->command.n > COMMAND_SIZE_MAX) {
        w->status = ERR_TOO_LARGE;
        send_back(w);
        return;
    }
    if (env->is_client) {
        ship_off(w);
        return;
    }
    struct str body;
    if (command_split(buf_str(&w->command), &w->command_id, &body) != 0)
        w->command_id = COMMAND_NOOP; /* who applies it says so */
    w->began = clock_now();
    w->mail.deliver = on_core;
    mailbox_post(env->core, &w->mail);
}

void write_fini(struct write *w)
{
    result_fini(&w->result);
}
