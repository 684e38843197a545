/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/token_fetch.h"

#include "agent/agent_state.h"
#include "agent/token_cache.h"
#include "base/mem.h"
#include "state/acl.h"
#include "state/grant.h"
#include "state/policy.h"

#define LOG         "agent.acl"
#define SWEEP_EVERY DURATION_S(60)

struct asking {
    struct list link;
    struct token_fetch *fetch;
    struct ship ship;
    struct buf secret;
    struct list waits;
};

struct token_fetch {
    struct agent *agent;
    struct token_cache *cache;
    struct list askings;
    size_t asking_n;
    struct timer sweep;
    bool stopped, is_down; /* is_down: no server answered the last time */
};

static struct str secret_of(const struct token_fetch *f, struct str token)
{
    return policy_secret(token.n ? token : str_z(f->agent->tokens.user));
}

/* It exists here alone, or nobody may name it. */
static bool is_local(const struct token_fetch *f, struct str token, struct str secret)
{
    const char *master = f->agent->tokens.agent_master;

    return (*master && str_eq_z(secret, master)) || str_eq_z(token, ACL_SECRET_ANONYMOUS) ||
           secret.n > TOKEN_SECRET_MAX;
}

/* ---- asking ---- */

static void take_answer(struct token_fetch *f, struct asking *q, struct str answer)
{
    struct unpack u = unpack_make(answer);
    bool fits = unpack_array(&u) == 2;
    uint64_t what = unpack_uint(&u);
    struct str bytes = unpack_str(&u);
    struct grant g = {0};
    struct instant now = clock_now();
    int rc = fits && !u.bad && what <= TOKEN_WIRE_OFF ? 0 : ERR_CORRUPT;

    if (rc == 0 && what == TOKEN_WIRE_GRANT)
        rc = grant_decode(bytes, &g);
    g.is_management |= what == TOKEN_WIRE_OFF; /* consul: ACLs are off here too for a while */
    if (rc)
        token_cache_down(f->cache, buf_str(&q->secret), now);
    else
        token_cache_put(f->cache, buf_str(&q->secret), what == TOKEN_WIRE_ABSENT ? NULL : &g, now);
    grant_fini(&g);
}

static void release(struct asking *q, int status)
{
    struct list *l;

    while ((l = list_pop(&q->waits)) != NULL) {
        struct token_wait *w = LIST_ITEM(l, struct token_wait, link);

        w->status = status;
        w->go(w);
    }
}

static void on_answer(struct ship *s)
{
    struct asking *q = LIST_ITEM(s, struct asking, ship);
    struct token_fetch *f = q->fetch;

    list_remove(&q->link);
    f->asking_n--;
    if (s->status == 0) {
        take_answer(f, q, buf_str(&s->answer));
    } else {
        if (!f->is_down && !f->stopped)
            log_warn(LOG,
                     "no server says what a token permits, acl.down_policy decides: "
                     "policy=%s error=\"%s\"",
                     f->agent->config->acl_down_policy, error_text(s->status));
        token_cache_down(f->cache, buf_str(&q->secret), clock_now());
    }
    f->is_down = s->status != 0;
    ship_fini(s);
    release(q, f->stopped ? ERR_CLOSED : 0);
    buf_fini(&q->secret);
    mem_free(q);
}

static struct asking *asking_of(struct token_fetch *f, struct str secret)
{
    LIST_FOREACH (&f->askings, l) {
        struct asking *q = LIST_ITEM(l, struct asking, link);

        if (str_eq(buf_str(&q->secret), secret))
            return q;
    }
    return NULL;
}

/* NULL: too many at once. */
static struct asking *ask(struct token_fetch *f, struct str secret)
{
    struct asking *q = asking_of(f, secret);

    if (q || f->asking_n >= TOKEN_FETCH_ASKED_MAX)
        return q;
    q = mem_new(struct asking);
    q->fetch = f;
    list_init(&q->waits);
    buf_init(&q->secret, 0);
    buf_put_str(&q->secret, secret);
    list_push(&f->askings, &q->link);
    f->asking_n++;
    q->ship = (struct ship){.kind = SHIP_TOKEN,
                            .target = SHIP_TO_ANY,
                            .may_repeat = true,
                            .patience = TOKEN_FETCH_PATIENCE,
                            .done = on_answer};
    buf_init(&q->ship.body, 0);
    pack_array(&q->ship.body, 1);
    pack_bin(&q->ship.body, secret);
    ship_submit_core(f->agent, &q->ship);
    return q;
}

