/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <uv.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "fs/fs_notify.h"
#include "fs/fs_teller.h"

struct fs_notify {
    int fuse;
    struct fs_teller *teller; /* the mount's; NULL: this thread does it */
    struct mailbox *home;
    struct fs_notify_events events;
    void (*closed)(void *data), *closed_data;
    /* the worker's */
    struct buf items;   /* kind, number, size, name; in the order they were added */
    struct map present; /* the same, so that each is there once */
    size_t item_n;
    uint64_t index; /* 0: nothing to tell */
    bool in_flight, is_closing, has_overflowed;
    /* what travels: one batch at a time */
    struct mail there, back;
    struct buf batch;
    uint64_t batch_index;
    /* the thread's */
    uv_thread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    struct mailbox *box;
};

static void run_thread(void *data);
static void wake_thread(void *data);
static void on_wake(uv_async_t *async);
static void on_batch(struct mail *mail);
static void on_stop(struct mail *mail);
static void on_back(struct mail *mail);
static void on_stopped(struct mail *mail);
static void add(struct fs_notify *n, int kind, uint64_t number, struct str name);
static void clear(struct fs_notify *n);

int fs_notify_open(int fuse, struct fs_teller *teller, struct mailbox *home,
                   const struct fs_notify_events *events, struct fs_notify **ret)
{
    struct fs_notify *n = mem_new(struct fs_notify);
    n->fuse = fuse;
    n->teller = teller;
    n->home = home;
    n->events = *events;
    buf_init(&n->items, 0);
    buf_init(&n->batch, 0);
    map_init(&n->present, (uint64_t)(uintptr_t)n);
    int r = uv_loop_init(&n->loop);
    if (r == 0 && (r = uv_async_init(&n->loop, &n->wake, on_wake)) == 0) {
        n->wake.data = n;
        n->box = mailbox_new(wake_thread, n);
        r = uv_thread_create(&n->thread, run_thread, n);
        if (r == 0) {
            *ret = n;
            return 0;
        }
        mailbox_free(n->box);
        uv_close((uv_handle_t *)&n->wake, NULL);
        uv_run(&n->loop, UV_RUN_DEFAULT);
    }
    if (n->wake.data)
        (void)uv_loop_close(&n->loop);
    map_fini(&n->present);
    mem_free(n);
    return r;
}

void fs_notify_close(struct fs_notify *n, void (*closed)(void *data), void *data)
{
    n->is_closing = true;
    n->closed = closed;
    n->closed_data = data;
    clear(n);
    if (!n->in_flight) {
        n->there.deliver = on_stop;
        mailbox_post(n->box, &n->there);
    }
}

void fs_notify_name(struct fs_notify *n, uint64_t dir, struct str name)
{
    add(n, FS_TELLER_NAME, dir, name);
}

void fs_notify_attr(struct fs_notify *n, uint64_t number)
{
    add(n, FS_TELLER_ATTR, number, STR_LIT(""));
}

void fs_notify_listing(struct fs_notify *n, uint64_t dir)
{
    add(n, FS_TELLER_LISTING, dir, STR_LIT(""));
}

void fs_notify_epoch(struct fs_notify *n)
{
    add(n, FS_TELLER_EPOCH, 0, STR_LIT(""));
}

void fs_notify_index(struct fs_notify *n, uint64_t index)
{
    if (n)
        n->index = index;
}

void fs_notify_flush(struct fs_notify *n)
{
    if (!n || n->in_flight || n->is_closing)
        return;
    if (n->items.n == 0) {
        if (n->index)
            n->events.shown(n->events.data, n->index);
        n->index = 0;
        return;
    }
    n->batch_index = n->index;
    n->index = 0;
    struct buf batch = n->batch;
    n->batch = n->items;
    n->items = batch;
    clear(n);
    n->in_flight = true;
    n->has_overflowed = false;
    n->there.deliver = on_batch;
    mailbox_post(n->box, &n->there);
}

static void add(struct fs_notify *n, int kind, uint64_t number, struct str name)
{
    if (!n || n->is_closing)
        return;
    size_t at = n->items.n;
    buf_put_u8(&n->items, (uint8_t)kind);
    buf_put_u64(&n->items, number);
    buf_put_u16(&n->items, (uint16_t)name.n);
    buf_put_str(&n->items, name);
    struct str item = str_make(n->items.p + at, n->items.n - at);
    if (map_get(&n->present, item)) {
        n->items.n = at;
        return;
    }
    map_set(&n->present, item, n);
    /* After that the list is as long as what the kernel knows, at most. */
    if (++n->item_n >= FS_NOTIFY_ITEMS_MAX && !n->has_overflowed) {
        n->has_overflowed = true;
        clear(n);
        n->events.overflowed(n->events.data);
    }
}

static void clear(struct fs_notify *n)
{
    uint64_t seed = n->present.seed;
    buf_clear(&n->items);
    if (n->item_n > 0) {
        map_fini(&n->present);
        map_init(&n->present, seed);
    }
    n->item_n = 0;
}

/* ---- on the worker: a batch is through ---- */

static void on_back(struct mail *mail)
{
    struct fs_notify *n = LIST_ITEM(mail, struct fs_notify, back);
    n->in_flight = false;
    buf_clear(&n->batch);
    if (n->is_closing) {
        n->there.deliver = on_stop;
        mailbox_post(n->box, &n->there);
    } else {
        fs_notify_flush(n);
    }
}

static void on_stopped(struct mail *mail)
{
    struct fs_notify *n = LIST_ITEM(mail, struct fs_notify, back);
    uv_thread_join(&n->thread);
    mailbox_free(n->box);
    (void)uv_loop_close(&n->loop);
    map_fini(&n->present);
    buf_fini(&n->items);
    buf_fini(&n->batch);
    void (*closed)(void *data) = n->closed;
    void *data = n->closed_data;
    mem_free(n);
    closed(data);
}

/* ---- on the notifier's own thread ---- */

static void run_thread(void *data)
{
    struct fs_notify *n = data;
    uv_run(&n->loop, UV_RUN_DEFAULT);
    n->back.deliver = on_stopped;
    mailbox_post(n->home, &n->back);
}

static void wake_thread(void *data)
{
    struct fs_notify *n = data;
    uv_async_send(&n->wake);
}

static void on_wake(uv_async_t *async)
{
    struct fs_notify *n = async->data;
    mailbox_drain(n->box);
}

static void on_stop(struct mail *mail)
{
    struct fs_notify *n = LIST_ITEM(mail, struct fs_notify, there);
    uv_close((uv_handle_t *)&n->wake, NULL);
}

static void on_batch(struct mail *mail)
{
    struct fs_notify *n = LIST_ITEM(mail, struct fs_notify, there);
    fs_teller_tell(n->teller, n->fuse, buf_str(&n->batch));
    if (n->batch_index)
        n->events.shown(n->events.data, n->batch_index);
    n->back.deliver = on_back;
    mailbox_post(n->home, &n->back);
}
