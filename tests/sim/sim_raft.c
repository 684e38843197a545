/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clusters of one to nine raft machines on virtual time (see sim_world.c for
 * what happens to them and sim_check.c for what must hold).
 *
 *     sim_raft [-j JOBS] [SEED [COUNT]]   the seeds from SEED on; without: 1 to 1000
 *     sim_raft [-j JOBS] -m MINUTES       random seeds for so long, with totals
 *     SIM_RAFT_TRACE=1 sim_raft SEED      tells the story of one
 *
 * Runs as many processes as there are CPUs. A failure says seed, step and a
 * command line that repeats it.
 */
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/sim_cluster.h"

#define JOBS_MAX 64

struct job { /* shared with the process that does it */
    uint64_t seed;
    bool failed;
    uint64_t step;
    double ms;
    int server;
    char what[200];
    struct totals totals;
};
static struct job *jobs, *mine;
static const char *program;

static const char *const names[TOTALS_N] = {"seeds",
                                            "steps",
                                            "commits",
                                            "leader_changes",
                                            "membership_changes",
                                            "transfers",
                                            "snapshots_installed",
                                            "chunks_resumed",
                                            "restarts",
                                            "servers_lost",
                                            "disk_failures",
                                            "confirmed_reads",
                                            "lease_checks",
                                            "refusals_repaired"};

static void on_failure(const char *what, int server)
{
    mine->failed = true;
    mine->step = sim.totals.steps;
    mine->ms = (double)sim.now / (double)MS;
    mine->server = server;
    snprintf(mine->what, sizeof mine->what, "%s", what);
    fflush(stdout);
    _exit(1);
}

static void do_job(uint64_t seed, uint64_t count, uint64_t step, struct instant end)
{
    uint64_t steps = 0;

    sim.failed = on_failure;
    sim.trace = getenv("SIM_RAFT_TRACE") != NULL;
    for (uint64_t i = 0; count ? i < count : instant_before(clock_now(), end); i++) {
        mine->seed = seed + i * step;
        sim.totals.steps = 0;
        world_run(mine->seed);
        steps += sim.totals.steps;
        mine->totals = sim.totals;
        mine->totals.steps = steps;
    }
    if (mem_outstanding() != 0)
        on_failure("memory is not freed", -1);
}

static struct totals add_up(int n)
{
    struct totals sum = {0};

    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < TOTALS_N; k++)
            ((uint64_t *)&sum)[k] += ((const uint64_t *)&jobs[i].totals)[k];
    return sum;
}

static void print_totals(const struct totals *t, const char *before, const char *after)
{
    printf("%s{", before);
    for (size_t k = 0; k < TOTALS_N; k++)
        printf("%s\"%s\": %" PRIu64, k ? ", " : "", names[k], ((const uint64_t *)t)[k]);
    printf("}%s\n", after);
    fflush(stdout);
}

static int tell_failure(const struct job *j)
{
    printf("Bail out! seed %" PRIu64 " at step %" PRIu64 " (%.3f ms), server %d: %s\n"
           "# repeat: SIM_RAFT_TRACE=1 %s %" PRIu64 "\n",
           j->seed, j->step, j->ms, j->server,
           j->failed ? j->what : "the process died: see standard error", program, j->seed);
    return 1;
}

/* Waits for all; a progress line now and then. The first failure ends it. */
static int wait_for(int n, const pid_t *pids, bool progress)
{
    struct instant start = clock_now(), next = instant_add(start, DURATION_S(60));
    int left = n, status, failed = -1;

    while (left > 0) {
        pid_t pid = waitpid(-1, &status, progress ? WNOHANG : 0);
        if (pid > 0) {
            left--;
            for (int i = 0; i < n && status != 0 && failed < 0; i++)
                if (pids[i] == pid)
                    failed = i;
            if (failed >= 0)
                for (int i = 0; i < n; i++)
                    if (pids[i] != pid)
                        kill(pids[i], SIGTERM);
        } else if (progress) {
            sleep(1);
            if (!instant_before(clock_now(), next)) {
                struct totals t = add_up(n);
                char when[40];
                snprintf(when, sizeof when, "# %" PRId64 " s ",
                         duration_ms(instant_since(clock_now(), start)) / 1000);
                print_totals(&t, when, "");
                next = instant_add(next, DURATION_S(60));
            }
        }
    }
    return failed < 0 ? 0 : tell_failure(&jobs[failed]);
}

static int run(int n, uint64_t seed, uint64_t count, struct instant end)
{
    pid_t pids[JOBS_MAX];

    if (count && count < (uint64_t)n)
        n = (int)count;
    for (int i = 0; i < n; i++) {
        fflush(stdout);
        pids[i] = fork();
        if (pids[i] == 0) {
            mine = &jobs[i];
            do_job(seed + (uint64_t)i, count ? (count + (uint64_t)(n - 1 - i)) / (uint64_t)n : 0,
                   (uint64_t)n, end);
            fflush(stdout);
            _exit(0);
        }
        ASSERT(pids[i] > 0);
    }
    int rc = wait_for(n, pids, count == 0);
    struct totals t = add_up(n);
    if (rc == 0)
        printf("1..1\nok 1 - %" PRIu64 " seeds\n", t.seeds);
    print_totals(&t, "# ", "");
    return rc;
}

int main(int argc, char **argv)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int n = cpus > JOBS_MAX ? JOBS_MAX : cpus > 0 ? (int)cpus : 1, opt;
    double minutes = 0;
    uint64_t seed = 1, count = 1000;

    program = argv[0];
    while ((opt = getopt(argc, argv, "j:m:")) != -1) {
        if (opt == 'j')
            n = (int)strtol(optarg, NULL, 10);
        else if (opt == 'm')
            minutes = strtod(optarg, NULL);
        else
            return 2;
    }
    if (n < 1 || n > JOBS_MAX)
        return 2;
    jobs = mmap(NULL, sizeof *jobs * JOBS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
    ASSERT(jobs != MAP_FAILED);
    if (minutes > 0) {
        rng_secure(&seed, sizeof seed);
        seed >>= 16;
        printf("# from seed %" PRIu64 ", %d processes, %.1f minutes\n", seed, n, minutes);
        struct duration d = {(int64_t)(minutes * 60e9)};
        return run(n, seed, 0, instant_add(clock_now(), d));
    }
    if (optind < argc) {
        seed = strtoull(argv[optind], NULL, 10);
        count = optind + 1 < argc ? strtoull(argv[optind + 1], NULL, 10) : 1;
    }
    return run(n, seed, count, INSTANT_NEVER);
}
