/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On the core a ship is either in a call, or waits for a server that may answer (its timer set for
 * the next look), or has ended. Its time is rpc_hold_timeout for finding somebody who answers, and
 * beyond that what the request itself may wait.
 */
#include "agent/ship.h"

#include "agent/agent_state.h"
#include "base/mem.h"

/* Between two looks for a server when all failed. */
#define RETRY_DELAY DURATION_MS(100)
/* A server may take so long for anything that does not wait, beside rpc_hold_timeout. */
#define ANSWER_TIME DURATION_S(10)

struct shipper {
    struct agent *agent;
    struct timers *timers;
    struct rpc_client *client;
    const char *(*leader)(const struct agent *a);
    struct list own; /* submitted on the core */
};

static void try_now(struct ship *s);

struct shipper *ship_core_new(struct agent *a, struct timers *timers, struct rpc_client *client,
                              const char *(*leader)(const struct agent *a))
{
    struct shipper *sh = mem_new(struct shipper);
    sh->agent = a;
    sh->timers = timers;
    sh->client = client;
    sh->leader = leader;
    list_init(&sh->own);
    return sh;
}

void ship_core_stop(struct shipper *sh)
{
    struct list *l;
    while (sh && (l = list_first(&sh->own)) != NULL)
        ship_cancel(LIST_ITEM(l, struct ship, link));
}

void ship_core_free(struct shipper *sh)
{
    mem_free(sh);
}

/* ---- the way back ---- */

/* The ship is the worker's again, unless a cancellation is on its way: that comes back too. */
static void worker_end(struct ship *s)
{
    if (!s->answered || s->cancel_posted)
        return;
    s->env->flight_n--;
    list_remove(&s->link);
    s->done(s);
}

static void on_back(struct mail *m)
{
    struct ship *s = LIST_ITEM(m, struct ship, mail);
    s->answered = true;
    worker_end(s);
}

static void on_cancel_back(struct mail *m)
{
    struct ship *s = LIST_ITEM(m, struct ship, cancel_mail);
    s->cancel_posted = false;
    worker_end(s);
}

static void on_core_end(struct mail *m)
{
    struct ship *s = LIST_ITEM(m, struct ship, mail);
    s->done(s);
}

static void finish(struct ship *s, int status)
{
    ASSERT(s->active && !s->in_call);
    timers_cancel(s->agent->shipper->timers, &s->timer);
    if (!s->env)
        list_remove(&s->link);
    s->active = false;
    s->status = status;
    buf_fini(&s->body);
    s->mail.deliver = s->env ? on_back : on_core_end;
    mailbox_post(s->env ? s->env->self : s->agent->box, &s->mail);
}

/* ---- trying ---- */

static void on_timer(struct timer *t, struct instant now)
{
    struct ship *s = LIST_ITEM(t, struct ship, timer);
    (void)now;
    try_now(s);
}

static void try_later(struct ship *s, int status)
{
    struct instant now = clock_now();
    if (!instant_before(now, s->give_up)) {
        finish(s, status);
        return;
    }
    s->tried_n = 0; /* all are worth another try */
    s->timer.fire = on_timer;
    timers_set(s->agent->shipper->timers, &s->timer, instant_add(now, RETRY_DELAY));
}

static void on_called(struct rpc_call *c)
{
    struct ship *s = LIST_ITEM(c, struct ship, call);
    struct agent *a = s->agent;
    s->in_call = false;
    if (c->status == 0) {
        servers_worked(&a->servers, &s->address);
        buf_put_str(&s->answer, c->answer);
        finish(s, s->answer.failed ? ERR_TOO_LARGE : 0);
        return;
    }
    if (c->status == ERR_NO_LEADER || c->status == ERR_NOT_LEADER) {
        /* said by the server, before it did anything */
        if (s->may_repeat || s->target == SHIP_TO_LEADER)
            try_later(s, ERR_NO_LEADER);
        else
            finish(s, ERR_NO_LEADER);
        return;
    }
    bool is_going = c->is_answer && c->status == ERR_CLOSED; /* said before it did anything */
    if ((c->is_answer && !is_going) || c->status == ERR_BUSY) {
        finish(s, c->status);
        return;
    }
    log_debug("agent", "request to a server failed: kind=%d sent=%d error=\"%s\"", s->kind,
              c->was_sent, error_text(c->status));
    servers_failed(&a->servers, &s->address, clock_now());
    if (s->tried_n < SHIP_TRIED_MAX)
        s->tried[s->tried_n++] = s->address;
    if ((c->was_sent && !s->may_repeat && !is_going) || c->status == ERR_TIMEOUT)
        finish(s, c->status == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_CLOSED);
    else if (s->tried_n < SHIP_TRIED_MAX && s->target == SHIP_TO_ANY)
        try_now(s);
    else
        try_later(s, ERR_NO_LEADER);
}

