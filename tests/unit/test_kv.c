/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys: indexes as Consul's, and random operations against a naive model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tests/lib/state_world.h"

#define S1 "11111111-2222-3333-4444-555555555501"
#define S2 "11111111-2222-3333-4444-555555555502"

static bool on_count(void *data, const struct kv_entry *e)
{
    (void)e;
    ++*(int *)data;
    return true;
}

static uint64_t list_index(struct world *w, const char *prefix, int *ret_n)
{
    uint64_t index;
    int n = 0;

    kv_list(world_view(w), str_z(prefix), on_count, &n, &index);
    if (ret_n)
        *ret_n = n;
    return index;
}

static uint64_t key_index(struct world *w, const char *key, struct kv_entry *ret)
{
    struct kv_entry e = {0};
    uint64_t index;

    kv_get(world_view(w), str_z(key), &e, &index);
    if (ret)
        *ret = e;
    return index;
}

static void make_session(struct world *w, const char *id, bool delete_keys, int64_t delay)
{
    struct session s = {
        .id = str_z(id), .node = STR_LIT("N1"), .delete_keys = delete_keys, .lock_delay_ns = delay};
    struct buf b;

    assert_int_equal(world_register(w, "n1", NULL, NULL, NULL), 0);
    buf_init(&b, 0);
    session_encode_create(&s, &b);
    assert_int_equal(world_apply(w, &b), 0);
}

/* The index of a read is the key's, the prefix's, or for what is not there the table's. */
static void indexes_follow_consul(void **data)
{
    struct world w;
    int n;

    (void)data;
    world_open(&w);
    assert_int_equal(key_index(&w, "x", NULL), 1);
    world_put(&w, "ix/a", "1");
    uint64_t i1 = w.index;
    world_put(&w, "ix/b", "1");
    uint64_t i2 = w.index;
    assert_int_equal(key_index(&w, "ix/a", NULL), i1);
    assert_int_equal(list_index(&w, "ix/", NULL), i2);
    world_put(&w, "iy/z", "1");
    uint64_t i3 = w.index;
    assert_int_equal(list_index(&w, "ix/", NULL), i2);
    assert_int_equal(key_index(&w, "ix/missing", NULL), i3);
    assert_true(world_op(&w, KV_DELETE, "ix/b", "", "", 0));
    uint64_t i4 = w.index;
    assert_int_equal(list_index(&w, "ix/", &n), i4);
    assert_int_equal(n, 1);
    assert_int_equal(key_index(&w, "ix/a", NULL), i1);
    assert_int_equal(list_index(&w, "nothing/", &n), i4);
    assert_int_equal(n, 0);
    /* the tombstone of a recursive delete is its prefix */
    assert_true(world_op(&w, KV_DELETE_TREE, "ix", "", "", 0));
    assert_int_equal(world_changed(&w, WATCH_KV, "ix/a"), 1);
    assert_int_equal(list_index(&w, "ix/", &n), i4);
    assert_int_equal(list_index(&w, "ix", &n), w.index);
    assert_int_equal(list_index(&w, "", &n), w.index);
    assert_int_equal(n, 1);
    world_close(&w);
}

/* The same value again moves nothing and wakes nobody. */
static void same_value_is_no_change(void **data)
{
    struct world w;

    (void)data;
    world_open(&w);
    world_put(&w, "a", "same");
    uint64_t i1 = w.index;
    assert_int_equal(world_changed(&w, WATCH_KV, "a"), 1);
    assert_true(world_put(&w, "a", "same"));
    assert_int_equal(w.changes.n, 0);
    assert_int_equal(key_index(&w, "a", NULL), i1);
    assert_int_equal(view_index(&w.view), w.index);
    world_close(&w);
}