bool token_fetch_hold(struct token_fetch *f, struct token_wait *w)
{
    struct str secret = secret_of(f, w->token);
    enum token_cache_state state;
    struct asking *q;

    w->status = 0;
    list_init(&w->link);
    if (f->stopped)
        w->status = ERR_CLOSED;
    if (f->stopped || agent_has_rows(f->agent) || is_local(f, w->token, secret))
        return true;
    state = token_cache_look(f->cache, secret, clock_now());
    metrics_add(&f->agent->metrics,
                state == TOKEN_CACHE_READY ? METRIC_TOKEN_HIT : METRIC_TOKEN_MISS, 1);
    if (state == TOKEN_CACHE_READY)
        return true;
    q = ask(f, secret);
    if (state == TOKEN_CACHE_AGING)
        return true;
    if (!q) {
        w->status = ERR_BUSY;
        return true;
    }
    list_push(&q->waits, &w->link);
    return false;
}

/* ---- what is known ---- */

void token_fetch_resolve(struct token_fetch *f, struct view *v)
{
    const struct config *c = f->agent->config;
    struct policy_settings s = tokens_settings(&f->agent->tokens, c);
    struct str secret = policy_secret(v->token);

    v->acl = NULL;
    v->acl_status = 0;
    v->list_needs_right = s.key_list;
    if (is_local(f, v->token, secret))
        policy_resolve(f->agent->policy, &s, v, clock_wall_ns());
    else
        v->acl_status = token_cache_get(f->cache, secret, clock_wall_ns(), &v->acl);
}

struct acl_set *token_fetch_copy(struct token_fetch *f, struct str token)
{
    struct policy_settings s = tokens_settings(&f->agent->tokens, f->agent->config);
    struct str secret = secret_of(f, token);
    struct grant g;

    if (!is_local(f, token, secret))
        return token_cache_copy(f->cache, secret);
    if (!s.agent_master.n || !str_eq(secret, s.agent_master))
        return NULL;
    grant_agent_master(s.node, &g);
    struct acl_set *set = grant_set(&g, s.default_allow);
    grant_fini(&g);
    return set;
}

/* ---- life ---- */

static void on_sweep(struct timer *t, struct instant now)
{
    struct token_fetch *f = LIST_ITEM(t, struct token_fetch, sweep);

    token_cache_sweep(f->cache, now, clock_wall_ns());
    timers_set(f->agent->timers, &f->sweep, instant_add(now, SWEEP_EVERY));
}

struct token_fetch *token_fetch_new(struct agent *a)
{
    const struct config *c = a->config;
    struct token_fetch *f = mem_new(struct token_fetch);
    struct token_cache_settings s = {
        .default_allow = str_eq_z(STR_LIT("allow"), c->acl_default_policy),
        .token_ttl = c->acl_token_ttl,
        .policy_ttl = c->acl_policy_ttl,
        .role_ttl = c->acl_role_ttl,
    };
    bool is_one = token_cache_down_parse(str_z(c->acl_down_policy), &s.down);

    ASSERT(is_one); /* config_acl_check looked */
    f->agent = a;
    f->cache = token_cache_new(rng_u64(&a->rng), &s);
    list_init(&f->askings);
    f->sweep.fire = on_sweep;
    timers_set(a->timers, &f->sweep, instant_add(clock_now(), SWEEP_EVERY));
    return f;
}

void token_fetch_stop(struct token_fetch *f)
{
    if (!f)
        return;
    f->stopped = true;
    timers_cancel(f->agent->timers, &f->sweep);
    LIST_FOREACH (&f->askings, l) {
        release(LIST_ITEM(l, struct asking, link), ERR_CLOSED);
    }
}

void token_fetch_free(struct token_fetch *f)
{
    if (!f)
        return;
    ASSERT(list_is_empty(&f->askings));
    token_cache_free(f->cache);
    mem_free(f);
}
