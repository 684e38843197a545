/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/leader_members.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

struct noted {
    struct list link;
    size_t n;
    char name[];
};

struct leader_members {
    struct leader_members_source source;
    struct map map; /* of those in the list */
    struct list list;
};

struct leader_members *leader_members_new(const struct leader_members_source *source, uint64_t seed)
{
    struct leader_members *l = mem_new(struct leader_members);
    l->source = *source;
    map_init(&l->map, seed);
    list_init(&l->list);
    return l;
}

static struct str name_of(const struct noted *d)
{
    return str_make(d->name, d->n);
}

static void drop(struct leader_members *l, struct noted *d)
{
    (void)map_del(&l->map, name_of(d));
    list_remove(&d->link);
    mem_free(d);
}

void leader_members_clear(struct leader_members *l)
{
    struct list *first;
    while ((first = list_first(&l->list)) != NULL)
        drop(l, LIST_ITEM(first, struct noted, link));
}

void leader_members_free(struct leader_members *l)
{
    if (!l)
        return;
    leader_members_clear(l);
    map_fini(&l->map);
    mem_free(l);
}

void leader_members_note(struct leader_members *l, struct str name)
{
    if (name.n == 0 || map_get(&l->map, name))
        return;
    struct noted *d = mem_alloc(sizeof *d + name.n);
    d->n = name.n;
    memcpy(d->name, name.p, name.n);
    list_push(&l->list, &d->link);
    (void)map_set(&l->map, name, d);
}

static void note(void *data, struct str name)
{
    leader_members_note(data, name);
}

void leader_members_note_all(struct leader_members *l, struct view *v)
{
    l->source.each(l->source.data, note, l);
    reconcile_each_known(v, note, l);
}

bool leader_members_is_empty(const struct leader_members *l)
{
    return list_is_empty(&l->list);
}

enum reconcile_act leader_members_next(struct leader_members *l, struct view *v,
                                       const struct config *c, struct buf *command,
                                       struct str *ret_name)
{
    const struct reconcile_self self = {str_z(c->node_name), str_z(c->datacenter)};
    struct list *first;
    while ((first = list_first(&l->list)) != NULL) {
        struct noted *d = LIST_ITEM(first, struct noted, link);
        struct pair tags[MEMBER_TAGS_MAX];
        struct member m;
        enum reconcile_act act = RECONCILE_NOTHING;
        /* of itself the leader knows more than its tags tell: own_node.h */
        if (str_eq_nocase(name_of(d), self.node))
            act = RECONCILE_NOTHING;
        else if (l->source.find(l->source.data, name_of(d), &m, tags))
            act = reconcile_member(v, &self, &m, command);
        else
            act = reconcile_reaped(v, &self, name_of(d), command);
        if (act) {
            *ret_name = name_of(d);
            return act;
        }
        drop(l, d);
    }
    return RECONCILE_NOTHING;
}

void leader_members_give_up(struct leader_members *l)
{
    struct list *first = list_first(&l->list);
    if (first)
        drop(l, LIST_ITEM(first, struct noted, link));
}
