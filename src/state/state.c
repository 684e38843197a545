/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/state.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "state/acl.h"
#include "state/catalog.h"
#include "state/coordinate.h"
#include "state/indexes.h"
#include "state/kv.h"
#include "state/pilot.h"
#include "state/query.h"
#include "state/restore.h"
#include "state/session.h"
#include "state/txn.h"
#include "state/txn_mixed.h"

const char *const state_table_names[STATE_TABLE_N] = {
#define X(name) [name] = #name,
    STATE_TABLES(X)
#undef X
};

struct state {
    struct store *store;
    void (*on_lock_delay)(void *data, struct str key, int64_t delay_ns);
    void *data;
    size_t history_max;
};

static int command_apply_noop(struct apply *a, struct str body)
{
    (void)a;
    (void)body;
    return 0;
}

static state_apply_fn find_apply(uint8_t id)
{
    switch (id) {
#define X(name, number, apply)                                                                     \
    case number:                                                                                   \
        return apply;
        COMMAND_TABLE(X)
#undef X
    }
    return NULL;
}

struct state *state_new(struct store *store)
{
    struct state *s = mem_new(struct state);

    s->store = store;
    return s;
}

void state_free(struct state *s)
{
    mem_free(s);
}

void state_set_lock_delay(struct state *s,
                          void (*on_delay)(void *data, struct str key, int64_t delay_ns),
                          void *data)
{
    s->on_lock_delay = on_delay;
    s->data = data;
}

void state_set_history(struct state *s, size_t bytes_max)
{
    s->history_max = bytes_max;
}

void result_init(struct result *r)
{
    *r = (struct result){0};
    buf_init(&r->body, 0);
}

void result_fini(struct result *r)
{
    buf_fini(&r->body);
}

int state_fail(struct apply *a, int code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(a->result->text, sizeof a->result->text, fmt, args);
    va_end(args);
    return code;
}

static int apply_command(struct apply *a, struct str command)
{
    uint8_t id;
    struct str body;

    if (command_split(command, &id, &body) < 0)
        return state_fail(a, ERR_INVALID, "not a command of version %d", COMMAND_VERSION);
    state_apply_fn apply = find_apply(id);
    if (!apply)
        return state_fail(a, ERR_INVALID, "unknown command %d", id);
    return apply(a, body);
}

static void tell_lock_delays(struct state *s, struct str released)
{
    struct cursor c = cursor_make(released);

    while (s->on_lock_delay && cursor_left(&c)) {
        int64_t delay_ns = (int64_t)cursor_u64(&c);
        s->on_lock_delay(s->data, cursor_bytes(&c, cursor_u32(&c)), delay_ns);
    }
}

/* ---- groups ----
 *
 * A transaction of the store costs more than most commands, so a group of them shares one. What a
 * command that fails has written must go, and the store cannot take back a part: the group is then
 * cut before it, and what came before is applied once more (to the same results: a command is a
 * function of the state) and committed, so that no command is applied more than twice. */

struct group {
    struct state *s;
    struct store_txn *txn;
    struct change_batch *changes;
    struct buf released; /* see struct apply */
    uint64_t first;      /* index of commands[0] */
    const struct str *commands;
    struct result *results;
};
struct mark { /* what a command or a group has told so far */
    size_t changes_size, released_size;
    uint32_t changes_n;
};

static struct mark mark_of(const struct group *g)
{
    return (struct mark){g->changes->items.n, g->released.n, g->changes->n};
}

static void cut_to(struct group *g, struct mark m)
{
    change_cut(g->changes, m.changes_size, m.changes_n);
    g->released.n = m.released_size;
}

/* False when it failed and has left something in the transaction. */
static bool apply_one(struct group *g, uint32_t i)
{
    struct result *result = &g->results[i];
    struct mark before = mark_of(g);
    uint64_t writes = store_writes(g->txn);
    struct apply a = {.txn = g->txn,
                      .view.store = store_txn_view(g->txn),
                      .index = g->first + i,
                      .history_max = g->s->history_max,
                      .changes = g->changes,
                      .result = result,
                      .released = g->released};

    result->status = 0;
    result->text[0] = '\0';
    buf_clear(&result->body);
    result->status = apply_command(&a, g->commands[i]);
    g->released = a.released;
    if (result->status < 0 && result->text[0] == '\0')
        snprintf(result->text, sizeof result->text, "%s", error_text(result->status));
    if (result->status >= 0 && !a.rollback)
        return true;
    cut_to(g, before);
    return store_writes(g->txn) == writes;
}

