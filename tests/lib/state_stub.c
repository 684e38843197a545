/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A state for tests of consensus: a command is a key and a value ("k=v" after
 * the command's two header bytes), kept as a row; "fail" fails. Real store.
 */
#include "tests/lib/state_stub.h"

#include "base/mem.h"

const char *const state_table_names[STATE_TABLE_N] = {
#define X(name) [name] = #name,
    STATE_TABLES(X)
#undef X
};

struct state {
    struct store *store;
    struct store_reader *reader;
};

void result_init(struct result *r)
{
    *r = (struct result){0};
    buf_init(&r->body, 0);
}

void result_fini(struct result *r)
{
    buf_fini(&r->body);
}

void change_init(struct change_batch *b)
{
    *b = (struct change_batch){0};
    buf_init(&b->items, 0);
}

void change_fini(struct change_batch *b)
{
    buf_fini(&b->items);
}

void change_clear(struct change_batch *b)
{
    buf_clear(&b->items);
    b->n = 0;
}

void command_begin(struct buf *out, enum command_id id)
{
    buf_put_u8(out, COMMAND_VERSION);
    buf_put_u8(out, (uint8_t)id);
}

struct state *state_new(struct store *store)
{
    struct state *s = mem_new(struct state);

    s->store = store;
    s->reader = store_reader_new(store);
    return s;
}

void state_free(struct state *s)
{
    store_reader_free(s->reader);
    mem_free(s);
}

uint64_t state_applied_index(struct state *s)
{
    struct store_view *v = store_view_begin(s->reader);
    struct str value;
    uint64_t index = 0;

    if (store_get(v, TABLE_META, STR_LIT("applied"), &value)) {
        struct cursor in = cursor_make(value);
        index = cursor_u64(&in);
    }
    store_view_end(v);
    return index;
}

static int apply(struct state *s, uint64_t index, struct str command, struct change_batch *changes,
                 struct result *result)
{
    struct store_txn *txn = store_txn_begin(s->store);
    struct str body = str_drop(command, 2);
    size_t at = str_find(body, '=', 0);
    char number[8];

    ASSERT(command.n >= 2);
    result->status = 0;
    result->text[0] = '\0';
    buf_clear(&result->body);
    for (int i = 0; i < 8; i++)
        number[i] = (char)(index >> (56 - 8 * i));
    store_put(txn, TABLE_META, STR_LIT("applied"), (struct str){number, 8});
    if (str_eq_z(body, "fail")) {
        result->status = ERR_INVALID;
    } else if (body.n) {
        store_put(txn, TABLE_KV, str_take(body, at), str_drop(body, at + 1));
        buf_put_str(&result->body, body);
        changes->n++;
    }
    return store_commit(txn);
}

int state_apply_group(struct state *s, uint64_t first, const struct str *commands, uint32_t n,
                      struct change_batch *changes, struct result *results)
{
    int rc = 0;

    for (uint32_t i = 0; i < n && rc == 0; i++)
        rc = apply(s, first + i, commands[i], changes, &results[i]);
    return rc;
}

bool state_stub_get(struct state *s, const char *key, struct buf *ret)
{
    struct store_view *v = store_view_begin(s->reader);
    struct str value;
    bool found = store_get(v, TABLE_KV, str_z(key), &value);

    buf_clear(ret);
    if (found)
        buf_put_str(ret, value);
    store_view_end(v);
    return found;
}
