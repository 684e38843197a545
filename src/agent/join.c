/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/join.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent_state.h"
#include "agent/resolve.h"
#include "base/mem.h"

#define PORT_LAN 8301
#define PORT_WAN 8302

/* One thing that was given. */
struct target {
    struct join *join;
    char text[300];
    struct resolve *resolve;
    size_t pending; /* addresses in exchange */
    struct addr last;
};

struct join {
    struct list link;
    struct joins *owner;
    struct target *targets;
    size_t target_n, pending, joined;
    int status;
    struct buf errors;
    size_t error_n;
    join_fn done;
    void *data;
    bool ended; /* told; lives on until the last callback of below */
    struct timer timer;
};

static void finish_if_done(struct join *j);

void join_all_init(struct joins *j, struct agent *a, struct pool *p, void *uv_loop)
{
    *j = (struct joins){.agent = a, .pool = p, .uv_loop = uv_loop};
    list_init(&j->list);
    list_init(&j->ended);
    list_init(&j->exchanges);
}

static void join_free(struct join *j)
{
    list_remove(&j->link);
    timers_cancel(j->owner->agent->timers, &j->timer);
    buf_fini(&j->errors);
    mem_free(j->targets);
    mem_free(j);
}

static void tell(struct join *j, int status)
{
    struct buf text;
    if (j->ended)
        return;
    j->ended = true;
    list_remove(&j->link);
    list_push(&j->owner->ended, &j->link);
    buf_init(&text, 0);
    if (j->error_n)
        buf_putf(&text, "%zu error%s occurred:\n%s\n", j->error_n, j->error_n == 1 ? "" : "s",
                 buf_z(&j->errors));
    if (status && !text.n)
        buf_put_z(&text, error_text(status));
    j->done(j->data, j->joined, j->joined ? 0 : status, buf_str(&text));
    buf_fini(&text);
}

static void finish_if_done(struct join *j)
{
    if (j->pending > 0)
        return;
    tell(j, j->joined ? 0 : j->status);
    join_free(j);
}