static void check_and_set(void **data)
{
    struct world w;

    (void)data;
    world_open(&w);
    assert_true(world_op(&w, KV_CAS, "a", "one", "", 0));
    uint64_t m = w.index;
    assert_false(world_op(&w, KV_CAS, "a", "two", "", 0));
    assert_true(world_op(&w, KV_CAS, "a", "three", "", m));
    assert_false(world_op(&w, KV_CAS, "a", "four", "", m));
    assert_false(world_op(&w, KV_CAS, "b", "x", "", 77));
    assert_false(world_op(&w, KV_DELETE_CAS, "a", "", "", m));
    assert_false(world_op(&w, KV_DELETE_CAS, "a", "", "", 0));
    assert_true(world_op(&w, KV_DELETE_CAS, "a", "", "", m + 2));
    assert_true(world_op(&w, KV_DELETE_CAS, "a", "", "", m));
    world_close(&w);
}

static bool count_locked(void *data, const struct kv_entry *e)
{
    ++*(int *)data;
    return true;
}

/* The mount's flock: locks with value and flags as they are, and says at which index they were. */
static void holds_keep_the_value(void **data)
{
    struct world w;
    struct kv_entry e;
    int locked = 0;

    (void)data;
    world_open(&w);
    make_session(&w, S1, false, 0);
    make_session(&w, S2, false, 0);
    assert_true(world_op(&w, KV_HOLD, "new", "ignored", S1, 0));
    key_index(&w, "new", &e);
    assert_int_equal(e.value.n, 0);
    assert_true(world_op(&w, KV_SET, "old", "value", NULL, 0));
    assert_true(world_op(&w, KV_HOLD, "old", "ignored", S1, 0));
    key_index(&w, "old", &e);
    assert_true(str_eq_z(e.value, "value"));
    assert_true(str_eq_z(e.session, S1));
    assert_int_equal(e.lock_index, 1);
    assert_false(world_op(&w, KV_HOLD, "old", "", S2, 0));
    assert_false(world_op(&w, KV_LOCK, "old", "", S2, 0));
    kv_locked(world_view(&w), count_locked, &locked);
    assert_int_equal(locked, 2);
    assert_true(world_op(&w, KV_LET_GO, "old", "ignored", S1, 0));
    assert_false(world_op(&w, KV_LET_GO, "old", "", S1, 0));
    key_index(&w, "old", &e);
    assert_true(str_eq_z(e.value, "value"));
    assert_int_equal(e.session.n, 0);
    assert_true(world_op(&w, KV_LOCK, "old", "theirs", S2, 0));
    world_close(&w);
}

/* LockIndex counts acquisitions; a plain write resets it and keeps the holder. */
static void locks(void **data)
{
    struct world w;
    struct kv_entry e;

    (void)data;
    world_open(&w);
    assert_false(world_op(&w, KV_LOCK, "l", "v", "not-a-uuid", 0));
    assert_string_equal(w.result.text,
                        "failed session lookup: index error: UUID must be 36 characters");
    assert_false(world_op(&w, KV_LOCK, "l", "v", S1, 0));
    assert_string_equal(w.result.text, "invalid session \"" S1 "\"");
    assert_false(world_op(&w, KV_LOCK, "l", "v", "", 0));
    assert_string_equal(w.result.text, "missing session");
    assert_false(world_op(&w, KV_UNLOCK, "l", "v", S1, 0));
    assert_int_equal(w.result.status, 0);
    make_session(&w, S1, false, 0);
    make_session(&w, S2, false, 0);
    assert_true(world_op(&w, KV_LOCK, "l", "held", S1, 0));
    assert_true(world_op(&w, KV_LOCK, "l", "again", S1, 0));
    assert_false(world_op(&w, KV_LOCK, "l", "two", S2, 0));
    assert_false(world_op(&w, KV_UNLOCK, "l", "two", S2, 0));
    key_index(&w, "l", &e);
    assert_int_equal(e.lock_index, 1);
    assert_true(str_eq_z(e.session, S1));
    assert_true(world_op(&w, KV_UNLOCK, "l", "free", S1, 0));
    assert_false(world_op(&w, KV_UNLOCK, "l", "free", S1, 0));
    assert_true(world_op(&w, KV_LOCK, "l", "held2", S2, 0));
    key_index(&w, "l", &e);
    assert_int_equal(e.lock_index, 2);
    world_put(&w, "l", "anyone");
    key_index(&w, "l", &e);
    assert_int_equal(e.lock_index, 0);
    assert_true(str_eq_z(e.session, S2));
    world_close(&w);
}

