/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A watch index under a drawn sequence of notes, waits, leaves and batches: exactly the sets that
 * watch what changed are fired.
 */
#include "state/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SETS  16
#define ITEMS 8

struct model {
    struct watch_set set;
    struct {
        uint8_t kind;
        bool is_prefix;
        struct str key;
    } items[ITEMS];
    int n;
    bool should_fire;
};

static void on_fire(struct watch_set *s)
{
    struct model *m = (struct model *)(void *)s;

    ASSERT(m->should_fire);
    m->should_fire = false;
}

static bool watches(const struct model *m, uint8_t kind, struct str key)
{
    if (m->n == 0)
        return true;
    for (int i = 0; i < m->n; i++)
        if (m->items[i].kind == kind &&
            (m->items[i].is_prefix ? str_has_prefix(key, m->items[i].key)
                                   : str_eq(key, m->items[i].key)))
            return true;
    return false;
}

static void note(struct model *m, uint8_t kind, bool is_prefix, struct str key)
{
    if (m->set.in || m->n == ITEMS || m->set.everything)
        return;
    m->items[m->n].kind = kind;
    m->items[m->n].is_prefix = is_prefix;
    m->items[m->n++].key = key;
    if (is_prefix)
        watch_prefix(&m->set, kind, key);
    else
        watch_key(&m->set, kind, key);
}

static void fire(struct watch_index *x, struct model *sets, uint8_t kind, struct str key)
{
    struct change_batch b;

    for (int i = 0; i < SETS; i++)
        sets[i].should_fire = sets[i].set.in && watches(&sets[i], kind, key);
    change_init(&b);
    change_add(&b, kind, key);
    watch_fire(x, &b);
    change_fini(&b);
    for (int i = 0; i < SETS; i++)
        ASSERT(!sets[i].should_fire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_make(str_make(data, size));
    struct watch_index *x = watch_index_new(1);
    struct model sets[SETS] = {0};

    for (int i = 0; i < SETS; i++) {
        watch_init(&sets[i].set);
        sets[i].set.on_fire = on_fire;
    }
    while (cursor_left(&in) >= 2) {
        uint8_t what = cursor_u8(&in), more = cursor_u8(&in);
        struct model *m = &sets[what % SETS];
        uint8_t kind = more % WATCH_KINDS;
        size_t n = more / WATCH_KINDS % 8;
        struct str key = cursor_bytes(&in, n < cursor_left(&in) ? n : cursor_left(&in));
        switch (what / SETS % 5) {
        case 0:
        case 1:
            note(m, kind, what / SETS % 2, key);
            break;
        case 2:
            if (!m->set.in)
                watch_wait(x, &m->set);
            break;
        case 3:
            watch_reset(&m->set);
            m->n = 0;
            break;
        case 4:
            fire(x, sets, kind, key);
            break;
        }
    }
    for (int i = 0; i < SETS; i++)
        watch_fini(&sets[i].set);
    ASSERT(watch_index_count(x) == 0);
    watch_index_free(x);
    return 0;
}
