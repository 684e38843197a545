/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/replica.h"

#include "agent/agent_state.h"
#include "agent/replica_wire.h"
#include "agent/ship.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "state/history.h"
#include "store/store_rows.h"

#define LOG       "agent.replica"
#define RETRY     DURATION_MS(200)
#define ASK_AGAIN DURATION_S(3) /* also keeps the connection from being closed as idle */
/* It answers at once. One that does not, though its connection stands, is behind a cut that gossip
 * gets around by other members: another is followed. */
#define ANSWER_TIME DURATION_S(5) /* over RPC_CLIENT_SILENCE */
#define TOUCHED_MAX ((size_t)1 << 20)
/* A server whose state is older than what was shown (it has just been started) is asked again;
 * after so many times it is believed: the cluster is another one. */
#define OLDER_MAX 150
/* A server that knows no leader is left for another when it was asked so often. */
#define LEADERLESS_MAX 3

enum replica_state { REPLICA_IDLE, REPLICA_LOADING, REPLICA_LIVE };

struct replica {
    struct agent *agent;
    enum replica_state state;
    struct addr server; /* that is followed */
    struct ship follow, rows;
    bool following_asked, rows_asked, stopped;
    struct timer timer, wait_timer;
    unsigned leaderless, older;
    /* LOADING: all of it in one transaction, so that nobody sees a part */
    struct store_txn *txn;
    uint64_t step_first, step_last; /* of the group that is put: kept in the history; 0: not */
    struct map touched;             /* table and key of what was told since: newer than any page */
    int table;
    bool is_first;
    struct buf after;
    /* LIVE */
    uint64_t index;
    struct list waits;
};

static void follow(struct replica *r);
static void ask_rows(struct replica *r);

/* ---- waiting ---- */

static void release(struct replica *r, struct instant now, bool all)
{
    struct instant next = INSTANT_NEVER;
    LIST_FOREACH (&r->waits, l) {
        struct replica_wait *w = LIST_ITEM(l, struct replica_wait, link);
        if (all || (r->state == REPLICA_LIVE && w->index <= r->index) ||
            !instant_before(now, w->until)) {
            list_remove(l);
            w->go(w);
        } else if (instant_before(w->until, next)) {
            next = w->until;
        }
    }
    if (next.ns == INSTANT_NEVER.ns)
        timers_cancel(r->agent->timers, &r->wait_timer);
    else
        timers_set(r->agent->timers, &r->wait_timer, next);
}

static void on_wait_timer(struct timer *t, struct instant now)
{
    release(LIST_ITEM(t, struct replica, wait_timer), now, false);
}

void replica_hold(struct replica *r, struct replica_wait *w, uint64_t index)
{
    struct instant now = clock_now();
    w->index = index;
    w->until = instant_add(now, REPLICA_WAIT);
    list_push(&r->waits, &w->link);
    release(r, now, r->stopped);
}

/* ---- the copy ---- */

static void publish(struct replica *r, const struct change_batch *b)
{
    struct agent *a = r->agent;
    published_set(&a->published, PUBLISHED_APPLIED_INDEX, r->index);
    if (b->n > 0 || b->everything) {
        shown_published(&a->shown, r->index);
        agent_publish(a, b);
    }
    release(r, clock_now(), false);
}

static void give_up_loading(struct replica *r)
{
    store_abort(r->txn);
    r->txn = NULL;
    map_fini(&r->touched);
    map_init(&r->touched, rng_u64(&r->agent->rng));
    buf_clear(&r->after);
}

static void start_again(struct replica *r)
{
    give_up_loading(r);
    r->state = REPLICA_IDLE;
    if (r->rows_asked)
        ship_cancel(&r->rows);
    if (!r->stopped)
        timers_set(r->agent->timers, &r->timer, instant_add(clock_now(), RETRY));
}

static void touch(struct replica *r, const struct store_row *row)
{
    struct buf name;
    buf_init(&name, 0);
    buf_put_u8(&name, (uint8_t)row->table);
    buf_put_str(&name, row->key);
    map_set(&r->touched, buf_str(&name), r);
    buf_fini(&name);
}

static bool is_touched(const struct replica *r, const struct store_row *row)
{
    struct buf name;
    buf_init(&name, 0);
    buf_put_u8(&name, (uint8_t)row->table);
    buf_put_str(&name, row->key);
    bool is = map_get(&r->touched, buf_str(&name)) != NULL;
    buf_fini(&name);
    return is;
}