static bool is_tried(const struct ship *s, const struct addr *a)
{
    for (size_t i = 0; i < s->tried_n; i++) {
        if (addr_eq(&s->tried[i], a))
            return true;
    }
    return false;
}

static bool choose(struct ship *s, struct instant now)
{
    struct agent *a = s->agent;
    struct str dc = s->datacenter.n ? s->datacenter : str_z(a->config->datacenter);
    if (s->target == SHIP_TO_ADDRESS)
        return s->tried_n == 0;
    if (s->target == SHIP_TO_LEADER && a->shipper->leader)
        return addr_parse_port(str_z(a->shipper->leader(a)), 0, &s->address) == 0;
    return servers_pick(&a->servers, dc, now, s->tried, s->tried_n, &s->address) &&
           !is_tried(s, &s->address);
}

static void try_now(struct ship *s)
{
    struct agent *a = s->agent;
    struct instant now = clock_now();
    if (s->canceled || a->closing) {
        finish(s, s->canceled ? ERR_CANCELED : ERR_CLOSED);
        return;
    }
    if (s->datacenter.n && !servers_has_dc(&a->servers, s->datacenter)) {
        finish(s, ERR_NOT_FOUND);
        return;
    }
    if (!choose(s, now)) {
        s->no_server = a->servers.n == 0;
        try_later(s, s->target == SHIP_TO_ADDRESS ? ERR_CLOSED : ERR_NO_LEADER);
        return;
    }
    s->in_call = true;
    s->call = (struct rpc_call){.kind = (uint8_t)s->kind,
                                .body = buf_str(&s->body),
                                .deadline = s->deadline,
                                .done = on_called};
    rpc_client_call(a->shipper->client, &s->address, &s->call);
}

static void core_begin(struct ship *s)
{
    const struct config *c = s->agent->config;
    struct instant now = clock_now();
    s->active = true;
    if (s->limit.ns > 0) {
        s->give_up = now;
        s->deadline = instant_add(now, s->limit);
    } else if (s->patience.ns > 0) {
        s->give_up = s->deadline = instant_add(now, s->patience);
    } else {
        s->give_up = instant_add(now, c->rpc_hold_timeout);
        s->deadline = instant_add(instant_add(s->give_up, ANSWER_TIME), s->wait);
    }
    if (!s->env)
        list_push(&s->agent->shipper->own, &s->link);
    try_now(s);
}

static void on_submitted(struct mail *m)
{
    core_begin(LIST_ITEM(m, struct ship, mail));
}

static void init(struct ship *s)
{
    ASSERT(s->done);
    s->status = 0;
    s->tried_n = 0;
    s->timer = (struct timer){0};
    s->cancel_posted = s->canceled = s->answered = s->in_call = s->active = false;
    buf_init(&s->answer, SHIP_BODY_SIZE_MAX);
}

void ship_submit(struct env *env, struct ship *s)
{
    init(s);
    s->env = env;
    s->agent = env->agent;
    list_push(&env->ships, &s->link);
    env->flight_n++;
    s->mail.deliver = on_submitted;
    mailbox_post(env->core, &s->mail);
}

void ship_submit_core(struct agent *a, struct ship *s)
{
    init(s);
    s->env = NULL;
    s->agent = a;
    list_init(&s->link);
    core_begin(s);
}

void ship_fini(struct ship *s)
{
    buf_fini(&s->answer);
}

/* ---- canceling ---- */

static void core_cancel(struct ship *s)
{
    if (!s->active)
        return;
    s->canceled = true;
    if (s->in_call)
        rpc_client_cancel(&s->call);
    s->in_call = false;
    finish(s, ERR_CANCELED);
}

static void on_cancel(struct mail *m)
{
    struct ship *s = LIST_ITEM(m, struct ship, cancel_mail);
    core_cancel(s); /* its answer is posted, now or before; then the mail goes back behind it */
    s->cancel_mail.deliver = on_cancel_back;
    mailbox_post(s->env->self, &s->cancel_mail);
}

void ship_cancel(struct ship *s)
{
    if (!s->env) {
        core_cancel(s);
        return;
    }
    if (s->answered || s->cancel_posted)
        return;
    s->cancel_posted = true;
    s->cancel_mail.deliver = on_cancel;
    mailbox_post(s->env->core, &s->cancel_mail);
}

void ship_cancel_all(struct env *env)
{
    LIST_FOREACH (&env->ships, l) {
        ship_cancel(LIST_ITEM(l, struct ship, link));
    }
}
