/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The least a durable write can cost: writers hand records to one thread, which
 * writes what has gathered with one pwrite and one fdatasync, and tells them.
 * No consensus, no state, no HTTP.
 *
 *     bench_sync FILE WRITERS RECORD-SIZE SECONDS
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WRITERS_MAX 1024
#define FILE_SIZE   ((off_t)64 << 20)

static struct {
    pthread_mutex_t lock;
    pthread_cond_t posted, durable;
    uint64_t posted_n, durable_n; /* records */
    bool over;
    size_t record_size;
    int fd;
} the_log = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .posted = PTHREAD_COND_INITIALIZER,
             .durable = PTHREAD_COND_INITIALIZER};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t); /* tidy: a measuring program */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One record at a time, as a client that waits for its answer. */
static void *run_writer(void *data)
{
    pthread_mutex_lock(&the_log.lock);
    while (!the_log.over) {
        uint64_t mine = ++the_log.posted_n;
        pthread_cond_signal(&the_log.posted);
        while (the_log.durable_n < mine && !the_log.over)
            pthread_cond_wait(&the_log.durable, &the_log.lock);
    }
    pthread_mutex_unlock(&the_log.lock);
    return data;
}

static void *run_log(void *data)
{
    char *batch = calloc(WRITERS_MAX, the_log.record_size);
    off_t at = 0;

    pthread_mutex_lock(&the_log.lock);
    while (batch && !the_log.over) {
        uint64_t upto = the_log.posted_n, n = upto - the_log.durable_n;
        if (n == 0) {
            pthread_cond_wait(&the_log.posted, &the_log.lock);
            continue;
        }
        pthread_mutex_unlock(&the_log.lock);
        size_t size = n * the_log.record_size;
        if (at + (off_t)size > FILE_SIZE)
            at = 0;
        memset(batch, (int)upto, size);
        if (pwrite(the_log.fd, batch, size, at) != (ssize_t)size || fdatasync(the_log.fd) != 0) {
            perror("bench_sync");
            exit(1);
        }
        at += (off_t)size;
        pthread_mutex_lock(&the_log.lock);
        the_log.durable_n = upto;
        pthread_cond_broadcast(&the_log.durable);
    }
    pthread_mutex_unlock(&the_log.lock);
    free(batch);
    return data;
}

/* Blocks that are written already, so that no sync has to change the file system's own log. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char *zeros = calloc(1, 1 << 20);

    for (off_t at = 0; fd >= 0 && at < FILE_SIZE; at += 1 << 20)
        if (!zeros || pwrite(fd, zeros, 1 << 20, at) < 0) {
            close(fd);
            fd = -1;
        }
    free(zeros);
    if (fd >= 0)
        fsync(fd);
    return fd;
}

int main(int argc, char **argv)
{
    long writer_n = argc == 5 ? strtol(argv[2], NULL, 10) : 0,
         size = argc == 5 ? strtol(argv[3], NULL, 10) : 0,
         seconds = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
    pthread_t threads[WRITERS_MAX], log_thread;

    if (writer_n < 1 || writer_n > WRITERS_MAX || size < 1 || size > 1 << 20 || seconds < 1) {
        fprintf(stderr, "usage: bench_sync FILE WRITERS RECORD-SIZE SECONDS\n");
        return 1;
    }
    the_log.record_size = (size_t)size;
    the_log.fd = open_file(argv[1]);
    if (the_log.fd < 0) {
        perror(argv[1]);
        return 1;
    }
    pthread_create(&log_thread, NULL, run_log, NULL);
    for (long i = 0; i < writer_n; i++)
        pthread_create(&threads[i], NULL, run_writer, NULL);
    double start = now();
    sleep((unsigned)seconds);
    pthread_mutex_lock(&the_log.lock);
    uint64_t done = the_log.durable_n;
    double took = now() - start;
    the_log.over = true;
    pthread_cond_broadcast(&the_log.posted);
    pthread_cond_broadcast(&the_log.durable);
    pthread_mutex_unlock(&the_log.lock);
    for (long i = 0; i < writer_n; i++)
        pthread_join(threads[i], NULL);
    pthread_join(log_thread, NULL);
    printf("%.0f\n", (double)done / took);
    return 0;
}
