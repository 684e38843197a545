/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Consensus alone: real log, real connections on loopback, a state machine that does nothing,
 * 200-byte entries. One server or three processes; so many in flight, and so many per second
 * whatever comes back; then how long the others are without a leader when theirs is killed.
 *
 *     bench_raft DIR SERVERS [SECONDS] [ELECTIONS]      0 seconds: elections alone
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "consensus/consensus.h"
#include "net/net.h"

#define SERVERS     3
#define WRITERS_MAX 4096
#define SIZE        200
#define SAMPLES_MAX 4000000

/* ---- a state machine that does nothing ---- */

struct state {
    uint64_t applied;
};
const char *const state_table_names[STATE_TABLE_N] = {
#define X(name) #name,
    STATE_TABLES(X)
#undef X
};
struct state *state_new(struct store *store)
{
    (void)store;
    return mem_new(struct state);
}
void state_free(struct state *s)
{
    mem_free(s);
}
int state_apply_group(struct state *s, uint64_t first, const struct str *commands, uint32_t n,
                      struct change_batch *changes, struct result *results)
{
    (void)commands;
    (void)results;
    changes->index = s->applied = first + n - 1;
    return 0;
}
uint64_t state_applied_index(struct state *s)
{
    return s->applied;
}
void result_init(struct result *r)
{
    *r = (struct result){0};
}
void result_fini(struct result *r)
{
    buf_fini(&r->body);
}

/* ---- a server ---- */

struct shared { /* between the processes */
    int64_t leads_since[SERVERS];
    uint64_t applied[SERVERS];
    int done;
};
struct server;
struct writer {
    struct server *s;
    struct consensus_submit submit;
    struct instant since;
    struct writer *next;
};
struct server {
    int i, n;
    uv_loop_t loop;
    uv_timer_t timer, beat;
    uv_prepare_t prepare;
    struct timers timers;
    struct net *net;
    struct consensus *consensus;
    struct published published;
    struct rng rng;
    volatile struct shared *shared; /* tidy: another process looks */
    bool leads, over, open_loop;
    int out, failed;
    uint64_t ops;
    float *samples;
    struct writer *writers, *idle;
    char bytes[SIZE];
};

static void id_of(int i, char dst[37])
{
    snprintf(dst, 37, "00000000-0000-0000-0000-%012d", i);
}

static void on_timer(uv_timer_t *t)
{
    struct server *s = t->data;

    timers_expire(&s->timers, clock_now());
}

static void on_prepare(uv_prepare_t *p)
{
    struct server *s = p->data;
    int64_t left = instant_since(timers_deadline(&s->timers), clock_now()).ns;

    if (timers_deadline(&s->timers).ns != INSTANT_NEVER.ns)
        uv_timer_start(&s->timer, on_timer, left > 0 ? (uint64_t)left / 1000000 + 1 : 0, 0);
}

static void on_leadership(void *data, bool is_leader)
{
    struct server *s = data;

    s->leads = is_leader;
    s->shared->leads_since[s->i] = is_leader ? clock_now().ns : 0;
}

static void on_applied(void *data, const struct change_batch *changes)
{
    ((struct server *)data)->shared->applied[((struct server *)data)->i] = changes->index;
}

static void die(const char *text)
{
    fprintf(stderr, "bench_raft: %s\n", text);
    exit(1);
}

