/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A question that only recursors can answer is kept with its packet; when
 * they have spoken, what they said is passed on (a name of nobody's zone
 * here), or the question is run again with what they said beside the view
 * (names that a service points to).
 */
#include <libknot/libknot.h>

#include "agent/metrics.h"
#include "agent/read.h"
#include "base/mem.h"
#include "dns/dns_failover.h"
#include "dns/dns_pack.h"
#include "dns/dns_ship.h"
#include "dns/dns_worker.h"

#define CHASE_QUESTION_MAX (KNOT_WIRE_HEADER_SIZE + DNS_CONF_NAME_MAX + 4)

/* What a call to the recursors belongs to. */
struct dns_worker_call {
    struct dns_forward_call call;
    struct dns_pending *pending;
};

static void on_forwarded(struct dns_forward_call *c, struct str answer);
static void on_chased(struct dns_forward_call *c, struct str answer);

/* ---- life ---- */

static int make(struct env *env, void *uv_loop, struct dns_conf **ret_conf,
                struct dns_forward **ret_forward, struct error *err)
{
    struct dns_conf *conf;
    int status = dns_conf_new(env->config, &conf, err);

    if (status != 0)
        return status;
    *ret_forward = NULL;
    if (conf->has_recursors)
        status = dns_forward_new(uv_loop, env, env->config, ret_forward, err);
    if (status != 0) {
        dns_conf_free(conf);
        return status;
    }
    *ret_conf = conf;
    return 0;
}

int dns_worker_init(struct dns_worker *w, void *uv_loop, struct env *env, struct error *err)
{
    *w = (struct dns_worker){.env = env, .loop = uv_loop};
    list_init(&w->pendings);
    int status = make(env, uv_loop, &w->conf, &w->forward, err);
    if (status != 0)
        return status;
    dns_mem_init(&w->mem);
    buf_init(&w->elsewhere, 0);
    w->cache = dns_cache_new(rng_u64(env->rng));
    w->reverse = dns_reverse_new(rng_u64(env->rng));
    w->warned_at = (struct instant){INT64_MIN / 2};
    w->out = mem_alloc(DNS_WORKER_OUT_SIZE);
    return 0;
}

void dns_worker_fini(struct dns_worker *w)
{
    ASSERT(w->pending_n == 0);
    dns_conf_free(w->conf);
    dns_mem_fini(&w->mem);
    buf_fini(&w->elsewhere);
    dns_cache_free(w->cache);
    dns_reverse_free(w->reverse);
    dns_recall_free(w->recall);
    mem_free(w->out);
}

static void on_retired(void *data)
{
    struct dns_worker *w = data;
    w->retiring_n--;
    if (w->on_idle)
        w->on_idle(w);
}

void dns_worker_reload(struct dns_worker *w)
{
    struct error err = {0};
    struct dns_conf *conf;
    struct dns_forward *forward;

    if (make(w->env, w->loop, &conf, &forward, &err) != 0) {
        /* The new configuration goes away with the old forward still in use: keep the names, take
         * the settings. */
        log_warn("agent.dns", "reload: %s", err.text);
        w->conf->config = w->env->config;
        return;
    }
    w->conf->config = w->env->config;
    if (w->forward) {
        w->retiring_n++;
        dns_forward_close(w->forward, on_retired, w); /* what waits for it gets SERVFAIL */
    }
    dns_conf_free(w->conf);
    w->conf = conf;
    w->forward = forward;
}

/* ---- answering ---- */

struct view *dns_worker_begin(struct dns_worker *w, struct str token, struct view *view)
{
    const struct published *p = w->env->published;
    const struct config *c = w->env->config;
    bool has_state = published_get(p, PUBLISHED_APPLIED_INDEX) > 0 ||
                     published_get(p, PUBLISHED_KNOWS_LEADER) != 0;
    uint64_t age_ms = published_get(p, PUBLISHED_LAST_CONTACT_MS);
    bool may_be_stale = c->dns_allow_stale && (c->dns_max_stale.ns <= 0 ||
                                               age_ms <= (uint64_t)duration_ms(c->dns_max_stale));

    if (!has_state || (!may_be_stale && !read_has_lease(w->env)))
        return NULL;
    *view = env_view_begin(w->env, token, NULL);
    if (!may_be_stale && !read_has_lease(w->env)) {
        env_view_end(view);
        return NULL;
    }
    dns_cache_sync(w->cache, view);
    return view;
}

void dns_worker_end(struct view *view)
{
    if (view)
        env_view_end(view);
}