static int commit(struct group *g, uint64_t applied)
{
    indexes_set_applied(g->txn, applied);
    return store_commit(g->txn);
}

/* Applies commands from..to-1 in a transaction, or the first of them up to one that has to be taken
 * back; *ret_to is behind the last that is settled. */
static int apply_some(struct group *g, uint32_t from, uint32_t to, uint32_t *ret_to)
{
    struct mark before = mark_of(g);
    uint32_t i = from;

    g->txn = store_txn_begin(g->s->store);
    while (i < to && apply_one(g, i) && store_error(g->txn) == 0)
        i++;
    *ret_to = i;
    if (i < to && store_error(g->txn) == 0) {
        store_abort(g->txn);
        cut_to(g, before);
        g->txn = store_txn_begin(g->s->store);
        for (uint32_t k = from; k < i; k++) {
            bool same = apply_one(g, k);
            ASSERT(same);
        }
        *ret_to = i + 1; /* it has its result; that it changes nothing is all there is to commit */
    }
    int rc = commit(g, g->first + *ret_to - 1);
    if (rc < 0)
        cut_to(g, before);
    return rc;
}

static void refuse(struct result *result, int rc)
{
    result->status = ERR_STORAGE;
    snprintf(result->text, sizeof result->text, "the store cannot be written: %s", error_text(rc));
    buf_clear(&result->body);
}

int state_apply_group(struct state *s, uint64_t first, const struct str *commands, uint32_t n,
                      struct change_batch *changes, struct result *results)
{
    struct group g = {
        .s = s, .changes = changes, .first = first, .commands = commands, .results = results};
    uint32_t done = 0, to = 0, alone = 0; /* commands before `alone` go one by one */
    int ret = 0;

    buf_init(&g.released, 0);
    while (done < n) {
        int rc = apply_some(&g, done, done < alone ? done + 1 : n, &to);
        if (rc == 0) {
            done = to;
        } else if (done < alone || n - done == 1) {
            refuse(&results[done++], rc);
            ret = rc;
        } else {
            alone = n; /* find the one that finds no room */
        }
    }
    changes->index = first + n - 1;
    tell_lock_delays(s, buf_str(&g.released));
    buf_fini(&g.released);
    return ret;
}

int state_apply(struct state *s, uint64_t index, struct str command, struct change_batch *changes,
                struct result *result)
{
    return state_apply_group(s, index, &command, 1, changes, result);
}

uint64_t state_applied_index(struct state *s)
{
    struct store_txn *t = store_txn_begin(s->store);
    struct view v = {.store = store_txn_view(t)};
    uint64_t index = indexes_applied(&v);

    store_abort(t);
    return index;
}

/* strconv.Quote, but that every valid UTF-8 character above ASCII counts as printable. */
void state_quote(struct buf *out, struct str s)
{
    static const char escapes[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";

    buf_put_c(out, '"');
    while (s.n) {
        unsigned char c = (unsigned char)s.p[0];
        const char *e = c ? strchr(escapes, c) : NULL;
        size_t size = 1;

        if (e) {
            buf_put_c(out, '\\');
            buf_put_c(out, letters[e - escapes]);
        } else if (c >= 0x80) {
            while (size < 4 && size < s.n && !str_is_utf8(str_take(s, size)))
                size++;
            if (str_is_utf8(str_take(s, size)))
                buf_put(out, s.p, size);
            else
                buf_putf(out, "\\x%02x", c), size = 1;
        } else if (c < 0x20 || c == 0x7f) {
            buf_putf(out, "\\x%02x", c);
        } else {
            buf_put_c(out, (char)c);
        }
        s = str_drop(s, size);
    }
    buf_put_c(out, '"');
}
