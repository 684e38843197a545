/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Per resource one array of names in byte order. Each knows its nearest prefix among them, so that
 * a question is one binary search and a walk up that is as long as the prefixes are deep.
 */
#include "config.h"

#include "acl/acl_set.h"

#include <stdlib.h>

#define NOTHING (-1)

struct entry {
    struct str name;
    int exact, prefix; /* enum acl_access or NOTHING */
    int parent;        /* the entry with a prefix rule that is the longest prefix of name; -1 */
};

struct table {
    struct entry *list;
    int n;
};

struct acl_set {
    struct table tables[ACL_RESOURCE_N];
    unsigned flags;
    struct arena arena;
};

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int stronger(int a, int b)
{
    return a > b ? a : b;
}

/* Makes one of neighbours with the same name. */
static void merge(struct table *t)
{
    int n = 0;

    for (int i = 0; i < t->n; i++) {
        if (n && str_eq(t->list[n - 1].name, t->list[i].name)) {
            t->list[n - 1].exact = stronger(t->list[n - 1].exact, t->list[i].exact);
            t->list[n - 1].prefix = stronger(t->list[n - 1].prefix, t->list[i].prefix);
        } else {
            t->list[n++] = t->list[i];
        }
    }
    t->n = n;
}

static bool is_prefix_of(const struct entry *e, struct str name)
{
    return e->prefix != NOTHING && str_has_prefix(name, e->name);
}

/* In byte order what begins with a prefix stands behind it, before anything else does: so every
 * prefix of a name that has one is found from the entry before it, up its parents. */
static void link_parents(struct table *t)
{
    for (int i = 0; i < t->n; i++) {
        int p = i - 1;

        while (p >= 0 && !is_prefix_of(&t->list[p], t->list[i].name))
            p = t->list[p].parent;
        t->list[i].parent = p;
    }
}

struct acl_set *acl_set_new(const struct acl_rules *rules, unsigned flags)
{
    struct acl_set *s = mem_new(struct acl_set);

    s->flags = flags;
    for (size_t i = 0; i < rules->n; i++)
        s->tables[rules->list[i].resource].n++;
    for (int r = 0; r < ACL_RESOURCE_N; r++) {
        s->tables[r].list = mem_alloc((size_t)s->tables[r].n * sizeof(struct entry));
        s->tables[r].n = 0;
    }
    for (size_t i = 0; i < rules->n; i++) {
        const struct acl_rule *rule = &rules->list[i];
        struct table *t = &s->tables[rule->resource];

        t->list[t->n++] = (struct entry){
            .name = str_make(arena_dup(&s->arena, rule->name.p, rule->name.n), rule->name.n),
            .exact = rule->is_prefix ? NOTHING : (int)rule->access,
            .prefix = rule->is_prefix ? (int)rule->access : NOTHING,
        };
    }
    for (int r = 0; r < ACL_RESOURCE_N; r++) {
        struct table *t = &s->tables[r];

        if (t->n)
            qsort(t->list, (size_t)t->n, sizeof t->list[0], by_name);
        merge(t);
        link_parents(t);
    }
    return s;
}

void acl_set_free(struct acl_set *s)
{
    if (!s)
        return;
    for (int r = 0; r < ACL_RESOURCE_N; r++)
        mem_free(s->tables[r].list);
    arena_fini(&s->arena);
    mem_free(s);
}

bool acl_set_is_management(const struct acl_set *s)
{
    return s->flags & ACL_SET_ALL;
}

/* The first entry that is not before name, or t->n. */
static int lower_bound(const struct table *t, struct str name)
{
    int low = 0, high = t->n;

    while (low < high) {
        int middle = low + (high - low) / 2;
        if (str_cmp(t->list[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The access that the prefixes of name give. */
static int by_prefix(const struct table *t, struct str name, int at)
{
    int i = at < t->n && str_eq(t->list[at].name, name) ? at : at - 1;

    while (i >= 0 && !is_prefix_of(&t->list[i], name))
        i = t->list[i].parent;
    return i < 0 ? NOTHING : t->list[i].prefix;
}

static bool permits(const struct acl_set *s, enum acl_resource resource, int rule,
                    enum acl_access wanted)
{
    if (rule == NOTHING)
        return (s->flags & ACL_SET_DEFAULT_ALLOW) && resource != ACL_ACL;
    return rule != ACL_DENY && rule >= (int)wanted;
}

bool acl_set_allows(const struct acl_set *s, enum acl_resource resource, struct str name,
                    enum acl_access access)
{
    const struct table *t = &s->tables[resource];
    int at = lower_bound(t, name), rule;

    if (s->flags & ACL_SET_ALL)
        return true;
    if (at < t->n && str_eq(t->list[at].name, name) && t->list[at].exact != NOTHING)
        rule = t->list[at].exact;
    else
        rule = by_prefix(t, name, at);
    return permits(s, resource, rule, access);
}

bool acl_set_allows_tree(const struct acl_set *s, enum acl_resource resource, struct str prefix)
{
    const struct table *t = &s->tables[resource];
    int at = lower_bound(t, prefix);

    if (s->flags & ACL_SET_ALL)
        return true;
    if (!permits(s, resource, by_prefix(t, prefix, at), ACL_WRITE))
        return false;
    for (int i = at; i < t->n && str_has_prefix(t->list[i].name, prefix); i++) {
        const struct entry *e = &t->list[i];
        if ((e->exact != NOTHING && e->exact != ACL_WRITE) ||
            (e->prefix != NOTHING && e->prefix != ACL_WRITE))
            return false;
    }
    return true;
}
