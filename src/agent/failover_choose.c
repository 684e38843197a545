/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/failover.h"
#include "base/pack.h"

static bool is_chosen(const size_t *chosen, size_t n, size_t known_i)
{
    for (size_t i = 0; i < n; i++)
        if (chosen[i] == known_i)
            return true;
    return false;
}

size_t failover_choose(const char *const *known, size_t known_n, struct str own, int64_t nearest,
                       struct str listed, size_t *ret, size_t max)
{
    struct unpack u = unpack_make(listed);
    size_t n = 0;

    for (size_t i = 0; i < known_n && n < max && (int64_t)n < nearest; i++)
        if (!str_eq_z(own, known[i]))
            ret[n++] = i;
    for (uint32_t left = listed.n ? unpack_array(&u) : 0; left > 0 && !u.bad && n < max; left--) {
        struct str name = unpack_str(&u);
        size_t i = 0;

        while (i < known_n && !str_eq_z(name, known[i]))
            i++;
        if (i < known_n && !str_eq(name, own) && !is_chosen(ret, n, i))
            ret[n++] = i;
    }
    return n;
}
