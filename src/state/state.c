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

static void apply_begin(struct apply *a, struct store *store)
{
    a->txn = store_txn_begin(store);
    a->view.store = store_txn_view(a->txn);
}

int state_apply(struct state *s, uint64_t index, struct str command, struct change_batch *changes,
                struct result *result)
{
    struct apply a = {.index = index, .changes = changes, .result = result};
    size_t changes_size = changes->items.n;
    uint32_t changes_n = changes->n;

    buf_init(&a.released, 0);
    result->status = 0;
    result->text[0] = '\0';
    buf_clear(&result->body);
    apply_begin(&a, s->store);
    result->status = apply_command(&a, command);
    if (result->status < 0 || a.rollback) {
        store_abort(a.txn);
        change_cut(changes, changes_size, changes_n);
        buf_clear(&a.released);
        apply_begin(&a, s->store);
    }
    indexes_set_applied(a.txn, index);
    int rc = store_commit(a.txn);
    if (rc < 0) {
        result->status = ERR_STORAGE;
        snprintf(result->text, sizeof result->text, "the store cannot be written: %s",
                 error_text(rc));
        buf_clear(&result->body);
        change_cut(changes, changes_size, changes_n);
    } else {
        if (result->status < 0 && result->text[0] == '\0')
            snprintf(result->text, sizeof result->text, "%s", error_text(result->status));
        changes->index = index;
        tell_lock_delays(s, buf_str(&a.released));
    }
    buf_fini(&a.released);
    return rc;
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
