/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The msgpack reader: any bytes, read as any kinds, stay in bounds and end. */
#include "base/pack.h"
#include "base/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads on by kinds drawn from a seed; the reader must end or be bad in bounded steps. */
static void read_as_drawn(struct str in, uint64_t seed)
{
    struct unpack u = unpack_make(in);
    struct rng rng;
    struct str s;

    rng_init(&rng, seed);
    for (size_t steps = 0; !u.bad && !unpack_is_end(&u); steps++) {
        ASSERT(steps <= in.n);
        switch (rng_below(&rng, 9)) {
        case 0:
            unpack_bool(&u);
            break;
        case 1:
            unpack_uint(&u);
            break;
        case 2:
            unpack_int(&u);
            break;
        case 3:
            unpack_double(&u);
            break;
        case 4:
            s = unpack_str(&u);
            ASSERT(!s.p || (s.p >= in.p && s.n <= in.n && s.p + s.n <= in.p + in.n));
            break;
        case 5:
            ASSERT(unpack_array(&u) <= in.n);
            break;
        case 6:
            ASSERT(unpack_map(&u) <= in.n / 2);
            break;
        case 7:
            if (!unpack_is_nil(&u))
                unpack_skip(&u);
            break;
        case 8:
            unpack_skip(&u);
            break;
        }
    }
    if (u.bad)
        ASSERT(unpack_uint(&u) == 0 && unpack_str(&u).p == NULL && unpack_map(&u) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_make(data, size);
    struct unpack u = unpack_make(in);

    for (size_t steps = 0; !u.bad && !unpack_is_end(&u); steps++) {
        ASSERT(steps <= size);
        unpack_skip(&u);
    }
    for (uint64_t seed = 0; seed < 4; seed++)
        read_as_drawn(in, seed);
    return 0;
}
