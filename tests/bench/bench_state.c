/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the state costs without doors, log or threads: reads over a view, commands applied one
 * transaction each, watches fired. Prints "name ns/op ops/s" lines.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/lib/state_world.h"

#define KEYS    100000
#define WATCHES 10000
#define NODES   1000
#define ROUNDS  300000

static void tell(const char *what, struct instant begin, uint64_t n)
{
    double ns = (double)instant_since(clock_now(), begin).ns / (double)n;

    printf("state %-34s %10.0f ns/op %12.0f ops/s\n", what, ns, 1e9 / ns);
}

static void key_name(uint64_t i, char dst[32])
{
    snprintf(dst, 32, "bench/%03u/key-%08u", (unsigned)(i % 1000), (unsigned)i);
}

static void bench_kv(struct world *w)
{
    static char value[101];
    struct kv_entry e;
    uint64_t index, found = 0, at = 1;
    char key[32];

    memset(value, 'v', 100);
    struct instant begin = clock_now();
    for (uint64_t i = 0; i < KEYS; i++) {
        key_name(i, key);
        world_put(w, key, value);
    }
    tell("put of 100 bytes, one commit each", begin, KEYS);
    struct view *v = world_view(w);
    begin = clock_now();
    for (int i = 0; i < ROUNDS; i++) {
        at = at * 6364136223846793005u + 1442695040888963407u;
        key_name((at >> 33) % KEYS, key);
        found += kv_get(v, str_z(key), &e, &index);
    }
    tell("get of a random key", begin, ROUNDS);
    begin = clock_now();
    for (int i = 0; i < ROUNDS; i++)
        found += kv_get(v, str_z(key), &e, &index);
    tell("get of the same key", begin, ROUNDS);
    ASSERT(found == (uint64_t)2 * ROUNDS);
}

static bool on_instance(void *data, const struct health_instance *i)
{
    *(uint64_t *)data += i->worst == HEALTH_PASSING;
    return true;
}

static void bench_catalog(struct world *w)
{
    char node[32];
    uint64_t n = 0;

    struct instant begin = clock_now();
    for (int i = 0; i < NODES; i++) {
        snprintf(node, sizeof node, "node-%05d", i);
        world_register(w, node, i % 10 ? "web" : "db", "up", "passing");
    }
    tell("register of node, service, check", begin, NODES);
    struct view *v = world_view(w);
    begin = clock_now();
    for (int i = 0; i < 100; i++)
        health_service_nodes(v, STR_LIT("web"), on_instance, &n, NULL);
    tell("passing instance of a service", begin, n);
}

static void on_fire(struct watch_set *s)
{
    (void)s;
}

static void bench_watch(void)
{
    struct watch_index *x = watch_index_new(1);
    struct watch_set *sets = mem_alloc(WATCHES * sizeof *sets);
    struct change_batch b;
    char key[32];

    struct instant begin = clock_now();
    for (uint64_t i = 0; i < WATCHES; i++) {
        watch_init(&sets[i]);
        sets[i].on_fire = on_fire;
        key_name(i, key);
        if (i % 10)
            watch_key(&sets[i], WATCH_KV, str_z(key));
        else
            watch_prefix(&sets[i], WATCH_KV, str_z(key));
        watch_wait(x, &sets[i]);
    }
    tell("wait on one key or prefix", begin, WATCHES);
    change_init(&b);
    begin = clock_now();
    for (uint64_t i = 0; i < WATCHES; i++) {
        change_clear(&b);
        key_name(WATCHES + i, key);
        change_add(&b, WATCH_KV, str_z(key));
        ASSERT(watch_fire(x, &b) == 0);
    }
    tell("change that wakes none of 10,000", begin, WATCHES);
    begin = clock_now();
    for (uint64_t i = 0; i < WATCHES; i++) {
        change_clear(&b);
        key_name(i, key);
        change_add(&b, WATCH_KV, str_z(key));
        ASSERT(watch_fire(x, &b) == 1);
    }
    tell("change that wakes one", begin, WATCHES);
    change_fini(&b);
    for (uint64_t i = 0; i < WATCHES; i++)
        watch_fini(&sets[i]);
    watch_index_free(x);
    mem_free(sets);
}

int main(void)
{
    struct world w;

    world_open(&w);
    bench_kv(&w);
    bench_catalog(&w);
    bench_watch();
    world_close(&w);
    return 0;
}
