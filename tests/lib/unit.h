/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a unit test includes first: cmocka with the headers it needs, and a
 * few words of our own.
 */
#ifndef DISCO_TESTS_LIB_UNIT_H
#define DISCO_TESTS_LIB_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Texts equal, and both shown when not. */
#define assert_str(got, want)                                                                      \
    do {                                                                                           \
        struct str got_ = (got), want_ = (want);                                                   \
        if (!str_eq(got_, want_))                                                                  \
            fail_msg("got \"%.*s\", wanted \"%.*s\"", STR_ARG(got_), STR_ARG(want_));              \
    } while (0)

/* A tear-down: every allocation of the test was freed. */
static inline int unit_no_leak(void **state)
{
    (void)state;
    return mem_outstanding() == 0 ? 0 : -1;
}

#define UNIT(test) cmocka_unit_test_teardown(test, unit_no_leak)
#define UNIT_MAIN(...)                                                                             \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                           \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }

#endif
