/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_ship.h"

#include <libknot/libknot.h>

#include "agent/metrics.h"
#include "base/mem.h"

#define QUESTION_ITEMS 7
enum { FLAG_TCP = 1, FLAG_FINAL = 2 };

/* ---- the asking side ---- */

struct dns_ship {
    struct ship ship;
    struct dns_pending *pending;
    char datacenter[256];
};

/* Keeps what came; when it is no answer, what was kept is in w->out: how much, or 0. */
static size_t recall(struct dns_pending *p, struct str answer)
{
    struct dns_worker *w = p->worker;
    struct instant now = env_now(w->env);
    bool is_answer = answer.n >= KNOT_WIRE_HEADER_SIZE && answer.n <= DNS_ANSWER_SIZE_MAX &&
                     knot_wire_get_rcode((const uint8_t *)answer.p) != KNOT_RCODE_SERVFAIL;

    if (!w->env->config->dns_use_cache)
        return 0;
    if (is_answer) {
        if (!w->recall)
            w->recall = dns_recall_new(rng_u64(w->env->rng));
        dns_recall_put(w->recall, p->packet, p->is_tcp, &p->asker, answer, now);
        return 0;
    }
    return w->recall ? dns_recall_get(w->recall, p->packet, p->is_tcp, &p->asker,
                                      DNS_RECALL_AGE_MAX, now, w->out)
                     : 0;
}

static void on_shipped(struct ship *s)
{
    struct dns_ship *d = LIST_ITEM(s, struct dns_ship, ship);
    struct dns_pending *p = d->pending;
    struct dns_worker *w = p->worker;
    struct str answer = s->status ? STR_NONE : buf_str(&s->answer);
    size_t kept_n = recall(p, answer);
    if (kept_n > 0) {
        dns_worker_finish(p, w->out, kept_n);
    } else if (answer.n >= 12 && answer.n <= DNS_ANSWER_SIZE_MAX) {
        dns_worker_finish(p, (const uint8_t *)answer.p, answer.n);
    } else {
        size_t n = dns_worker_servfail(w, p->packet, p->is_tcp, w->out);
        dns_worker_finish(p, w->out, n);
    }
    ship_fini(s);
    mem_free(d);
}

void dns_ship_put(const struct dns_pending *p, struct str row, bool is_final, struct buf *out)
{
    const struct dns_asker *a = &p->asker;
    const struct config *config = p->worker->env->config;
    char ip[ADDR_TEXT_MAX] = "";

    if (a->source.u.sa.sa_family != AF_UNSPEC)
        addr_format_ip(&a->source, ip);
    pack_array(out, QUESTION_ITEMS);
    pack_uint(out, (p->is_tcp ? FLAG_TCP : 0) | (is_final ? FLAG_FINAL : 0));
    pack_str(out, a->node.n ? a->node : str_z(config->node_name));
    pack_str(out, str_z(ip));
    pack_str(out, a->translating.n              ? a->translating
                  : config->translate_wan_addrs ? str_z(config->datacenter)
                                                : STR_NONE);
    pack_bin(out, row);
    pack_bin(out, tokens_to_ship(&p->worker->env->tokens, a->token));
    pack_bin(out, p->packet);
}

void dns_ship_start(struct dns_pending *p, struct str datacenter)
{
    struct dns_ship *d = mem_new(struct dns_ship);
    d->pending = p;
    /* a client asks a server of its own datacenter, which hands on */
    if (!p->worker->env->is_client)
        (void)str_copy_z(datacenter, d->datacenter, sizeof d->datacenter);
    d->ship = (struct ship){.kind = SHIP_DNS,
                            .target = SHIP_TO_ANY,
                            .may_repeat = true,
                            .datacenter = str_z(d->datacenter),
                            .done = on_shipped};
    buf_init(&d->ship.body, 0);
    dns_ship_put(p, STR_NONE, !p->worker->env->is_client, &d->ship.body);
    ship_submit(p->worker->env, &d->ship);
}

/* ---- the side that answers ---- */

struct context {
    struct dns_worker worker;
    struct timer timer; /* closing: the last turn */
    bool closing;
    void (*closed)(void *data);
    void *data;
};

struct job {
    struct dns_pending pending;
    struct serve_call *call;
};

static int context_open(void *uv_loop, struct env *env, void **ret, struct error *err)
{
    struct context *x = mem_new(struct context);
    int rc = dns_worker_init(&x->worker, uv_loop, env, err);
    if (rc)
        mem_free(x);
    else
        *ret = x;
    return rc;
}

