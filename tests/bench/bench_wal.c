/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the log costs, beside the least that a durable write can cost: a number
 * of logical writers on one loop, each submitting 200 bytes as soon as its last
 * is durable, through
 *
 *     bare       a thread that gathers, does one pwrite and one fdatasync, and tells
 *     wal        the log thread, one order for each entry
 *     consensus  raft, the log and the state, one command for each entry
 *
 *     bench_wal DIR [SECONDS [bare]]      bare: nothing else
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "consensus/consensus.h"
#include "wal/wal.h"

#define WRITERS_MAX 1024
#define SIZE        200
#define SAMPLES_MAX 4000000
#define FILE_SIZE   ((off_t)256 << 20)

struct writer;
struct bench {
    uv_loop_t loop;
    const char *dir;
    double seconds;
    bool over;
    uint64_t ops;
    float *samples;
    struct writer *writers;
    int out; /* in flight */
    void (*write)(struct bench *b, struct writer *w);
    char bytes[SIZE];
    /* bare */
    int fd;
    off_t at;
    uv_sem_t wake;
    uv_async_t async;
    struct mailbox *to_log, *to_core;
    struct mail stop;
    bool stopping;
    struct writer *gathered;
    char *batch;
    size_t batch_n;
    /* wal */
    struct wal *wal;
    struct wal_thread *thread;
    uint64_t index;
    /* consensus */
    struct consensus *consensus;
    struct timers timers;
    uv_timer_t timer;
    uv_prepare_t prepare;
    struct published published;
    bool leads, closed;
};
struct writer {
    struct mail mail;
    struct bench *b;
    struct wal_order order;
    struct consensus_submit submit;
    struct instant since;
    uint64_t index;
    struct writer *next;
};

static struct bench *b0; /* what the state of one run hangs on: the entry's bytes for the log */

static void go(struct bench *b, struct writer *w)
{
    if (b->over)
        return;
    w->since = clock_now();
    b->out++;
    b->write(b, w);
}

static void durable(struct writer *w)
{
    struct bench *b = w->b;

    b->out--;
    if (b->ops < SAMPLES_MAX)
        b->samples[b->ops] = (float)instant_since(clock_now(), w->since).ns;
    b->ops++;
    go(b, w);
}

/* ---- bare ---- */

static void on_durable(struct mail *m)
{
    durable(LIST_ITEM(m, struct writer, mail));
}

static void on_write(struct mail *m)
{
    struct writer *w = LIST_ITEM(m, struct writer, mail);
    struct bench *b = w->b;

    memcpy(b->batch + b->batch_n, b->bytes, SIZE);
    b->batch_n += SIZE;
    w->next = b->gathered;
    b->gathered = w;
}

static void on_stop(struct mail *m)
{
    LIST_ITEM(m, struct bench, stop)->stopping = true;
}

static void bare_thread(void *data)
{
    struct bench *b = data;

    while (!b->stopping) {
        if (mailbox_drain(b->to_log) == 0) {
            uv_sem_wait(&b->wake);
            continue;
        }
        if (b->at + (off_t)b->batch_n > FILE_SIZE)
            b->at = 0;
        if (b->batch_n && (pwrite(b->fd, b->batch, b->batch_n, b->at) < 0 || fdatasync(b->fd) < 0))
            exit(1);
        b->at += (off_t)b->batch_n;
        b->batch_n = 0;
        while (b->gathered) {
            struct writer *w = b->gathered;
            b->gathered = w->next;
            w->mail.deliver = on_durable;
            mailbox_post(b->to_core, &w->mail);
        }
    }
}

static void bare_write(struct bench *b, struct writer *w)
{
    w->mail.deliver = on_write;
    mailbox_post(b->to_log, &w->mail);
}

/* ---- wal ---- */

