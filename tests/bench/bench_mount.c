/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * open, read, close of small files, as often as it goes.
 *
 *   bench_mount DIRECTORY FILES SECONDS THREADS   files k0 ... in turn, again and again: warm
 *   bench_mount DIRECTORY FILES 0 THREADS FIRST   each from kFIRST on once, not seen before: cold
 *
 * Prints operations a second. Each file must hold at least one byte.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h> /* tidy: a load generator, not disco */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64

struct job {
    pthread_t thread; /* tidy: as above */
    const char *directory;
    uint64_t files, base, first, step, done;
    double seconds;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); /* tidy: measures */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_one(const struct job *j, uint64_t i)
{
    char path[4096], bytes[4096];
    (void)snprintf(path, sizeof(path), "%s/k%" PRIu64, j->directory, j->base + i);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || read(fd, bytes, sizeof(bytes)) <= 0) {
        perror(path);
        exit(1);
    }
    close(fd);
}

static void *run(void *data)
{
    struct job *j = data;
    if (j->seconds == 0) {
        for (uint64_t i = j->first; i < j->files; i += j->step, j->done++)
            read_one(j, i);
        return NULL;
    }
    double end = now() + j->seconds;
    do {
        for (int k = 0; k < 100; k++, j->done++)
            read_one(j, (j->first + j->done * j->step) % j->files);
    } while (now() < end);
    return NULL;
}

int main(int argc, char **argv)
{
    struct job jobs[THREADS_MAX];
    if (argc != 5 && argc != 6) {
        (void)fprintf(stderr, "usage: bench_mount DIRECTORY FILES SECONDS THREADS [FIRST]\n");
        return 1;
    }
    uint64_t threads = strtoull(argv[4], NULL, 10), done = 0;
    if (threads < 1 || threads > THREADS_MAX)
        return 1;
    double start = now();
    for (uint64_t t = 0; t < threads; t++) {
        jobs[t] = (struct job){.directory = argv[1],
                               .files = strtoull(argv[2], NULL, 10),
                               .base = argc == 6 ? strtoull(argv[5], NULL, 10) : 0,
                               .first = t,
                               .step = threads,
                               .seconds = strtod(argv[3], NULL)};
        pthread_create(&jobs[t].thread, NULL, run, &jobs[t]); /* tidy: as above */
    }
    for (uint64_t t = 0; t < threads; t++) {
        pthread_join(jobs[t].thread, NULL); /* tidy: as above */
        done += jobs[t].done;
    }
    printf("%.0f\n", (double)done / (now() - start));
    return 0;
}