/* It was filled for this token; but that may have expired since. */
static bool may_use_cache(const struct view *v)
{
    return v && !v->acl_status;
}

static struct dns_question question_of(struct dns_worker *w, struct view *view, struct str packet,
                                       bool is_tcp, struct dns_chase *chase,
                                       const struct dns_asker *asker, uint64_t seed)
{
    return (struct dns_question){.packet = packet,
                                 .is_tcp = is_tcp,
                                 .conf = w->conf,
                                 .view = view,
                                 .cache = may_use_cache(view) ? w->cache : NULL,
                                 .reverse = w->reverse,
                                 .now_s = (uint32_t)(clock_wall_ns() / 1000000000),
                                 .seed = seed,
                                 .chase = chase,
                                 .ship_all = w->env->is_client,
                                 .ship_dcs =
                                     published_get(w->env->published, PUBLISHED_DATACENTERS) > 0,
                                 .ship_dc = w->is_final ? NULL : w->ship_dc,
                                 .asker = asker,
                                 .env = w->env,
                                 .mem = &w->mem};
}

/* An answer of others that is young enough. */
static bool recalls(struct dns_worker *w, struct str packet, bool is_tcp, uint8_t *out,
                    size_t *ret_n)
{
    const struct config *c = w->env->config;
    struct dns_asker asker = w->asker;

    if (!w->recall || !c->dns_use_cache || c->dns_cache_max_age.ns <= 0)
        return false;
    asker.token = tokens_to_ship(&w->env->tokens, asker.token);
    *ret_n = dns_recall_get(w->recall, packet, is_tcp, &asker, c->dns_cache_max_age,
                            env_now(w->env), out);
    return *ret_n > 0;
}

enum dns_outcome dns_worker_answer(struct dns_worker *w, struct view *view, struct str packet,
                                   bool is_tcp, struct dns_chase *chase, uint64_t *ret_seed,
                                   uint8_t *out, size_t *ret_n)
{
    chase->n = 0;
    chase->is_final = false;
    *ret_seed = rng_u64(w->env->rng);
    struct dns_question q = question_of(w, view, packet, is_tcp, chase, &w->asker, *ret_seed);
    if (q.ship_dcs && !q.ship_all && !w->asker.prepared.n)
        q.elsewhere = &w->elsewhere;
    enum dns_outcome outcome = dns_answer(&q, out, ret_n);
    if (outcome == DNS_SHIP && recalls(w, packet, is_tcp, out, ret_n))
        outcome = DNS_ANSWERED;
    dns_mem_reset(&w->mem);
    return outcome;
}

size_t dns_worker_servfail(struct dns_worker *w, struct str packet, bool is_tcp, uint8_t *out)
{
    struct dns_question q = question_of(w, NULL, packet, is_tcp, NULL, NULL, 0);
    size_t n = dns_answer_servfail(&q, out);
    dns_mem_reset(&w->mem);
    return n;
}

/* ---- waiting ---- */

/* A question for the addresses of a name (consul: always A). */
static size_t chase_question(const uint8_t *name, uint8_t *dst)
{
    size_t n = knot_dname_size(name);
    memset(dst, 0, KNOT_WIRE_HEADER_SIZE);
    knot_wire_set_rd(dst);
    knot_wire_set_qdcount(dst, 1);
    memcpy(dst + KNOT_WIRE_HEADER_SIZE, name, n);
    knot_wire_write_u16(dst + KNOT_WIRE_HEADER_SIZE + n, KNOT_RRTYPE_A);
    knot_wire_write_u16(dst + KNOT_WIRE_HEADER_SIZE + n + 2, KNOT_CLASS_IN);
    return KNOT_WIRE_HEADER_SIZE + n + 4;
}

static struct str own(struct str s)
{
    return s.n ? str_make(mem_dup(s.p, s.n), s.n) : STR_NONE;
}

static void disown(struct str s)
{
    mem_free((void *)(uintptr_t)s.p);
}

void dns_worker_wait(struct dns_worker *w, struct dns_pending *p, enum dns_outcome outcome,
                     struct str packet, bool is_tcp, const struct dns_chase *chase, uint64_t seed)
{
    ASSERT(outcome == DNS_SHIP || outcome == DNS_FAILOVER ||
           (w->forward && (outcome == DNS_FORWARD || outcome == DNS_CHASE)));
    size_t n = outcome == DNS_CHASE ? chase->n : 1;
    metrics_add(w->env->metrics, METRIC_DNS_RECURSED,
                outcome == DNS_FORWARD || outcome == DNS_CHASE);

