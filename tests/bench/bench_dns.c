/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bar that the DNS door is measured against: libknot alone, on the same
 * kind of sockets (recvmmsg, sendmmsg, SO_REUSEPORT, one thread each), which
 * parses every question and answers it with the same three A records.
 *
 *     bench_dns PORT THREADS
 */
#include "config.h"

#include <arpa/inet.h>
#include <libknot/libknot.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH      32
#define BUFFER     1232
#define ARENA_SIZE (64 * 1024)
#define THREAD_MAX 64

struct arena {
    char *p;
    size_t used;
};

static void *arena_take(void *ctx, size_t n)
{
    struct arena *a = ctx;
    char *p = a->p + a->used;
    a->used += (n + 15) & ~(size_t)15;
    return a->used <= ARENA_SIZE ? p : NULL;
}

static void arena_give(void *p)
{
    (void)p;
}

static size_t respond(knot_mm_t *mm, uint8_t *in, size_t n, uint8_t *out)
{
    static const uint8_t address[3][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}, {10, 0, 0, 3}};
    knot_pkt_t *q = knot_pkt_new(in, (uint16_t)n, mm);
    if (!q || knot_pkt_parse(q, 0) != KNOT_EOK)
        return 0;
    knot_pkt_t *r = knot_pkt_new(out, BUFFER, mm);
    r->size = 0;
    if (knot_pkt_init_response(r, q) != KNOT_EOK)
        return 0;
    knot_wire_set_aa(r->wire);
    knot_pkt_begin(r, KNOT_ANSWER);
    for (int i = 0; i < 3; i++) {
        knot_rrset_t *rr = knot_rrset_new(knot_pkt_qname(q), KNOT_RRTYPE_A, KNOT_CLASS_IN, 0, mm);
        knot_rrset_add_rdata(rr, address[i], 4, mm);
        knot_pkt_put(r, KNOT_COMPR_HINT_QNAME, rr, 0);
    }
    return r->size;
}

static void *run(void *data)
{
    int fd = *(int *)data;
    static _Thread_local struct mmsghdr in[BATCH], out[BATCH];
    static _Thread_local struct iovec in_iov[BATCH], out_iov[BATCH];
    static _Thread_local struct sockaddr_in peers[BATCH];
    static _Thread_local uint8_t questions[BATCH][BUFFER], answers[BATCH][BUFFER];
    struct arena arena = {.p = malloc(ARENA_SIZE)};
    knot_mm_t mm = {.ctx = &arena, .alloc = arena_take, .free = arena_give};

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int out_n = 0;
        for (int i = 0; i < BATCH; i++) {
            in_iov[i] = (struct iovec){questions[i], BUFFER};
            in[i].msg_hdr = (struct msghdr){.msg_name = &peers[i],
                                            .msg_namelen = sizeof(peers[i]),
                                            .msg_iov = &in_iov[i],
                                            .msg_iovlen = 1};
        }
        int n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) {
            poll(&p, 1, -1);
            continue;
        }
        for (int i = 0; i < n; i++) {
            arena.used = 0;
            size_t size = respond(&mm, questions[i], in[i].msg_len, answers[out_n]);
            if (size == 0)
                continue;
            out_iov[out_n] = (struct iovec){answers[out_n], size};
            out[out_n].msg_hdr = (struct msghdr){.msg_name = &peers[i],
                                                 .msg_namelen = sizeof(peers[i]),
                                                 .msg_iov = &out_iov[out_n],
                                                 .msg_iovlen = 1};
            out_n++;
        }
        (void)!sendmmsg(fd, out, (unsigned)out_n, 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static int fds[THREAD_MAX];
    int one = 1, size = 1 << 20;
    long port = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    long n = argc == 3 ? strtol(argv[2], NULL, 10) : 0;

    if (port <= 0 || port > 65535 || n <= 0 || n > THREAD_MAX) {
        fprintf(stderr, "usage: bench_dns PORT THREADS\n");
        return 2;
    }
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (long i = 0; i < n; i++) {
        pthread_t t;
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (bind(fds[i], (struct sockaddr *)&a, sizeof(a)) != 0) {
            perror("bench_dns: bind");
            return 1;
        }
        if (pthread_create(&t, NULL, run, &fds[i]) != 0)
            return 1;
    }
    printf("ready\n");
    fflush(stdout);
    pause();
    return 0;
}
