/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory: small fixed objects abort when there is none (as in h2o); whatever
 * is sized from outside passes a limit first. Every allocation is counted, so
 * that a test can assert mem_outstanding() == 0 in its tear-down; the count is
 * per thread-agnostic and relaxed (see base/published.h).
 */
#ifndef DISCO_BASE_MEM_H
#define DISCO_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory; aborts on failure. size 0 gives a valid pointer. */
void *mem_alloc(size_t size);
/* Contents kept, growth not zeroed; aborts on failure. */
void *mem_realloc(void *p, size_t size);
void *mem_dup(const void *p, size_t size);
char *mem_dup_z(const char *z); /* NULL gives NULL */
void mem_free(void *p);         /* accepts NULL */
#define mem_new(T) ((T *)mem_alloc(sizeof(T)))

/* Gives what is free back to the system: after a crowd has left. Takes milliseconds. */
void mem_trim(void);

/* Allocations not yet freed in the process (debug and sanitizer builds; else 0). */
int64_t mem_outstanding(void);

/* A region freed as a whole: grows in chunks, no free of single pieces. Not zeroed memory is
 * never returned. Initialise with {0}. */
struct arena {
    struct arena_chunk *first;
    size_t size_total; /* bytes taken from mem, for limits and tests */
};
void *arena_alloc(struct arena *a, size_t size);
void *arena_dup(struct arena *a, const void *p, size_t size);
void arena_fini(struct arena *a);
#define arena_new(a, T) ((T *)arena_alloc((a), sizeof(T)))

#endif
