/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chance, always handed in: a seeded generator (xoshiro256**), so that a
 * simulation can be replayed. rng_system() seeds from the kernel; secrets and
 * identifiers come from rng_secure() alone.
 */
#ifndef DISCO_BASE_RNG_H
#define DISCO_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_init(struct rng *r, uint64_t seed);
void rng_system(struct rng *r);
uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0..n-1, unbiased; n > 0 */
double rng_unit(struct rng *r);                /* [0, 1) */
/* Bytes from the system's generator; aborts if it fails (it cannot, after boot). */
void rng_secure(void *dst, size_t n);
/* A random version 4 UUID in text, 36 characters and a NUL. */
void rng_uuid(char dst[37]);

#endif