static void fail(struct target *t, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void fail(struct target *t, int status, const char *fmt, ...)
{
    struct join *j = t->join;
    char line[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    j->status = status;
    j->error_n++;
    buf_putf(&j->errors, "\t* %s\n", line);
}

/* Go's words for a dial that failed. */
static void fail_dial(struct target *t, const struct addr *a, int status)
{
    char address[ADDR_TEXT_MAX], ip[ADDR_TEXT_MAX];
    addr_format(a, address);
    addr_format_ip(a, ip);
    if (status == -ECONNREFUSED)
        fail(t, status, "Failed to join %s: dial tcp %s: connect: connection refused", ip, address);
    else if (status == ERR_TIMEOUT || status == -ETIMEDOUT)
        fail(t, status, "Failed to join %s: dial tcp %s: i/o timeout", ip, address);
    else
        fail(t, status, "Failed to join %s: %s", ip, error_text(status));
}

struct exchange {
    struct list link;
    struct target *target;
    struct addr addr;
};

static void on_joined(void *data, size_t joined, int status, const struct addr *failed)
{
    struct exchange *x = data;
    struct join *j = x->target->join;
    (void)failed;
    if (joined)
        j->joined++;
    else
        fail_dial(x->target, &x->addr, status ? status : ERR_TIMEOUT);
    list_remove(&x->link);
    mem_free(x);
    j->pending--;
    finish_if_done(j);
}

static void exchange(struct target *t, const struct addr *a)
{
    struct exchange *x = mem_new(struct exchange);
    x->target = t;
    x->addr = *a;
    list_push(&t->join->owner->exchanges, &x->link);
    t->join->pending++;
    int rc = gossip_join(pool_gossip(t->join->owner->pool), clock_now(), a, 1, on_joined, x);
    if (rc) {
        t->join->pending--;
        fail_dial(t, a, rc);
        list_remove(&x->link);
        mem_free(x);
    }
}

static void on_resolved(void *data, int status, const struct addr *addrs, size_t n)
{
    struct target *t = data;
    struct join *j = t->join;
    t->resolve = NULL;
    if (status)
        fail(t, status, "Failed to resolve %s: lookup %s: no such host", t->text, t->text);
    for (size_t i = 0; i < n; i++)
        exchange(t, &addrs[i]);
    j->pending--;
    finish_if_done(j);
}

/* "name", "name:port", "NAME.DC/ip:port". */
static void begin(struct target *t, struct str text)
{
    struct joins *owner = t->join->owner;
    uint16_t port = pool_kind_of(owner->pool) == POOL_LAN ? PORT_LAN : PORT_WAN;
    struct addr a;
    uint64_t given;
    size_t slash = str_find(text, '/', 0);
    (void)str_copy_z(str_take(text, sizeof t->text - 1), t->text, sizeof t->text);
    if (slash < text.n)
        text = str_drop(text, slash + 1);
    if (addr_parse(text, port, &a) == 0 || addr_parse_port(text, port, &a) == 0) {
        exchange(t, &a);
        return;
    }
    size_t colon = str_find(text, ':', 0);
    if (colon < text.n) {
        if (str_to_u64(str_drop(text, colon + 1), &given) || given == 0 || given > 65535) {
            fail(t, ERR_INVALID, "Failed to resolve %s: invalid port", t->text);
            return;
        }
        port = (uint16_t)given;
        text = str_take(text, colon);
    }
    int rc = resolve_start(owner->uv_loop, text, port, on_resolved, t, &t->resolve);
    if (rc) {
        fail(t, rc, "Failed to resolve %s: lookup %s: %s", t->text, t->text,
             rc == ERR_INVALID ? "no such host" : error_text(rc));
        return;
    }
    t->join->pending++;
}

static void on_begun(struct timer *timer, struct instant now)
{
    struct join *j = LIST_ITEM(timer, struct join, timer);
    (void)now;
    j->pending--;
    finish_if_done(j);
}

void join_start(struct joins *owner, const struct str *texts, size_t n, join_fn done, void *data)
{
    struct join *j = mem_new(struct join);
    j->owner = owner;
    j->done = done;
    j->data = data;
    j->target_n = n;
    j->targets = mem_alloc((n + 1) * sizeof *j->targets);
    buf_init(&j->errors, 0);
    list_push(&owner->list, &j->link);
    j->pending = 1; /* until all are begun, and so that nothing is told from inside */
    for (size_t i = 0; i < n; i++) {
        j->targets[i].join = j;
        begin(&j->targets[i], texts[i]);
    }
    j->timer.fire = on_begun;
    timers_set(owner->agent->timers, &j->timer, clock_now());
}

void join_all_stop(struct joins *owner)
{
    struct list *l;
    while ((l = list_first(&owner->list)) != NULL) {
        struct join *j = LIST_ITEM(l, struct join, link);
        tell(j, ERR_CLOSED);
        for (size_t i = 0; i < j->target_n; i++) {
            if (!j->targets[i].resolve)
                continue;
            resolve_cancel(j->targets[i].resolve);
            j->targets[i].resolve = NULL;
            j->pending--;
        }
        finish_if_done(j);
    }
}

void join_all_fini(struct joins *owner)
{
    struct list *l;
    join_all_stop(owner);
    while ((l = list_pop(&owner->exchanges)) != NULL)
        mem_free(LIST_ITEM(l, struct exchange, link));
    while ((l = list_first(&owner->ended)) != NULL)
        join_free(LIST_ITEM(l, struct join, link));
}

/* ---- again and again ---- */

static void try_now(struct join_retry *r);

static void on_timer(struct timer *t, struct instant now)
{
    (void)now;
    try_now(LIST_ITEM(t, struct join_retry, timer));
}

static void on_tried(void *data, size_t joined, int status, struct str errors)
{
    struct join_retry *r = data;
    struct buf pause;
    char why[160];
    if (r->stopped || status == ERR_CLOSED)
        return;
    if (joined > 0) {
        log_info("agent",
                 "Join cluster completed. Synced with initial agents: cluster=%s "
                 "num_agents=%zu",
                 r->cluster, joined);
        return;
    }
    if (r->max > 0 && r->tries > r->max) {
        snprintf(why, sizeof why, "max join retry exhausted, exiting");
        r->gave_up(r->data, why);
        return;
    }
    buf_init(&pause, 0);
    duration_format(r->interval, &pause);
    log_warn("agent",
             "Join cluster failed, will retry: cluster=%s retry_interval=%s error=\"%.*s\"",
             r->cluster, buf_z(&pause), STR_ARG(str_trim(errors)));
    buf_fini(&pause);
    r->timer.fire = on_timer;
    timers_set(r->joins->agent->timers, &r->timer, instant_add(clock_now(), r->interval));
}

static void try_now(struct join_retry *r)
{
    struct str *texts = mem_alloc((r->names->n + 1) * sizeof *texts);
    for (size_t i = 0; i < r->names->n; i++)
        texts[i] = str_z(r->names->items[i]);
    r->tries++;
    log_info("agent", "Joining cluster...: cluster=%s", r->cluster);
    join_start(r->joins, texts, r->names->n, on_tried, r);
    mem_free(texts);
}

void join_retry_start(struct join_retry *r)
{
    if (r->names->n > 0)
        try_now(r);
}

void join_retry_stop(struct join_retry *r)
{
    r->stopped = true;
    if (r->joins)
        timers_cancel(r->joins->agent->timers, &r->timer);
}
