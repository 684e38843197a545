/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log thread: many orders, one sync for many, answered in order on the core's side. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/list.h"
#include "tests/lib/unit.h"
#include "wal/wal.h"

#define ORDERS 2000

struct job {
    struct wal_order order;
    uint64_t index;
};
static struct {
    uv_sem_t wake;
    struct mailbox *box;
    uint64_t done;
    int failed;
} core;

static void wake(void *data)
{
    (void)data;
    uv_sem_post(&core.wake);
}

static void run(struct wal_order *o, struct wal *w)
{
    wal_put_entry(w, LIST_ITEM(o, struct job, order)->index, 1, 1, STR_LIT("content"));
}

static void done(struct wal_order *o)
{
    core.failed += o->status < 0;
    assert_int_equal(LIST_ITEM(o, struct job, order)->index, ++core.done);
}

static void run_seal(struct wal_order *o, struct wal *w)
{
    o->status = wal_seal(w);
}

static void done_seal(struct wal_order *o)
{
    assert_int_equal(o->status, 0);
    core.done = ORDERS + 1;
}

static int count(void *data, uint64_t index, uint64_t term, uint8_t kind, struct str bytes)
{
    assert_int_equal(index, ++*(uint64_t *)data);
    assert_int_equal(term + kind, 2);
    assert_str(bytes, STR_LIT("content"));
    return 0;
}

static void test_orders(void **state)
{
    char dir[] = "/tmp/test_wal_uv.XXXXXX", command[64];
    struct wal_config conf = {.server = "server"};
    uint64_t n = 0;
    struct wal_visitor visitor = {.data = &n, .entry = count};
    struct wal_found found;
    struct wal_disk *disk;
    struct error err = {0};
    struct wal *w;
    struct job *jobs = mem_alloc(ORDERS * sizeof *jobs);
    struct wal_order seal = {.run = run_seal, .done = done_seal, .alone = true};

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(wal_disk_open(dir, &disk, &err), 0);
    assert_int_equal(wal_open(disk, &conf, &visitor, &found, &w, &err), 0);
    uv_sem_init(&core.wake, 0);
    core.box = mailbox_new(wake, NULL);
    struct wal_thread *t = wal_thread_start(w, core.box);
    for (uint64_t i = 0; i < ORDERS; i++) {
        jobs[i].index = i + 1;
        jobs[i].order.run = run;
        jobs[i].order.done = done;
        wal_thread_post(t, &jobs[i].order);
        if (i % 64 == 0)
            mailbox_drain(core.box);
    }
    wal_thread_post(t, &seal);
    while (core.done <= ORDERS) {
        uv_sem_wait(&core.wake);
        mailbox_drain(core.box);
    }
    assert_int_equal(core.failed, 0);
    wal_thread_stop(t);
    mailbox_free(core.box);
    uv_sem_destroy(&core.wake);
    wal_close(w);
    assert_int_equal(wal_open(disk, &conf, &visitor, &found, &w, &err), 0);
    assert_int_equal(n, ORDERS);
    wal_close(w);
    wal_disk_close(disk);
    mem_free(jobs);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

UNIT_MAIN(UNIT(test_orders))