static void on_delay(void *data, struct str key, int64_t delay_ns)
{
    snprintf(data, 64, "%.*s %lld", STR_ARG(key), (long long)delay_ns);
}

/* A session that goes frees its keys or takes them along, and tells of the lock delay. */
static void sessions_release_and_delete(void **data)
{
    struct world w;
    struct kv_entry e;
    struct buf b;
    char told[64] = "";
    int n;

    (void)data;
    world_open(&w);
    state_set_lock_delay(w.state, on_delay, told);
    make_session(&w, S1, false, 15000000000);
    make_session(&w, S2, true, 0);
    world_op(&w, KV_LOCK, "s/a", "A", S1, 0);
    world_op(&w, KV_LOCK, "s/b", "B", S2, 0);
    world_put(&w, "s/c", "C");
    buf_init(&b, 0);
    session_encode_destroy(STR_LIT(S1), &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_string_equal(told, "s/a 15000000000");
    assert_int_equal(key_index(&w, "s/a", &e), w.index);
    assert_int_equal(e.session.n, 0);
    assert_int_equal(e.lock_index, 1);
    assert_int_equal(world_deregister(&w, "n1", NULL, NULL), 0);
    assert_int_equal(world_changed(&w, WATCH_SESSION, S2), 1);
    assert_int_equal(world_changed(&w, WATCH_KV, "s/b"), 1);
    assert_int_equal(list_index(&w, "s", &n), w.index);
    assert_int_equal(n, 2);
    world_close(&w);
}

static bool on_key(void *data, struct str key)
{
    char *text = data;

    snprintf(text + strlen(text), 200 - strlen(text), "%.*s,", STR_ARG(key));
    return true;
}

static void keys_are_cut_at_the_separator(void **data)
{
    static const char *const cases[][3] = {
        {"ks/", "", "ks/a,ks/b/1,ks/b/2,ks/b/c/3,ks/d,"},
        {"ks/", "/", "ks/a,ks/b/,ks/d,"},
        {"ks/b/", "/", "ks/b/1,ks/b/2,ks/b/c/,"},
        {"ks/b", "/", "ks/b/,"},
        {"ks", "/", "ks/,"},
        {"ks/", "c", "ks/a,ks/b/1,ks/b/2,ks/b/c,ks/d,"},
        {"ks/zzz", "/", ""},
    };
    struct world w;

    (void)data;
    world_open(&w);
    world_put(&w, "ks/a", "1");
    world_put(&w, "ks/b/1", "1");
    world_put(&w, "ks/b/2", "1");
    world_put(&w, "ks/b/c/3", "1");
    world_put(&w, "ks/d", "1");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200] = "";
        kv_keys(world_view(&w), str_z(cases[i][0]), str_z(cases[i][1]), on_key, text, NULL);
        assert_string_equal(text, cases[i][2]);
    }
    world_close(&w);
}

static int rename_keys(struct world *w, const char *from, const char *to, bool tree,
                       bool no_replace, bool exchange)
{
    struct buf b;

    buf_init(&b, 0);
    kv_encode_rename(str_z(from), str_z(to), tree, no_replace, exchange, &b);
    return world_apply(w, &b);
}

static void assert_value(struct world *w, const char *key, const char *value)
{
    struct kv_entry e;
    bool exists = kv_get(world_view(w), str_z(key), &e, NULL);

    assert_int_equal(exists, value != NULL);
    if (value)
        assert_true(str_eq_z(e.value, value));
}