    /* whatever becomes the default one meanwhile */
    struct str token = tokens_to_ship(&w->env->tokens, w->asker.token);
    p->worker = w;
    p->seed = seed;
    p->is_tcp = is_tcp;
    p->packet = own(packet);
    p->asker = (struct dns_asker){.source = w->asker.source,
                                  .node = own(w->asker.node),
                                  .translating = own(w->asker.translating),
                                  .prepared = own(w->asker.prepared),
                                  .token = own(token)};
    p->chase = outcome == DNS_CHASE ? mem_dup(chase, sizeof(*chase)) : NULL;
    p->call_n = n;
    p->calls = mem_alloc(n * sizeof(p->calls[0]));
    list_init(&p->link);
    list_push(&w->pendings, &p->link);
    w->pending_n++;
    if (outcome == DNS_SHIP) {
        dns_ship_start(p, str_z(w->ship_dc));
        return;
    }
    if (outcome == DNS_FAILOVER) {
        dns_failover_start(p, buf_str(&w->elsewhere));
        return;
    }
    struct dns_worker_call *calls = p->calls;
    for (size_t i = 0; i < n; i++)
        calls[i].pending = p;
    if (outcome == DNS_FORWARD) {
        calls[0].call.done = on_forwarded;
        dns_forward_start(w->forward, &calls[0].call, p->packet, is_tcp);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t question[CHASE_QUESTION_MAX];
        p->chase->items[i].packet = STR_NONE;
        calls[i].call.done = on_chased;
        size_t size = chase_question(p->chase->items[i].name, question);
        dns_forward_start(w->forward, &calls[i].call, str_make(question, size), false);
    }
}

/* A line a second at most: whoever asks must not fill the log. */
static void note_unheard(struct dns_worker *w)
{
    struct instant now = env_now(w->env);

    w->unheard_n++;
    if (w->is_closing || instant_since(now, w->warned_at).ns < DURATION_S(1).ns)
        return;
    log_warn("agent.dns", "recursors: %llu questions without an answer (tried: %zu servers)",
             (unsigned long long)w->unheard_n, w->env->config->recursors.n);
    w->warned_at = now;
    w->unheard_n = 0;
}

static void on_forwarded(struct dns_forward_call *c, struct str answer)
{
    struct dns_pending *p = LIST_ITEM(c, struct dns_worker_call, call)->pending;
    struct dns_worker *w = p->worker;

    if (answer.n > 0) {
        dns_worker_finish(p, (const uint8_t *)answer.p, answer.n);
        return;
    }
    note_unheard(w);
    size_t n = dns_worker_servfail(w, p->packet, p->is_tcp, w->out);
    dns_worker_finish(p, w->out, n);
}

static void on_chased(struct dns_forward_call *c, struct str answer)
{
    struct dns_worker_call *call = LIST_ITEM(c, struct dns_worker_call, call);
    struct dns_pending *p = call->pending;

    if (answer.n > 0)
        p->chase->items[call - p->calls].packet = str_make(mem_dup(answer.p, answer.n), answer.n);
    if (--p->call_n > 0)
        return;
    p->chase->is_final = true;
    dns_worker_finish_here(p);
}

void dns_worker_finish_here(struct dns_pending *p)
{
    struct dns_worker *w = p->worker;
    struct dns_chase none = {.is_final = true};
    struct view view;
    size_t n = 0;

    struct view *v = dns_worker_begin(w, p->asker.token, &view);
    struct dns_question q =
        question_of(w, v, p->packet, p->is_tcp, p->chase ? p->chase : &none, &p->asker, p->seed);
    enum dns_outcome outcome = dns_answer(&q, w->out, &n);

    if (outcome != DNS_ANSWERED) /* the state has changed so that the name is no longer ours */
        n = dns_answer_servfail(&q, w->out);
    dns_worker_end(v);
    dns_mem_reset(&w->mem);
    dns_worker_finish(p, w->out, n);
}

void dns_worker_finish(struct dns_pending *p, const uint8_t *answer, size_t n)
{
    struct dns_worker *w = p->worker;

    list_remove(&p->link);
    w->pending_n--;
    disown(p->packet);
    disown(p->asker.node);
    disown(p->asker.translating);
    disown(p->asker.prepared);
    disown(p->asker.token);
    if (p->chase)
        for (size_t i = 0; i < p->chase->n; i++)
            disown(p->chase->items[i].packet);
    mem_free(p->chase);
    mem_free(p->calls);
    p->done(p, answer, n);
    if (w->pending_n == 0 && w->on_idle)
        w->on_idle(w);
}
