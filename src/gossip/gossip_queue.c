/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "gossip/gossip_queue.h"

#include "base/mem.h"

void gossip_queue_init(struct gossip_queue *q)
{
    *q = (struct gossip_queue){0};
}

static void forget(struct gossip_broadcast *b)
{
    if (b->owner)
        *b->owner = NULL;
    mem_free(b);
}

void gossip_queue_fini(struct gossip_queue *q)
{
    while (q->root)
        gossip_queue_drop(q, q->root);
}

/* Does a come before b? */
static bool is_before(const struct gossip_broadcast *a, const struct gossip_broadcast *b)
{
    if (a->sent != b->sent)
        return a->sent < b->sent;
    if (a->size != b->size)
        return a->size > b->size;
    return a->id > b->id;
}

/* ---- the treap: ordered by is_before, a heap by priority ---- */

/* Everything before `b` into *left, the rest into *right. */
static void split(struct gossip_broadcast *tree, const struct gossip_broadcast *b,
                  struct gossip_broadcast **left, struct gossip_broadcast **right)
{
    while (tree) {
        if (is_before(tree, b)) {
            *left = tree;
            left = &tree->right;
            tree = tree->right;
        } else {
            *right = tree;
            right = &tree->left;
            tree = tree->left;
        }
    }
    *left = *right = NULL;
}

/* Joins two trees, all of `left` before all of `right`, at *at. */
static void merge(struct gossip_broadcast *left, struct gossip_broadcast *right,
                  struct gossip_broadcast **at)
{
    while (left && right) {
        if (left->priority > right->priority) {
            *at = left;
            at = &left->right;
            left = left->right;
        } else {
            *at = right;
            at = &right->left;
            right = right->left;
        }
    }
    *at = left ? left : right;
}

static void tree_insert(struct gossip_queue *q, struct gossip_broadcast *b)
{
    struct gossip_broadcast **at = &q->root;

    while (*at && (*at)->priority > b->priority)
        at = is_before(*at, b) ? &(*at)->right : &(*at)->left;
    split(*at, b, &b->left, &b->right);
    *at = b;
    q->n++;
}

static void tree_remove(struct gossip_queue *q, struct gossip_broadcast *b)
{
    struct gossip_broadcast **at = &q->root;

    while (*at != b)
        at = is_before(*at, b) ? &(*at)->right : &(*at)->left;
    merge(b->left, b->right, at);
    q->n--;
}

/* The first of the tree that is not before (sent, size, newest). */
static struct gossip_broadcast *tree_seek(const struct gossip_queue *q, uint32_t sent, size_t size)
{
    struct gossip_broadcast *best = NULL;

    for (struct gossip_broadcast *b = q->root; b;) {
        if (b->sent < sent || (b->sent == sent && b->size > size)) {
            b = b->right;
        } else {
            best = b;
            b = b->left;
        }
    }
    return best;
}

/* ---- the queue ---- */

/* Priorities need not be secret, only spread: Fibonacci hashing of the id, halves folded. */
static uint32_t priority_of(uint64_t id)
{
    uint64_t v = id * UINT64_C(0x9e3779b97f4a7c15);

    v ^= v >> 29;
    v *= UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(v >> 32);
}

void gossip_queue_add(struct gossip_queue *q, struct str bytes, struct gossip_broadcast **owner,
                      uint32_t limit_n)
{
    struct gossip_broadcast *b;

    ASSERT(bytes.n <= UINT16_MAX && limit_n > 0);
    if (owner && *owner)
        gossip_queue_drop(q, *owner);
    while (q->n >= limit_n) {
        struct gossip_broadcast *last = q->root;

        while (last->right)
            last = last->right;
        gossip_queue_drop(q, last);
        q->dropped++;
    }
    b = mem_alloc(sizeof(*b) + bytes.n);
    b->id = ++q->id;
    b->priority = priority_of(b->id);
    b->size = (uint16_t)bytes.n;
    memcpy(b->bytes, bytes.p, bytes.n);
    b->owner = owner;
    if (owner)
        *owner = b;
    tree_insert(q, b);
}

void gossip_queue_drop(struct gossip_queue *q, struct gossip_broadcast *b)
{
    tree_remove(q, b);
    forget(b);
}

struct gossip_broadcast *gossip_queue_take(struct gossip_queue *q, struct gossip_queue_pick *p,
                                           size_t room)
{
    struct gossip_broadcast *b = tree_seek(q, p->tier, room);

    /* Another tier: what was found there is its longest; does it fit? */
    while (b && b->size > room) {
        p->tier = b->sent;
        b = tree_seek(q, p->tier, room);
    }
    if (!b)
        return NULL;
    p->tier = b->sent;
    tree_remove(q, b);
    b->left = p->taken;
    p->taken = b;
    return b;
}

void gossip_queue_taken(struct gossip_queue *q, struct gossip_queue_pick *p, uint32_t limit)
{
    while (p->taken) {
        struct gossip_broadcast *b = p->taken;

        p->taken = b->left;
        b->sent++;
        if (b->sent >= limit)
            forget(b);
        else
            tree_insert(q, b);
    }
    p->tier = 0;
}