static void renames(void **data)
{
    struct world w;

    (void)data;
    world_open(&w);
    world_put(&w, "a", "A");
    world_put(&w, "b", "B");
    assert_int_equal(rename_keys(&w, "x", "y", false, false, false), ERR_NOT_FOUND);
    assert_int_equal(rename_keys(&w, "a", "b", false, true, false), ERR_EXISTS);
    assert_int_equal(rename_keys(&w, "a", "b", false, false, true), 0);
    assert_value(&w, "a", "B");
    assert_value(&w, "b", "A");
    assert_int_equal(rename_keys(&w, "a", "b", false, false, false), 0);
    assert_value(&w, "a", NULL);
    assert_value(&w, "b", "B");
    assert_int_equal(world_changed(&w, WATCH_KV, "a"), 1);
    assert_int_equal(world_changed(&w, WATCH_KV, "b"), 1);
    world_put(&w, "d/1", "1");
    world_put(&w, "d/s/2", "2");
    world_put(&w, "e/", "");
    world_put(&w, "f/9", "9");
    assert_int_equal(rename_keys(&w, "d/", "d/s/", true, false, false), ERR_INVALID);
    assert_int_equal(rename_keys(&w, "d/", "f/", true, false, false), ERR_EXISTS);
    assert_int_equal(rename_keys(&w, "d/", "e/", true, false, false), 0);
    assert_value(&w, "e/s/2", "2");
    assert_value(&w, "d/1", NULL);
    assert_int_equal(rename_keys(&w, "e/", "f/", true, false, true), 0);
    assert_value(&w, "f/s/2", "2");
    assert_value(&w, "e/9", "9");
    assert_value(&w, "f/9", NULL);
    world_close(&w);
}

static void append_and_limits(void **data)
{
    struct world w;
    char *big = mem_alloc(KV_VALUE_SIZE_MAX + 1);

    (void)data;
    world_open(&w);
    memset(big, 'x', KV_VALUE_SIZE_MAX);
    world_op(&w, KV_APPEND, "log", "one ", "", 0);
    world_op(&w, KV_APPEND, "log", "two", "", 0);
    assert_value(&w, "log", "one two");
    assert_true(world_put(&w, "big", big));
    assert_false(world_op(&w, KV_APPEND, "big", "y", "", 0));
    assert_int_equal(w.result.status, ERR_TOO_LARGE);
    assert_false(world_put(&w, "", "v"));
    assert_string_equal(w.result.text, "Must provide key");
    big[KV_VALUE_SIZE_MAX - 1] = '\0';
    assert_value(&w, "log", "one two");
    mem_free(big);
    world_close(&w);
}

static void reaping_forgets_tombstones(void **data)
{
    struct world w;
    struct buf b;

    (void)data;
    world_open(&w);
    world_put(&w, "p/a", "1");
    uint64_t i1 = w.index;
    world_put(&w, "p/b", "1");
    world_op(&w, KV_DELETE, "p/b", "", "", 0);
    uint64_t i2 = w.index;
    assert_int_equal(list_index(&w, "p/", NULL), i2);
    buf_init(&b, 0);
    kv_encode_reap(i2, &b);
    assert_int_equal(world_apply(&w, &b), 0);
    assert_int_equal(list_index(&w, "p/", NULL), i1);
    world_close(&w);
}

/* ---- random operations against a model ---- */

#define MODEL_KEYS 24
struct model_key {
    bool exists;
    char value[16];
    uint64_t create, modify, lock;
    const char *session;
};

static const char *model_name(int k, char dst[16])
{
    snprintf(dst, 16, "%c/%c%s", 'a' + k / 8, 'a' + k / 2 % 4, k % 2 ? "/x" : "");
    return dst;
}

static void model_write(struct model_key *m, const char *value, uint64_t lock, const char *session,
                        uint64_t index)
{
    if (m->exists && !strcmp(m->value, value) && m->lock == lock && m->session == session)
        return;
    m->create = m->exists ? m->create : index;
    m->modify = index;
    m->exists = true;
    m->lock = lock;
    m->session = session;
    snprintf(m->value, sizeof m->value, "%s", value);
}

