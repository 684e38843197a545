/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/lock_delay.h"

#include "base/map.h"
#include "base/mem.h"
#include "state/txn_mixed.h"

/* Entries whose time is over are dropped when so many are there, and again at twice what is left.
 */
#define SWEEP_MIN 64

struct lock_delay {
    struct map by_key; /* struct instant *, the end */
    size_t sweep_n;
};

struct lock_delay *lock_delay_new(uint64_t seed)
{
    struct lock_delay *d = mem_new(struct lock_delay);
    map_init(&d->by_key, seed);
    d->sweep_n = SWEEP_MIN;
    return d;
}

static void sweep(struct lock_delay *d, struct instant now)
{
    MAP_FOREACH (&d->by_key, e) {
        struct instant *end = e->value;
        if (instant_before(now, *end))
            continue;
        map_del(&d->by_key, map_key(e));
        mem_free(end);
    }
}

void lock_delay_free(struct lock_delay *d)
{
    if (!d)
        return;
    sweep(d, INSTANT_NEVER);
    map_fini(&d->by_key);
    mem_free(d);
}

void lock_delay_start(struct lock_delay *d, struct str key, struct duration delay,
                      struct instant now)
{
    struct instant *end = map_get(&d->by_key, key);
    if (d->by_key.n >= d->sweep_n && !end) {
        sweep(d, now);
        d->sweep_n = d->by_key.n * 2 + SWEEP_MIN;
    }
    if (!end) {
        end = mem_new(struct instant);
        map_set(&d->by_key, key, end);
    }
    *end = instant_add(now, delay);
}

bool lock_delay_holds(const struct lock_delay *d, struct str key, struct instant now)
{
    const struct instant *end = map_get(&d->by_key, key);
    return end && instant_before(now, *end);
}

size_t lock_delay_count(const struct lock_delay *d)
{
    return d->by_key.n;
}

static bool op_is_held(const struct lock_delay *d, const struct kv_op *op, struct instant now)
{
    return (op->verb == KV_LOCK || op->verb == KV_HOLD) && lock_delay_holds(d, op->key, now);
}

/* consul: kvsPreApply */
static bool refuses_op(const struct lock_delay *d, struct str body, struct instant now,
                       struct buf *ret_body)
{
    struct unpack u = unpack_make(body);
    struct kv_op op;
    if (kv_unpack_op(&u, &op) || !op_is_held(d, &op, now))
        return false;
    pack_array(ret_body, 2);
    pack_bool(ret_body, false);
    pack_uint(ret_body, 0);
    return true;
}

static void txn_error(struct buf *errors, uint32_t op_i, struct str key)
{
    struct buf text;
    buf_init(&text, 0);
    buf_putf(&text, "failed to lock key \"%.*s\" due to lock delay", STR_ARG(key));
    pack_array(errors, 2);
    pack_uint(errors, op_i);
    pack_str(errors, buf_str(&text));
    buf_fini(&text);
}

static int next_op(struct unpack *u, bool mixed, struct txn_op *ret)
{
    ret->kind = TXN_KV;
    return mixed ? txn_mixed_unpack(u, ret) : kv_unpack_op(u, &ret->kv);
}

/* consul: Txn.preCheck */
static bool refuses_txn(const struct lock_delay *d, struct str body, bool mixed, struct instant now,
                        struct buf *ret_body)
{
    struct unpack u = unpack_make(body);
    uint32_t n = unpack_array(&u), error_n = 0;
    struct buf errors;
    struct txn_op op;
    buf_init(&errors, 0);
    for (uint32_t i = 0; i < n && !next_op(&u, mixed, &op); i++) {
        if (op.kind != TXN_KV || !op_is_held(d, &op.kv, now))
            continue;
        txn_error(&errors, i, op.kv.key);
        error_n++;
    }
    if (error_n) {
        pack_array(ret_body, 2);
        pack_array(ret_body, 0);
        pack_array(ret_body, error_n);
        buf_put_str(ret_body, buf_str(&errors));
    }
    buf_fini(&errors);
    return error_n > 0;
}

bool lock_delay_refuses(const struct lock_delay *d, struct str command, struct instant now,
                        struct buf *ret_body)
{
    uint8_t id;
    struct str body;
    if (d->by_key.n == 0 || command_split(command, &id, &body))
        return false;
    return id == COMMAND_KV ? refuses_op(d, body, now, ret_body)
           : id == COMMAND_TXN || id == COMMAND_TXN_MIXED
               ? refuses_txn(d, body, id == COMMAND_TXN_MIXED, now, ret_body)
               : false;
}
