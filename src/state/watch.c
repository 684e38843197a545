/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An item keeps no copy of its key, only a 64-bit hash of (kind, exact or
 * prefix, key): a false match wakes a reader that finds nothing new and waits
 * again, which is harmless, and an item costs 40 bytes whatever the key's
 * length. The hash has no secret: who could craft a collision could as well
 * wait on the key itself.
 *
 * Prefixes: the index counts, per kind, how many waiting items there are of
 * each prefix length. A changed key is looked up once exactly and once per
 * length in use, so the cost does not depend on the number of watches.
 */
#include "config.h"

#include "state/watch.h"

#include "base/mem.h"

/* ---- changes ---- */

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
    b->index = 0;
    b->everything = false;
}

void change_add(struct change_batch *b, enum watch_kind kind, struct str key)
{
    if (b->everything)
        return;
    buf_put_u8(&b->items, (uint8_t)kind);
    buf_put_u32(&b->items, (uint32_t)key.n);
    buf_put_str(&b->items, key);
    b->n++;
    if (b->items.failed) { /* too much to list: say that all may have changed */
        buf_fini(&b->items);
        b->n = 0;
        b->everything = true;
    }
}

void change_copy(struct change_batch *dst, const struct change_batch *src)
{
    change_clear(dst);
    buf_put_str(&dst->items, buf_str(&src->items));
    dst->n = src->n;
    dst->index = src->index;
    dst->everything = src->everything || dst->items.failed;
}

void change_cut(struct change_batch *b, size_t size, uint32_t n)
{
    ASSERT(size <= b->items.n && n <= b->n);
    b->items.n = size;
    b->n = n;
}

bool change_next(const struct change_batch *b, size_t *pos, enum watch_kind *ret_kind,
                 struct str *ret_key)
{
    if (*pos >= b->items.n)
        return false;
    struct cursor c = cursor_make(str_drop(buf_str(&b->items), *pos));
    uint8_t kind = cursor_u8(&c);
    struct str key = cursor_bytes(&c, cursor_u32(&c));
    ASSERT(!c.bad && kind < WATCH_KINDS);
    *pos = b->items.n - cursor_left(&c);
    *ret_kind = (enum watch_kind)kind;
    *ret_key = key;
    return true;
}

/* ---- sets ---- */

struct watch_item {
    uint64_t hash;
    struct watch_item *next, **back; /* back: who points here; NULL: on no chain */
    struct watch_set *set;
    uint32_t length; /* of the prefix */
    uint8_t kind;    /* WATCH_KINDS: any change fires it */
    bool is_prefix;
    bool in_index; /* in a slot, not on the list of those to fire */
};

static uint64_t watch_hash(enum watch_kind kind, bool is_prefix, struct str key)
{
    return str_hash(key, 0x9e3779b97f4a7c15u * (2 * (uint64_t)kind + (is_prefix ? 2 : 1)));
}

void watch_init(struct watch_set *s)
{
    *s = (struct watch_set){0};
}

void watch_reset(struct watch_set *s)
{
    watch_leave(s);
    mem_free(s->items);
    s->items = NULL;
    s->n = 0;
    s->everything = false;
}

void watch_fini(struct watch_set *s)
{
    watch_reset(s);
}

static void watch_add(struct watch_set *s, enum watch_kind kind, bool is_prefix, struct str key)
{
    if (!s || s->everything)
        return;
    ASSERT(!s->in);
    uint64_t hash = watch_hash(kind, is_prefix, key);
    for (uint32_t i = 0; i < s->n; i++)
        if (s->items[i].hash == hash)
            return;
    if (s->n == WATCH_ITEMS_MAX) {
        s->everything = true;
        return;
    }
    /* Grown by powers of two: most reads note one or two. */
    if ((s->n & (s->n - 1)) == 0)
        s->items = mem_realloc(s->items, sizeof *s->items * (s->n ? 2 * s->n : 1));
    s->items[s->n++] = (struct watch_item){.hash = hash,
                                           .set = s,
                                           .length = (uint32_t)key.n,
                                           .kind = (uint8_t)kind,
                                           .is_prefix = is_prefix};
}

void watch_key(struct watch_set *s, enum watch_kind kind, struct str key)
{
    watch_add(s, kind, false, key);
}

void watch_prefix(struct watch_set *s, enum watch_kind kind, struct str prefix)
{
    watch_add(s, kind, true, prefix);
}

/* ---- index ---- */

struct watch_length {
    uint32_t length, count;
};

struct watch_index {
    struct watch_item **slots;
    size_t slot_n, item_n, set_n;
    uint64_t seed;
    struct watch_item *any;  /* fired by every change */
    struct watch_item *fire; /* first items of the sets to fire */
    struct {
        struct watch_length *p;
        uint32_t n, cap;
    } lengths[WATCH_KINDS]; /* of waiting prefixes, in no order */
};

#define WATCH_SLOTS_MIN 64

struct watch_index *watch_index_new(uint64_t seed)
{
    struct watch_index *x = mem_new(struct watch_index);

    x->seed = seed | 1;
    x->slot_n = WATCH_SLOTS_MIN;
    x->slots = mem_alloc(x->slot_n * sizeof(struct watch_item *));
    return x;
}

void watch_index_free(struct watch_index *x)
{
    if (!x)
        return;
    ASSERT(x->set_n == 0);
    for (int k = 0; k < WATCH_KINDS; k++)
        mem_free(x->lengths[k].p);
    mem_free(x->slots);
    mem_free(x);
}