/* Puts the rows into the transaction. is_page: unless something newer was told. */
static int put_rows(struct replica *r, struct store_txn *txn, struct str rows, bool is_page)
{
    struct store_row row;
    while (store_rows_next(&rows, &row)) {
        if (row.table >= store_table_count(store_txn_view(txn)))
            return ERR_CORRUPT;
        if (is_page && is_touched(r, &row))
            continue;
        if (!is_page && r->state == REPLICA_LOADING)
            touch(r, &row);
        if (r->step_first > 0 && row.table == TABLE_KV)
            history_note_step(txn, (size_t)r->agent->config->mount_history, r->step_first,
                              r->step_last, row.key);
        if (row.is_gone)
            (void)store_del(txn, row.table, row.key);
        else
            store_put(txn, row.table, row.key, row.value);
        if (is_page) {
            buf_clear(&r->after);
            buf_put_str(&r->after, row.key);
        }
    }
    return rows.n > 0 ? ERR_CORRUPT : store_error(txn);
}

static void loaded(struct replica *r)
{
    struct change_batch all;
    int rc = store_commit(r->txn);
    r->txn = NULL;
    if (rc < 0) {
        log_error(LOG, "the copy of the state finds no room: error=\"%s\"", error_text(rc));
        start_again(r);
        return;
    }
    give_up_loading(r); /* what loading needed */
    r->state = REPLICA_LIVE;
    r->index = state_applied_index(r->agent->state);
    log_info(LOG, "the copy of the state is there: index=%llu", (unsigned long long)r->index);
    change_init(&all);
    all.everything = true;
    all.index = r->index;
    publish(r, &all);
    change_fini(&all);
}

static void on_rows(struct ship *s)
{
    struct replica *r = LIST_ITEM(s, struct replica, rows);
    struct str rows;
    bool is_last;
    r->rows_asked = false;
    int rc = s->status;
    if (rc == 0)
        rc = replica_wire_get_page(buf_str(&s->answer), &rows, &is_last);
    if (r->state != REPLICA_LOADING) {
        ship_fini(s);
        return;
    }
    if (rc == 0)
        rc = put_rows(r, r->txn, rows, true);
    ship_fini(s);
    r->is_first = false;
    if (rc == 0 && is_last) {
        r->table++;
        r->is_first = true;
        buf_clear(&r->after);
    }
    if (rc < 0)
        start_again(r);
    else if (r->table == store_table_count(store_txn_view(r->txn)))
        loaded(r);
    else
        ask_rows(r);
}

static void ask_rows(struct replica *r)
{
    const struct replica_wire_ask ask = {r->table, r->is_first, buf_str(&r->after)};
    r->rows_asked = true;
    r->rows = (struct ship){
        .kind = SHIP_ROWS, .target = SHIP_TO_ADDRESS, .address = r->server, .done = on_rows};
    buf_init(&r->rows.body, 0);
    replica_wire_put_ask(&ask, &r->rows.body);
    ship_submit_core(r->agent, &r->rows);
}

static void load(struct replica *r)
{
    r->state = REPLICA_LOADING;
    r->txn = store_txn_begin(r->agent->store);
    for (int i = 0; i < STATE_TABLE_N; i++)
        store_clear(r->txn, i);
    history_clear(r->txn); /* it was that of another copy */
    r->table = 0;
    r->is_first = true;
    buf_clear(&r->after);
    ask_rows(r);
}

/* A group, while all is there. */
static int apply(struct replica *r, struct str rows, uint64_t index)
{
    uint64_t before = state_applied_index(r->agent->state);
    struct store_txn *txn = store_txn_begin(r->agent->store);
    if (index > before) {
        r->step_first = before + 1;
        r->step_last = index;
    }
    int rc = put_rows(r, txn, rows, false);
    r->step_first = 0;
    if (rc == 0)
        return store_commit(txn);
    store_abort(txn);
    return rc;
}

void replica_told(struct replica *r, const struct addr *server, struct str group)
{
    struct change_batch b;
    struct str rows;
    bool lost;
    if (r->state == REPLICA_IDLE || !addr_eq(&r->server, server))
        return; /* of one that is no longer followed */
    change_init(&b);
    int rc = replica_wire_get_group(group, &b, &rows, &lost);
    if (rc == 0 && lost)
        rc = ERR_TOO_LARGE;
    if (rc == 0 && r->state == REPLICA_LOADING)
        rc = r->touched.n > TOUCHED_MAX ? ERR_TOO_LARGE : put_rows(r, r->txn, rows, false);
    else if (rc == 0)
        rc = apply(r, rows, b.index);
    if (rc < 0) {
        log_warn(LOG, "the copy of the state is made anew: reason=\"%s\"", error_text(rc));
        start_again(r);
    } else if (r->state == REPLICA_LIVE) {
        r->index = b.index;
        publish(r, &b);
    }
    change_fini(&b);
}