static void on_last_turn(struct timer *t, struct instant now)
{
    struct context *x = LIST_ITEM(t, struct context, timer);
    void (*closed)(void *data) = x->closed;
    void *data = x->data;
    (void)now;
    dns_worker_fini(&x->worker);
    mem_free(x);
    closed(data);
}

static void on_idle(struct dns_worker *w)
{
    struct context *x = LIST_ITEM(w, struct context, worker);
    if (!x->closing || w->pending_n > 0 || w->retiring_n > 0)
        return;
    x->timer.fire = on_last_turn;
    timers_set(w->env->timers, &x->timer, env_now(w->env));
}

static void on_forward_closed(void *data)
{
    struct context *x = data;
    x->worker.retiring_n--;
    on_idle(&x->worker);
}

static void context_close(void *ctx, void (*closed)(void *data), void *data)
{
    struct context *x = ctx;
    x->closed = closed;
    x->data = data;
    x->closing = x->worker.is_closing = true;
    x->worker.on_idle = on_idle;
    if (x->worker.forward) {
        x->worker.retiring_n++;
        dns_forward_close(x->worker.forward, on_forward_closed, x);
        x->worker.forward = NULL;
    }
    on_idle(&x->worker);
}

static void context_reload(void *ctx)
{
    struct context *x = ctx;
    dns_worker_reload(&x->worker);
}

static void reply(struct serve_call *c, const uint8_t *bytes, size_t n)
{
    struct buf answer;
    buf_init(&answer, 0);
    buf_put(&answer, bytes, n);
    serve_answer(c, 0, &answer);
    buf_fini(&answer);
}

static void on_done(struct dns_pending *p, const uint8_t *answer, size_t n)
{
    struct job *j = LIST_ITEM(p, struct job, pending);
    reply(j->call, answer, n);
    mem_free(j);
}

/* False: it is no question. */
static bool take(struct serve_call *c, struct dns_worker *w, bool *ret_is_tcp, struct str *ret)
{
    struct unpack u = unpack_make(c->body);
    bool fits = unpack_array(&u) == QUESTION_ITEMS;
    uint64_t flags = unpack_uint(&u);
    struct str ip;

    w->asker.node = unpack_str(&u);
    ip = unpack_str(&u);
    w->asker.translating = unpack_str(&u);
    w->asker.prepared = unpack_str(&u);
    w->asker.token = unpack_str(&u);
    *ret = unpack_str(&u);
    *ret_is_tcp = flags & FLAG_TCP;
    w->is_final = flags & FLAG_FINAL;
    if (addr_parse(ip, 0, &w->asker.source) != 0)
        w->asker.source = (struct addr){0};
    return fits && !u.bad && unpack_is_end(&u);
}

static void start(struct serve_call *c)
{
    struct context *x = c->ctx;
    struct dns_worker *w = &x->worker;
    struct dns_chase chase;
    struct view view, *v;
    uint64_t seed;
    size_t size = 0;
    struct str packet;
    bool is_tcp;
    if (!take(c, w, &is_tcp, &packet)) {
        reply(c, NULL, 0);
        return;
    }
    metrics_add(c->env->metrics, METRIC_DNS_QUERIES, 1);
    v = dns_worker_begin(w, w->asker.token, &view);
    enum dns_outcome outcome =
        dns_worker_answer(w, v, packet, is_tcp, &chase, &seed, w->out, &size);
    dns_worker_end(v);
    bool may_wait = outcome == DNS_SHIP || outcome == DNS_FAILOVER || w->forward;
    if (outcome == DNS_ANSWERED || outcome == DNS_DROPPED) {
        reply(c, w->out, outcome == DNS_ANSWERED ? size : 0);
    } else if (!may_wait || w->pending_n >= DNS_WORKER_PENDING_MAX) {
        size = dns_worker_servfail(w, packet, is_tcp, w->out);
        reply(c, w->out, size);
    } else {
        struct job *j = mem_new(struct job);
        j->call = c;
        j->pending.done = on_done;
        dns_worker_wait(w, &j->pending, outcome, packet, is_tcp, &chase, seed);
    }
}

const struct serve_handler dns_ship_handler = {.kind = SHIP_DNS,
                                               .open = context_open,
                                               .start = start,
                                               .reload = context_reload,
                                               .close = context_close};