size_t watch_index_count(const struct watch_index *x)
{
    return x->set_n;
}

static void item_link(struct watch_item **head, struct watch_item *i)
{
    i->next = *head;
    i->back = head;
    if (i->next)
        i->next->back = &i->next;
    *head = i;
}

static void item_unlink(struct watch_item *i)
{
    *i->back = i->next;
    if (i->next)
        i->next->back = i->back;
    i->next = NULL;
    i->back = NULL;
}

static struct watch_item **index_slot(struct watch_index *x, uint64_t hash)
{
    uint64_t h = (hash ^ x->seed) * 0xff51afd7ed558ccdu;
    return &x->slots[(h >> 32) & (x->slot_n - 1)];
}

static void index_grow(struct watch_index *x)
{
    size_t old_n = x->slot_n;
    struct watch_item **old = x->slots;

    x->slot_n *= 2;
    x->slots = mem_alloc(x->slot_n * sizeof(struct watch_item *));
    for (size_t s = 0; s < old_n; s++) {
        while (old[s]) {
            struct watch_item *i = old[s];
            item_unlink(i);
            item_link(index_slot(x, i->hash), i);
        }
    }
    mem_free(old);
}

static void index_count_length(struct watch_index *x, const struct watch_item *item, int32_t change)
{
    uint32_t n = x->lengths[item->kind].n;
    struct watch_length *l = x->lengths[item->kind].p;

    for (uint32_t i = 0; i < n; i++) {
        if (l[i].length != item->length)
            continue;
        l[i].count += (uint32_t)change;
        if (l[i].count == 0) {
            l[i] = l[n - 1];
            x->lengths[item->kind].n--;
        }
        return;
    }
    ASSERT(change > 0);
    if (n == x->lengths[item->kind].cap) {
        x->lengths[item->kind].cap = n ? 2 * n : 8;
        l = mem_realloc(l, x->lengths[item->kind].cap * sizeof *l);
        x->lengths[item->kind].p = l;
    }
    l[n] = (struct watch_length){item->length, 1};
    x->lengths[item->kind].n++;
}

void watch_wait(struct watch_index *x, struct watch_set *s)
{
    ASSERT(!s->in);
    if (s->everything || s->n == 0) { /* a read that noted nothing is woken by anything */
        if (!s->items)
            s->items = mem_new(struct watch_item);
        s->n = 1;
        s->everything = true;
        s->items[0] = (struct watch_item){.set = s, .kind = WATCH_KINDS};
    }
    s->in = x;
    s->fired = false;
    x->set_n++;
    for (uint32_t n = 0; n < s->n; n++) {
        struct watch_item *i = &s->items[n];
        if (i->kind == WATCH_KINDS) {
            item_link(&x->any, i);
            continue;
        }
        if (x->item_n >= x->slot_n)
            index_grow(x);
        item_link(index_slot(x, i->hash), i);
        i->in_index = true;
        x->item_n++;
        if (i->is_prefix)
            index_count_length(x, i, 1);
    }
}

static void set_unlink(struct watch_index *x, struct watch_set *s)
{
    for (uint32_t n = 0; n < s->n; n++) {
        struct watch_item *i = &s->items[n];
        if (!i->back)
            continue;
        item_unlink(i);
        if (!i->in_index)
            continue;
        i->in_index = false;
        x->item_n--;
        if (i->is_prefix)
            index_count_length(x, i, -1);
    }
}

void watch_leave(struct watch_set *s)
{
    if (!s->in)
        return;
    set_unlink(s->in, s);
    s->in->set_n--;
    s->in = NULL;
}

/* Moves the set from its slots to the list of those to fire. */
static void index_take(struct watch_index *x, struct watch_set *s)
{
    set_unlink(x, s);
    s->fired = true;
    item_link(&x->fire, &s->items[0]);
}

static void index_take_hash(struct watch_index *x, uint64_t hash)
{
    struct watch_item *i = *index_slot(x, hash);

    while (i) {
        if (i->hash != hash) {
            i = i->next;
            continue;
        }
        index_take(x, i->set);
        i = *index_slot(x, hash); /* taking the set may have unlinked the neighbours too */
    }
}

static void index_take_all(struct watch_index *x)
{
    for (size_t s = 0; s < x->slot_n; s++)
        while (x->slots[s])
            index_take(x, x->slots[s]->set);
}

static void index_take_key(struct watch_index *x, enum watch_kind kind, struct str key)
{
    index_take_hash(x, watch_hash(kind, false, key));
    for (uint32_t n = x->lengths[kind].n; n-- > 0;) {
        if (n >= x->lengths[kind].n) /* the step before may have ended the use of several */
            continue;
        uint32_t length = x->lengths[kind].p[n].length;
        if (length <= key.n)
            index_take_hash(x, watch_hash(kind, true, str_take(key, length)));
    }
}

size_t watch_fire(struct watch_index *x, const struct change_batch *b)
{
    size_t fired = 0, pos = 0;
    enum watch_kind kind;
    struct str key;

    if (b->n > 0 || b->everything)
        while (x->any)
            index_take(x, x->any->set);
    if (b->everything)
        index_take_all(x);
    while (change_next(b, &pos, &kind, &key))
        index_take_key(x, kind, key);

    while (x->fire) {
        struct watch_set *s = x->fire->set;
        watch_leave(s);
        fired++;
        if (s->on_fire)
            s->on_fire(s);
    }
    return fired;
}
