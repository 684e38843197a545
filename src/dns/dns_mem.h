/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory for one question, in the form libknot takes: bytes are cut off one
 * block and all given back at once by dns_mem_reset. What the block cannot
 * hold (a TCP answer of thousands of records) comes from an arena that the
 * reset frees.
 */
#ifndef DISCO_DNS_DNS_MEM_H
#define DISCO_DNS_DNS_MEM_H

#include <libknot/mm_ctx.h>

#include "base/mem.h"

#define DNS_MEM_BLOCK_SIZE ((size_t)256 * 1024) /* the system gives what is touched of it */

struct dns_mem {
    knot_mm_t mm; /* for libknot's functions */
    /* private */
    char *block;
    size_t used;
    struct arena overflow;
};

void dns_mem_init(struct dns_mem *m);
void dns_mem_fini(struct dns_mem *m);
void dns_mem_reset(struct dns_mem *m);
void *dns_mem_alloc(struct dns_mem *m, size_t size); /* not zeroed; aborts when there is none */

#endif
