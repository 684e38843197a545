/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Intrusive doubly linked lists: the link is embedded in the object.
 *
 *     struct list waiting; list_init(&waiting);
 *     list_push(&waiting, &r->link);
 *     LIST_FOREACH(&waiting, l) { struct read *r = LIST_ITEM(l, struct read, link); ... }
 *
 * LIST_FOREACH allows removal of the current item only.
 */
#ifndef DISCO_BASE_LIST_H
#define DISCO_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_ITEM(l, T, member) ((T *)(void *)((char *)(l)-offsetof(T, member)))
#define LIST_FOREACH(head, l)                                                                      \
    for (struct list *l = (head)->next, *l##_next = l->next; l != (head);                          \
         l = l##_next, l##_next = l->next)

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}
static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}
/* Is this link (initialised) on some list? */
static inline bool list_is_linked(const struct list *l)
{
    return l->next != l;
}
static inline void list_push(struct list *head, struct list *l) /* at the end */
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}
static inline void list_remove(struct list *l) /* and initialise it, so that twice is harmless */
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}
static inline struct list *list_first(const struct list *head) /* NULL if empty */
{
    return head->next == head ? NULL : head->next;
}
static inline struct list *list_pop(struct list *head) /* the first, removed; NULL if empty */
{
    struct list *l = list_first(head);
    if (l)
        list_remove(l);
    return l;
}

#endif