static void server_open(struct server *s, const char *dir, int port)
{
    struct consensus_config conf = {.raft_multiplier = 1, .snapshot_interval = DURATION_S(30)};
    struct consensus_hooks hooks = {.data = s, .leadership = on_leadership, .applied = on_applied};
    struct consensus_server all[SERVERS] = {0};
    struct error err = {0};
    struct store *store;
    struct addr a;
    char path[4096];

    log_set_level(LOG_ERROR);
    rng_system(&s->rng);
    timers_init(&s->timers);
    uv_loop_init(&s->loop);
    uv_timer_init(&s->loop, &s->timer);
    uv_timer_init(&s->loop, &s->beat);
    uv_prepare_init(&s->loop, &s->prepare);
    s->timer.data = s->prepare.data = s->beat.data = s;
    uv_prepare_start(&s->prepare, on_prepare);
    s->net = net_open(&s->loop, &s->timers, &(struct net_options){0});
    if (addr_parse(STR_LIT("127.0.0.1"), (uint16_t)(port + s->i), &a) < 0 ||
        net_listen(s->net, &a, &err) < 0)
        die(err.text);
    snprintf(path, sizeof path, "%s/store-%d", dir, s->i);
    if (store_open(path, state_table_names, STATE_TABLE_N, 0, &store, &err) < 0)
        die(err.text);
    snprintf(path, sizeof path, "%s/raft-%d", dir, s->i);
    conf.dir = path;
    conf.net = s->net;
    id_of(s->i, conf.server_id);
    addr_format(&a, conf.server_address);
    if (consensus_open(&conf, state_new(store), store, &s->loop, &s->timers, &s->rng, &s->published,
                       &hooks, &s->consensus, &err) < 0)
        die(err.text);
    for (int i = 0; i < s->n; i++) {
        all[i].voter = true;
        id_of(i, all[i].id);
        addr_set_port(&a, (uint16_t)(port + i));
        addr_format(&a, all[i].address);
    }
    if (consensus_is_empty(s->consensus) &&
        consensus_bootstrap(s->consensus, all, (size_t)s->n, &err) < 0)
        die(err.text);
}

/* ---- load ---- */

static void put(struct server *s, struct writer *w)
{
    s->out++;
    consensus_submit(s->consensus, &w->submit);
}