static void order_run(struct wal_order *o, struct wal *wal)
{
    struct writer *w = LIST_ITEM(o, struct writer, order);

    wal_put_entry(wal, w->index, 1, 1, str_make(b0->bytes, SIZE));
}

static void order_done(struct wal_order *o)
{
    if (o->status < 0)
        exit(1);
    durable(LIST_ITEM(o, struct writer, order));
}

static void wal_write(struct bench *b, struct writer *w)
{
    w->index = ++b->index;
    w->order.run = order_run;
    w->order.done = order_done;
    wal_thread_post(b->thread, &w->order);
}

/* ---- consensus ---- */

static void submit_done(struct consensus_submit *s)
{
    if (s->status < 0) {
        fprintf(stderr, "%s\n", error_text(s->status));
        exit(1);
    }
    durable(LIST_ITEM(s, struct writer, submit));
}

static void consensus_write(struct bench *b, struct writer *w)
{
    w->submit.command = str_make(b->bytes, SIZE);
    w->submit.done = submit_done;
    consensus_submit(b->consensus, &w->submit);
}

static void on_leadership(void *data, bool is_leader)
{
    ((struct bench *)data)->leads = is_leader;
}

static void on_closed(void *data)
{
    ((struct bench *)data)->closed = true;
}

static void on_timer(uv_timer_t *t)
{
    struct bench *b = t->data;

    timers_expire(&b->timers, clock_now());
}

static void on_prepare(uv_prepare_t *p)
{
    struct bench *b = p->data;
    int64_t left = instant_since(timers_deadline(&b->timers), clock_now()).ns;

    if (timers_deadline(&b->timers).ns != INSTANT_NEVER.ns)
        uv_timer_start(&b->timer, on_timer, left > 0 ? (uint64_t)left / 1000000 + 1 : 0, 0);
}

/* ---- running ---- */

static void wake_core(void *data)
{
    uv_async_send(&((struct bench *)data)->async);
}

static void wake_log(void *data)
{
    uv_sem_post(&((struct bench *)data)->wake);
}

static void on_async(uv_async_t *a)
{
    mailbox_drain(((struct bench *)a->data)->to_core);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static double run(struct bench *b, const char *name, int depth, double bare)
{
    b->ops = 0;
    b->over = false;
    struct instant start = clock_now(),
                   end = instant_add(start, (struct duration){(int64_t)(b->seconds * 1e9)});
    for (int i = 0; i < depth; i++)
        go(b, &b->writers[i]);
    while (instant_before(clock_now(), end))
        uv_run(&b->loop, UV_RUN_ONCE);
    double took = (double)instant_since(clock_now(), start).ns / 1e9, rate = (double)b->ops / took;
    b->over = true;
    while (b->out)
        uv_run(&b->loop, UV_RUN_ONCE);
    size_t n = b->ops < SAMPLES_MAX ? b->ops : SAMPLES_MAX;
    qsort(b->samples, n, sizeof *b->samples, compare);
    printf("wal: %-9s %4d in flight: %8.0f/s  p50 %5.0f us  p99 %6.0f us", name, depth, rate,
           (double)b->samples[n / 2] / 1e3, (double)b->samples[n * 99 / 100] / 1e3);
    if (bare > 0)
        printf("  ratio %.2f", rate / bare);
    putchar('\n');
    (void)fflush(stdout);
    return rate;
}

static char *path_of(const struct bench *b, const char *name, int depth)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/%s-%d", b->dir, name, depth);
    return path;
}

