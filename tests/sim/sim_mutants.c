/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do the checks bite? Each deliberate bug of raft_mutate.h, compiled in by
 * RAFT_MUTATIONS, must be found by the thousand seeds of `make check`: those
 * of sim_raft, in the same order.
 *
 *     sim_raft_mutants [-j JOBS] [NAME [SEED [COUNT]]]
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/sim_cluster.h"

#define SEEDS    1000
#define JOBS_MAX 64

enum raft_mutation raft_mutation;

static const char *const names[] = {"NONE",
#define NAME(name, text) #name,
                                    RAFT_MUTATIONS_LIST(NAME)
#undef NAME
};
static const char *const texts[] = {"no mutation",
#define TEXT(name, text) text,
                                    RAFT_MUTATIONS_LIST(TEXT)
#undef TEXT
};

struct result { /* shared with the process that looks */
    uint64_t seed, step;
    bool failed;
    char what[300];
};
static struct result *results, *mine;

static void on_failure(const char *what, int server)
{
    (void)server;
    mine->failed = true;
    mine->step = sim.totals.steps;
    snprintf(mine->what, sizeof mine->what, "%s", what);
    fflush(stdout);
    _exit(1);
}

/* What an assertion says goes to a file and from there into the result. */
static void look(enum raft_mutation m, uint64_t seed, uint64_t count)
{
    raft_mutation = m;
    mine = &results[m];
    sim.failed = on_failure;
    sim.trace = getenv("SIM_RAFT_TRACE") != NULL;
    for (uint64_t i = 0; i < count; i++) {
        mine->seed = seed + i;
        sim.totals.steps = 0;
        world_run(mine->seed);
    }
    _exit(0);
}

static int tell(unsigned number, enum raft_mutation m, int status, FILE *said)
{
    const struct result *r = &results[m];
    char line[200] = "";
    bool found = status != 0;

    if (found && !r->failed) {
        rewind(said);
        if (!fgets(line, sizeof line, said))
            snprintf(line, sizeof line, "the process died");
        line[strcspn(line, "\n")] = '\0';
    }
    printf("%sok %u - %s: %s: ", found ? "" : "not ", number, names[m], texts[m]);
    if (found)
        printf("seed %" PRIu64 ", %s\n", r->seed, r->failed ? r->what : line);
    else
        printf("NOT FOUND up to seed %" PRIu64 "\n", r->seed);
    fflush(stdout);
    return !found;
}

static int all(int jobs, enum raft_mutation first, enum raft_mutation last, uint64_t seed,
               uint64_t count)
{
    pid_t pids[RAFT_MUTATIONS_N] = {0};
    FILE *said[RAFT_MUTATIONS_N] = {0};
    int running = 0, rc = 0, status;
    unsigned number = 0;

    printf("1..%d\n", (int)(last - first) + 1);
    for (enum raft_mutation m = first; m <= last || running > 0;) {
        if (m <= last && running < jobs) {
            said[m] = tmpfile();
            ASSERT(said[m]);
            fflush(stdout);
            pids[m] = fork();
            if (pids[m] == 0) {
                dup2(fileno(said[m]), STDERR_FILENO);
                look(m, seed, count);
            }
            ASSERT(pids[m] > 0);
            m++;
            running++;
            continue;
        }
        pid_t pid = wait(&status);
        for (enum raft_mutation k = first; k < m; k++)
            if (pids[k] == pid) {
                rc |= tell(++number, k, status, said[k]);
                fclose(said[k]);
                running--;
            }
    }
    return rc;
}

int main(int argc, char **argv)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int jobs = cpus > JOBS_MAX ? JOBS_MAX : cpus > 0 ? (int)cpus : 1, opt;
    enum raft_mutation first = 1, last = RAFT_MUTATIONS_N - 1;
    uint64_t seed = 1, count = SEEDS;

    while ((opt = getopt(argc, argv, "j:")) == 'j')
        jobs = (int)strtol(optarg, NULL, 10);
    if (opt != -1 || jobs < 1)
        return 2;
    if (optind < argc) {
        for (first = 0; first < RAFT_MUTATIONS_N; first++)
            if (strcmp(names[first], argv[optind]) == 0)
                break;
        if (first == RAFT_MUTATIONS_N)
            return 2;
        last = first;
        if (optind + 1 < argc) {
            seed = strtoull(argv[optind + 1], NULL, 10);
            count = optind + 2 < argc ? strtoull(argv[optind + 2], NULL, 10) : 1;
        }
    }
    results = mmap(NULL, sizeof *results * RAFT_MUTATIONS_N, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(results != MAP_FAILED);
    return all(jobs, first, last, seed, count);
}
