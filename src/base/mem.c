/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/published.h"

#define ARENA_CHUNK_SIZE_MIN ((size_t)1024)
#define ARENA_CHUNK_SIZE_MAX ((size_t)64 * 1024)
#define ARENA_ALIGN          ((size_t)16)

#ifdef DISCO_COUNT_MEMORY
static struct published_counter outstanding;

static void count(int64_t n)
{
    published_add(&outstanding, n);
}

int64_t mem_outstanding(void)
{
    return published_read(&outstanding);
}
#else
static inline void count(int64_t n)
{
    (void)n;
}

int64_t mem_outstanding(void)
{
    return 0;
}
#endif

void *mem_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    ASSERT(p != NULL);
    count(1);
    return p;
}

void *mem_realloc(void *p, size_t size)
{
    void *q = realloc(p, size ? size : 1);

    ASSERT(q != NULL);
    if (!p)
        count(1);
    return q;
}

void *mem_dup(const void *p, size_t size)
{
    void *q = mem_realloc(NULL, size);

    if (size)
        memcpy(q, p, size);
    return q;
}

char *mem_dup_z(const char *z)
{
    return z ? mem_dup(z, strlen(z) + 1) : NULL;
}

void mem_free(void *p)
{
    if (p)
        count(-1);
    free(p);
}

void mem_trim(void)
{
    malloc_trim(0);
}

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size; /* of bytes */
    _Alignas(16) char bytes[];
};

/* A chunk with room for `size`, put first. What is larger than a usual chunk gets its own, behind
 * the first, so that the room left there is not lost. */
static struct arena_chunk *arena_grow(struct arena *a, size_t size)
{
    size_t usual = a->first ? a->first->size * 2 : ARENA_CHUNK_SIZE_MIN;
    struct arena_chunk *c;

    ASSERT(size < SIZE_MAX / 2);
    if (usual > ARENA_CHUNK_SIZE_MAX)
        usual = ARENA_CHUNK_SIZE_MAX;
    if (size > usual / 2 && a->first) {
        c = mem_alloc(sizeof(*c) + size);
        c->size = size;
        c->next = a->first->next;
        a->first->next = c;
    } else {
        c = mem_alloc(sizeof(*c) + (size > usual ? size : usual));
        c->size = size > usual ? size : usual;
        c->next = a->first;
        a->first = c;
    }
    a->size_total += sizeof(*c) + c->size;
    return c;
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_chunk *c = a->first;
    void *p;

    ASSERT(size < SIZE_MAX / 2);
    size = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (size == 0)
        size = ARENA_ALIGN;
    if (!c || c->size - c->used < size)
        c = arena_grow(a, size);
    p = c->bytes + c->used;
    c->used += size;
    return p;
}

void *arena_dup(struct arena *a, const void *p, size_t size)
{
    void *q = arena_alloc(a, size);

    if (size)
        memcpy(q, p, size);
    return q;
}

void arena_fini(struct arena *a)
{
    while (a->first) {
        struct arena_chunk *c = a->first;

        a->first = c->next;
        mem_free(c);
    }
    a->size_total = 0;
}
