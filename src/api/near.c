/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/near.h"

#include <math.h>
#include <stdlib.h>

struct near_item {
    double distance;
    size_t begin, end; /* in the body, without what separates it from the one before */
    size_t order;
};

void near_init(struct near *x, struct api_call *c, const struct view *v)
{
    struct str node = param_get(&c->params, "near");

    *x = (struct near){.call = c, .view = *v};
    x->view.watch = NULL;
    if (str_eq_z(node, "_agent") || str_eq_z(node, "_ip"))
        node = api_asked_node(c);
    x->is_on = node.n > 0 && coordinate_get(&x->view, node, &x->from, NULL);
}

/* In seconds; infinite when it is not known. */
static double near_distance(const struct near *x, struct str node)
{
    struct view v = x->view;
    struct coordinate there;

    if (!x->is_on || !coordinate_get(&v, node, &there, NULL))
        return INFINITY;
    return coordinate_distance(&x->from, &there);
}

void near_begin(struct near *x)
{
    if (x->is_on)
        x->begun = x->call->reply.body.n;
}

void near_end(struct near *x, struct str node)
{
    const struct buf *body;
    struct near_item *item;

    if (!x->is_on || x->call->reply.body.n == x->begun)
        return;
    body = &x->call->reply.body;
    if (x->n == x->cap) {
        x->cap = x->cap ? 2 * x->cap : 16;
        x->items = mem_realloc(x->items, x->cap * sizeof *x->items);
    }
    item = &x->items[x->n];
    *item = (struct near_item){near_distance(x, node), x->begun, body->n, x->n};
    while (item->begin < item->end && memchr(", \n", body->p[item->begin], 3))
        item->begin++;
    x->n++;
}

static int by_distance(const void *a, const void *b)
{
    const struct near_item *x = a, *y = b;

    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* The pieces in their new order; what stands between them stays. */
static void move(const struct near *x, const struct near_item *sorted)
{
    struct buf *body = &x->call->reply.body;
    struct buf copy;
    size_t at = 0;

    buf_init(&copy, body->max);
    for (size_t i = 0; i < x->n; i++) {
        buf_put(&copy, body->p + at, x->items[i].begin - at);
        buf_put(&copy, body->p + sorted[i].begin, sorted[i].end - sorted[i].begin);
        at = x->items[i].end;
    }
    buf_put(&copy, body->p + at, body->n - at);
    buf_fini(body);
    *body = copy;
}

void near_sort(struct near *x)
{
    if (x->n > 1 && !x->call->reply.body.failed) {
        struct near_item *sorted = mem_dup(x->items, x->n * sizeof *sorted);

        qsort(sorted, x->n, sizeof *sorted, by_distance);
        move(x, sorted);
        mem_free(sorted);
    }
    mem_free(x->items);
    x->items = NULL;
    x->n = x->cap = 0;
}
