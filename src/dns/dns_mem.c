/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_mem.h"

static void *mm_alloc(void *ctx, size_t size)
{
    return dns_mem_alloc(ctx, size);
}

static void mm_free(void *p)
{
    (void)p; /* the reset frees */
}

void dns_mem_init(struct dns_mem *m)
{
    *m = (struct dns_mem){.mm = {.ctx = m, .alloc = mm_alloc, .free = mm_free}};
    m->block = mem_alloc(DNS_MEM_BLOCK_SIZE);
}

void dns_mem_fini(struct dns_mem *m)
{
    arena_fini(&m->overflow);
    mem_free(m->block);
    m->block = NULL;
}

void dns_mem_reset(struct dns_mem *m)
{
    m->used = 0;
    if (m->overflow.first) {
        arena_fini(&m->overflow);
        m->overflow = (struct arena){0};
    }
}

void *dns_mem_alloc(struct dns_mem *m, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > DNS_MEM_BLOCK_SIZE - m->used)
        return arena_alloc(&m->overflow, size);
    void *p = m->block + m->used;
    m->used += size;
    return p;
}
