/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which datacenters are asked, in which order, each once. */
#include "agent/failover.h"
#include "base/pack.h"
#include "tests/lib/unit.h"

static const char *const known[] = {"own", "near", "mid", "far"}; /* as they come: by distance */

/* names: letters o n m f, x for one that nobody knows; "" for a list that is not there. */
static void check(const char *own, int64_t nearest, const char *names, const char *expected)
{
    static const char *const words[] = {"own", "near", "mid", "far", "unknown"};
    struct buf listed, got;
    size_t chosen[8], n;

    buf_init(&listed, 0);
    buf_init(&got, 0);
    if (*names)
        pack_array(&listed, (uint32_t)strlen(names));
    for (const char *p = names; *p; p++)
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (words[i][0] == *p || (i == 4 && *p == 'x'))
                pack_str(&listed, str_z(words[i]));
    n = failover_choose(known, 4, str_z(own), nearest, buf_str(&listed), chosen, 3);
    for (size_t i = 0; i < n; i++)
        buf_put_c(&got, known[chosen[i]][0]);
    assert_string_equal(buf_z(&got), expected);
    buf_fini(&listed);
    buf_fini(&got);
}

static void order(void **state)
{
    check("own", 0, "", "");
    check("own", 0, "fm", "fm");
    check("own", 2, "", "nm");
    check("own", 1, "fn", "nf");    /* the nearest first, none twice */
    check("own", 0, "fxffof", "f"); /* unknown ones and our own are passed over */
    check("mid", 1, "f", "of");     /* ours is wherever it stands */
    check("own", 9, "mmm", "nmf");  /* as many as there are */
    check("own", -1, "m", "m");
}

/* A list that is none gives what could be read, and no more than there is room for. */
static void bounds(void **state)
{
    size_t chosen[2];

    assert_int_equal(failover_choose(known, 4, str_z("own"), 0,
                                     STR_LIT("\xdd\xff\xff\xff\xff\xa3mid"), chosen, 2),
                     0);
    assert_int_equal(
        failover_choose(known, 4, str_z("own"), 0, STR_LIT("\x93\xa3mid\xa3"), chosen, 2), 1);
    assert_int_equal(failover_choose(known, 4, str_z("own"), 5, STR_NONE, chosen, 2), 2);
    assert_int_equal(failover_choose(known, 0, str_z("own"), 5, STR_NONE, chosen, 2), 0);
}

UNIT_MAIN(UNIT(order), UNIT(bounds))