static void on_done(struct consensus_submit *x)
{
    struct writer *w = LIST_ITEM(x, struct writer, submit);
    struct server *s = w->s;

    s->out--;
    if (x->status < 0)
        s->failed++;
    else if (s->ops < SAMPLES_MAX)
        s->samples[s->ops++] = (float)instant_since(clock_now(), w->since).ns;
    if (s->open_loop || s->over) {
        w->next = s->idle;
        s->idle = w;
        return;
    }
    w->since = clock_now();
    put(s, w);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void tell(struct server *s, const char *what, int n, double took)
{
    qsort(s->samples, s->ops, sizeof *s->samples, compare);
    printf("raft: %d server%s %5d %s: %8.0f/s  p50 %6.0f us  p99 %6.0f us", s->n,
           s->n > 1 ? "s" : " ", n, what, (double)s->ops / took,
           s->ops ? (double)s->samples[s->ops / 2] / 1e3 : 0,
           s->ops ? (double)s->samples[s->ops * 99 / 100] / 1e3 : 0);
    if (s->failed)
        printf("  failed %d", s->failed);
    putchar('\n');
    (void)fflush(stdout);
}

static void begin(struct server *s)
{
    s->ops = 0;
    s->failed = 0;
    s->over = false;
    s->idle = NULL;
    for (int i = WRITERS_MAX - 1; i >= 0; i--) {
        struct writer *w = &s->writers[i];
        w->s = s;
        w->submit.command = str_make(s->bytes, SIZE);
        w->submit.done = on_done;
        w->next = s->idle;
        s->idle = w;
    }
}

static void finish(struct server *s)
{
    s->over = true;
    while (s->out)
        uv_run(&s->loop, UV_RUN_ONCE);
}

static void run_closed(struct server *s, int depth, double seconds)
{
    begin(s);
    s->open_loop = false;
    struct instant start = clock_now(),
                   end = instant_add(start, (struct duration){(int64_t)(seconds * 1e9)});
    for (int i = 0; i < depth; i++) {
        s->writers[i].since = clock_now();
        put(s, &s->writers[i]);
    }
    while (instant_before(clock_now(), end))
        uv_run(&s->loop, UV_RUN_ONCE);
    double took = (double)instant_since(clock_now(), start).ns / 1e9;
    uint64_t ops = s->ops;
    finish(s);
    s->ops = ops;
    tell(s, "in flight ", depth, took);
}

static void on_beat(uv_timer_t *t)
{
    (void)t;
}

/* A write is late from the moment when it should have begun, not from when it could. */
static void run_open(struct server *s, int rate, double seconds)
{
    begin(s);
    s->open_loop = true;
    uv_timer_start(&s->beat, on_beat, 1, 1);
    struct instant start = clock_now(), now = start;
    int64_t due = 0, length = (int64_t)(seconds * 1e9), pause = 1000000000 / rate;
    while ((now = clock_now()).ns - start.ns < length) {
        for (; due <= now.ns - start.ns && s->idle; due += pause) {
            struct writer *w = s->idle;
            s->idle = w->next;
            w->since = instant_add(start, (struct duration){due});
            put(s, w);
        }
        uv_run(&s->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&s->beat);
    double took = (double)instant_since(clock_now(), start).ns / 1e9;
    finish(s);
    tell(s, "per second", rate, took);
}

static void run_load(struct server *s, double seconds)
{
    static const int depths[] = {1, 64, 256, 1024}, rates[] = {1000, 5000, 10000};

    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        run_closed(s, depths[i], seconds);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        run_open(s, rates[i], seconds);
}

/* One process. The first server gets the lead and makes the load; the others follow. */
static void serve(volatile struct shared *shared, int i, int n, const char *dir, int port,
                  double seconds, bool loads)
{
    struct server *s = mem_new(struct server);
    char first[37];

    s->i = i;
    s->n = n;
    s->shared = shared;
    s->samples = mem_alloc(SAMPLES_MAX * sizeof *s->samples);
    s->writers = mem_alloc(WRITERS_MAX * sizeof *s->writers);
    struct buf command;
    buf_init(&command, 0);
    command_begin(&command, COMMAND_NOOP);
    memset(s->bytes, 'x', SIZE);
    memcpy(s->bytes, command.p, command.n);
    server_open(s, dir, port);
    id_of(0, first);
    while (loads && i == 0 && !s->leads)
        uv_run(&s->loop, UV_RUN_ONCE);
    if (loads && i == 0) {
        if (seconds > 0)
            run_load(s, seconds);
        shared->done = 1;
    }
    uv_timer_start(&s->beat, on_beat, 20, 20);
    for (;;) {
        uv_run(&s->loop, UV_RUN_ONCE);
        if (i != 0 && loads && s->leads && !shared->done && consensus_transfer(s->consensus, first))
            continue;
    }
}

static void pause_ms(int ms)
{
    struct timespec t = {0, (long)ms * 1000000};
    nanosleep(&t, NULL);
}

static int leader_of(volatile struct shared *shared, int but)
{
    for (int i = 0; i < SERVERS; i++)
        if (i != but && shared->leads_since[i])
            return i;
    return -1;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_raft DIR SERVERS [SECONDS] [ELECTIONS]\n");
        return 1;
    }
    int n = (int)strtol(argv[2], NULL, 10),
        elections = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 0;
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 3;
    int port = 20000 + (int)(getpid() % 10000);
    volatile struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[SERVERS];
    float times[100];

    if (n != 1 && n != SERVERS)
        die("one server or three");
    for (int i = 0; i < n; i++)
        if ((pids[i] = fork()) == 0)
            serve(shared, i, n, argv[1], port, seconds, true);
    while (!shared->done) {
        pause_ms(20);
        if (waitpid(-1, NULL, WNOHANG) > 0)
            break;
    }
    for (int e = 0; shared->done && n > 1 && e < elections && e < 100; e++) {
        int old;
        pause_ms(1500); /* all follow */
        while ((old = leader_of(shared, -1)) < 0)
            pause_ms(5);
        int64_t start = clock_now().ns;
        kill(pids[old], SIGKILL);
        waitpid(pids[old], NULL, 0);
        shared->leads_since[old] = 0;
        int now;
        while ((now = leader_of(shared, old)) < 0)
            pause_ms(1);
        times[e] = (float)(shared->leads_since[now] - start) / 1e6F;
        if ((pids[old] = fork()) == 0)
            serve(shared, old, n, argv[1], port, seconds, false);
    }
    if (shared->done && n > 1 && elections > 0) {
        qsort(times, (size_t)elections, sizeof *times, compare);
        printf("raft: %d elections after kill -9 of the leader, timeouts 200 to 400 ms: median "
               "%.0f ms, longest %.0f ms\n",
               elections, (double)times[elections / 2], (double)times[elections - 1]);
    }
    for (int i = 0; i < n; i++)
        kill(pids[i], SIGKILL);
    while (wait(NULL) > 0)
        ;
    return shared->done ? 0 : 1;
}