static bool model_apply(struct model_key *keys, enum kv_verb verb, int k, const char *value,
                        const char *session, uint64_t want, uint64_t index)
{
    struct model_key *m = &keys[k];
    const char *holder = m->exists ? m->session : NULL;
    char name[16], other[16];

    switch (verb) {
    case KV_SET:
        model_write(m, value, 0, holder, index);
        return true;
    case KV_CAS:
        if (want ? !m->exists || m->modify != want : m->exists)
            return false;
        model_write(m, value, 0, holder, index);
        return true;
    case KV_LOCK:
        if (holder && holder != session)
            return false;
        model_write(m, value, (m->exists ? m->lock : 0) + (holder ? 0 : 1), session, index);
        return true;
    case KV_UNLOCK:
        if (holder != session)
            return false;
        model_write(m, value, m->lock, NULL, index);
        return true;
    case KV_DELETE_CAS:
        if (m->exists && m->modify != want)
            return false;
        m->exists = false;
        return true;
    case KV_DELETE:
        m->exists = false;
        return true;
    default:
        model_name(k, name);
        for (int i = 0; i < MODEL_KEYS; i++)
            if (!strncmp(model_name(i, other), name, strlen(name)))
                keys[i].exists = false;
        return true;
    }
}

static void model_compare(struct world *w, const struct model_key *keys)
{
    char name[16];
    struct view *v = world_view(w);
    int n = 0, listed = 0;

    for (int k = 0; k < MODEL_KEYS; k++) {
        struct kv_entry e;
        bool exists = kv_get(v, str_z(model_name(k, name)), &e, NULL);
        assert_int_equal(exists, keys[k].exists);
        if (!exists)
            continue;
        n++;
        assert_true(str_eq_z(e.value, keys[k].value));
        assert_int_equal(e.create_index, keys[k].create);
        assert_int_equal(e.modify_index, keys[k].modify);
        assert_int_equal(e.lock_index, keys[k].lock);
        assert_true(str_eq(e.session, str_z(keys[k].session)));
    }
    kv_list(v, STR_LIT(""), on_count, &listed, NULL);
    assert_int_equal(n, listed);
}

static void random_operations_match_the_model(void **data)
{
    static const char *const sessions[] = {S1, S2};
    struct model_key keys[MODEL_KEYS] = {0};
    struct world w;
    struct rng rng;

    (void)data;
    rng_init(&rng, 42);
    world_open(&w);
    make_session(&w, S1, false, 0);
    make_session(&w, S2, true, 0);
    for (int i = 0; i < 4000; i++) {
        int k = (int)rng_below(&rng, MODEL_KEYS);
        enum kv_verb verb = (enum kv_verb)rng_below(&rng, KV_DELETE_TREE + 1);
        char value[16], name[16];
        if (verb == KV_DELETE_TREE && rng_below(&rng, 4))
            verb = KV_LOCK;
        const char *session = sessions[rng_below(&rng, 2)];
        uint64_t want = rng_below(&rng, 3) ? keys[k].modify : rng_below(&rng, 2) * w.index;
        snprintf(value, sizeof value, "v%d", (int)rng_below(&rng, 3));
        bool ok = world_op(&w, verb, model_name(k, name), value, session, want);
        assert_int_equal(w.result.status, 0);
        assert_int_equal(ok, model_apply(keys, verb, k, value, session, want, w.index));
        if (i % 16 == 0)
            model_compare(&w, keys);
    }
    model_compare(&w, keys);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indexes_follow_consul),
        cmocka_unit_test(same_value_is_no_change),
        cmocka_unit_test(check_and_set),
        cmocka_unit_test(locks),
        cmocka_unit_test(holds_keep_the_value),
        cmocka_unit_test(sessions_release_and_delete),
        cmocka_unit_test(keys_are_cut_at_the_separator),
        cmocka_unit_test(renames),
        cmocka_unit_test(append_and_limits),
        cmocka_unit_test(reaping_forgets_tombstones),
        cmocka_unit_test(random_operations_match_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