static double run_bare(struct bench *b, int depth)
{
    uv_thread_t thread;

    b->fd = open(path_of(b, "bare", depth), O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (b->fd < 0 || posix_fallocate(b->fd, 0, FILE_SIZE) != 0 || fsync(b->fd) < 0)
        exit(1);
    b->at = 0;
    b->stopping = false;
    b->batch = mem_alloc(WRITERS_MAX * SIZE);
    uv_sem_init(&b->wake, 0);
    b->to_log = mailbox_new(wake_log, b);
    uv_thread_create(&thread, bare_thread, b);
    b->write = bare_write;
    double rate = run(b, "bare", depth, 0);
    b->stop.deliver = on_stop;
    mailbox_post(b->to_log, &b->stop);
    uv_thread_join(&thread);
    mailbox_free(b->to_log);
    uv_sem_destroy(&b->wake);
    mem_free(b->batch);
    close(b->fd);
    unlink(path_of(b, "bare", depth));
    return rate;
}

static void run_wal(struct bench *b, int depth, double bare)
{
    struct wal_config conf = {.server = "bench"};
    struct wal_visitor none = {0};
    struct wal_found found;
    struct wal_disk *disk;
    struct error err = {0};

    if (wal_disk_open(path_of(b, "wal", depth), &disk, &err) < 0 ||
        wal_open(disk, &conf, &none, &found, &b->wal, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    b->index = 0;
    b->thread = wal_thread_start(b->wal, b->to_core);
    b->write = wal_write;
    run(b, "wal", depth, bare);
    wal_thread_stop(b->thread);
    wal_close(b->wal);
    wal_disk_close(disk);
}

static void run_consensus(struct bench *b, int depth, double bare)
{
    struct consensus_config conf = {
        .server_id = "bench", .bootstrap = true, .snapshot_interval = DURATION_S(30)};
    struct consensus_hooks hooks = {.data = b, .leadership = on_leadership};
    struct store *store;
    struct error err = {0};
    struct rng rng;
    char store_dir[4096];

    rng_system(&rng);
    conf.dir = path_of(b, "raft", depth);
    snprintf(store_dir, sizeof store_dir, "%s/store-%d", b->dir, depth);
    if (store_open(store_dir, state_table_names, STATE_TABLE_N, 0, &store, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    struct state *state = state_new(store);
    b->leads = b->closed = false;
    if (consensus_open(&conf, state, store, &b->loop, &b->timers, &rng, &b->published, &hooks,
                       &b->consensus, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    while (!b->leads)
        uv_run(&b->loop, UV_RUN_ONCE);
    b->write = consensus_write;
    run(b, "consensus", depth, bare);
    consensus_close(b->consensus, on_closed, b);
    while (!b->closed)
        uv_run(&b->loop, UV_RUN_ONCE);
    state_free(state);
    store_close(store);
}

int main(int argc, char **argv)
{
    static const int depths[] = {1, 64, 256, 1024};
    struct bench *b = mem_new(struct bench);
    struct buf command;

    if (argc < 2) {
        fprintf(stderr, "usage: bench_wal DIR [SECONDS [bare]]\n");
        return 1;
    }
    b0 = b;
    b->dir = argv[1];
    b->seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
    b->samples = mem_alloc(SAMPLES_MAX * sizeof *b->samples);
    b->writers = mem_alloc(WRITERS_MAX * sizeof *b->writers);
    for (int i = 0; i < WRITERS_MAX; i++)
        b->writers[i].b = b;
    buf_init(&command, 0);
    command_begin(&command, COMMAND_NOOP);
    memset(b->bytes, 'x', SIZE);
    memcpy(b->bytes, command.p, command.n);
    buf_fini(&command);
    log_set_level(LOG_ERROR);
    timers_init(&b->timers);
    uv_loop_init(&b->loop);
    uv_async_init(&b->loop, &b->async, on_async);
    uv_timer_init(&b->loop, &b->timer);
    uv_prepare_init(&b->loop, &b->prepare);
    b->async.data = b->timer.data = b->prepare.data = b;
    uv_prepare_start(&b->prepare, on_prepare);
    b->to_core = mailbox_new(wake_core, b);
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        double bare = run_bare(b, depths[i]);
        if (argc > 3)
            continue;
        run_wal(b, depths[i], bare);
        run_consensus(b, depths[i], bare);
    }
    return 0;
}
