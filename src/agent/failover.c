/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/failover.h"

#include <string.h>

#include "agent/agent.h"
#include "agent/servers.h"

static void on_chosen(struct ask *a);
static void ask_next(struct failover *f);

/* ---- whom to ask ---- */

struct known {
    const char *names[SERVERS_MAX];
    size_t n;
};

static void on_datacenter(void *data, const char *name)
{
    struct known *k = data;

    if (k->n < SERVERS_MAX)
        k->names[k->n++] = name;
}

static void choose(struct ask *a, struct agent *agent)
{
    struct failover *f = LIST_ITEM(a, struct failover, ask);
    struct known known = {.n = 0};
    size_t chosen[FAILOVER_MAX];

    agent_each_datacenter(agent, on_datacenter, &known);
    f->name_n = failover_choose(known.names, known.n, str_z(a->env->config->datacenter), f->nearest,
                                f->listed, chosen, FAILOVER_MAX);
    for (size_t i = 0; i < f->name_n; i++)
        (void)str_copy_z(str_z(known.names[chosen[i]]), f->names[i], FAILOVER_DC_SIZE);
}

/* ---- asking ---- */

void failover_start(struct env *env, struct failover *f)
{
    ASSERT(f->put && f->take && f->done);
    f->env = env;
    f->asked_n = f->name_n = 0;
    f->is_found = false;
    f->datacenter[0] = '\0';
    f->end = instant_add(env_now(env), FAILOVER_TIME);
    f->ask = (struct ask){.run = choose, .done = on_chosen};
    ask_core(env, &f->ask);
}

static void on_chosen(struct ask *a)
{
    ask_next(LIST_ITEM(a, struct failover, ask));
}

static void on_answer(struct ship *s)
{
    struct failover *f = LIST_ITEM(s, struct failover, ship);
    const char *name = f->names[f->asked_n - 1];
    bool is_over = s->status == ERR_CANCELED;

    if (s->status == 0) {
        memcpy(f->datacenter, name, sizeof f->datacenter);
        f->is_found = is_over = f->take(f, buf_str(&s->answer));
    } else if (!is_over) { /* consul: a warning, and the next one is asked */
        log_warn("agent", "a prepared query could not be run elsewhere: datacenter=%s error=\"%s\"",
                 name, error_text(s->status));
    }
    ship_fini(s);
    if (is_over)
        f->done(f);
    else
        ask_next(f);
}

static void ask_next(struct failover *f)
{
    struct duration left = instant_since(f->end, env_now(f->env));

    if (f->asked_n == f->name_n || left.ns <= 0) {
        f->done(f);
        return;
    }
    f->ship = (struct ship){
        .kind = f->kind,
        .target = SHIP_TO_ANY,
        .datacenter = str_z(f->names[f->asked_n++]),
        .may_repeat = true,
        .limit = left.ns < FAILOVER_TRY.ns ? left : FAILOVER_TRY,
        .done = on_answer,
    };
    buf_init(&f->ship.body, SHIP_BODY_SIZE_MAX);
    f->put(f, &f->ship.body);
    ship_submit(f->env, &f->ship);
}