/* ---- following ---- */

/* The one that is followed knows no leader; who was asked instead does. What is there is shown
 * until the new copy is. */
static void change_server(struct replica *r, const struct addr *server)
{
    start_again(r);
    r->server = *server;
    if (r->rows_asked) /* its end is still to come */
        return;
    timers_set(r->agent->timers, &r->timer, instant_add(clock_now(), ASK_AGAIN));
    load(r);
}

/* What was shown once shall not be taken back because a server has not read its log yet. */
static bool is_too_old(struct replica *r, uint64_t applied)
{
    if (applied > 0 && applied >= r->index)
        r->older = 0;
    else if (r->older < OLDER_MAX)
        r->older++;
    return r->older > 0 && r->older < OLDER_MAX;
}

static void on_followed(struct ship *s)
{
    struct replica *r = LIST_ITEM(s, struct replica, follow);
    struct agent *a = r->agent;
    struct replica_wire_news news = {0};
    struct addr server = s->address;
    int rc = s->status;
    r->following_asked = false;
    if (rc == 0)
        rc = replica_wire_get_news(buf_str(&s->answer), &news);
    ship_fini(s);
    if (r->stopped)
        return;
    timers_set(a->timers, &r->timer, instant_add(clock_now(), ASK_AGAIN));
    if (rc < 0 || (r->state == REPLICA_IDLE && is_too_old(r, news.applied))) {
        start_again(r);
    } else if (r->state == REPLICA_IDLE) {
        change_server(r, &server);
    } else if (!addr_eq(&r->server, &server)) {
        if (news.knows_leader && news.applied >= r->index)
            change_server(r, &server);
        return;
    }
    r->leaderless = news.knows_leader ? 0 : r->leaderless + 1;
    published_set(&a->published, PUBLISHED_KNOWS_LEADER, news.knows_leader);
    published_set(&a->published, PUBLISHED_LAST_CONTACT_MS, news.last_contact_ms);
}

/* Also asked again: whether the server is there, and how it stands. */
static void follow(struct replica *r)
{
    if (r->following_asked || r->stopped)
        return;
    if (r->rows_asked && r->state == REPLICA_IDLE) { /* its end is still to come */
        timers_set(r->agent->timers, &r->timer, instant_add(clock_now(), RETRY));
        return;
    }
    r->following_asked = true;
    r->follow = (struct ship){.kind = SHIP_FOLLOW, .limit = ANSWER_TIME, .done = on_followed};
    if (r->state != REPLICA_IDLE && r->leaderless < LEADERLESS_MAX) {
        r->follow.target = SHIP_TO_ADDRESS;
        r->follow.address = r->server;
    } else {
        r->follow.target = SHIP_TO_ANY;
        r->leaderless = 0;
    }
    buf_init(&r->follow.body, 0);
    ship_submit_core(r->agent, &r->follow);
}

static void on_timer(struct timer *t, struct instant now)
{
    (void)now;
    follow(LIST_ITEM(t, struct replica, timer));
}

void replica_lost(struct replica *r, const struct addr *server)
{
    if (r->state != REPLICA_IDLE && addr_eq(&r->server, server))
        start_again(r);
}

/* ---- life ---- */

struct replica *replica_new(struct agent *a)
{
    struct replica *r = mem_new(struct replica);
    r->agent = a;
    list_init(&r->waits);
    map_init(&r->touched, rng_u64(&a->rng));
    buf_init(&r->after, 0);
    r->timer.fire = on_timer;
    r->wait_timer.fire = on_wait_timer;
    timers_set(a->timers, &r->timer, clock_now());
    return r;
}

void replica_stop(struct replica *r)
{
    r->stopped = true;
    give_up_loading(r);
    r->state = REPLICA_IDLE;
    timers_cancel(r->agent->timers, &r->timer);
    release(r, clock_now(), true);
}

void replica_free(struct replica *r)
{
    if (!r)
        return;
    ASSERT(!r->txn && list_is_empty(&r->waits));
    map_fini(&r->touched);
    buf_fini(&r->after);
    mem_free(r);
}
