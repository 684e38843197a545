/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "base/error.h"
#include "tests/lib/unit.h"

/* Codes have names and texts, ours and the system's, known or not. */
static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(error_text(ERR_NO_LEADER), "No cluster leader");
    assert_string_equal(error_name(ERR_NO_LEADER), "ERR_NO_LEADER");
    assert_string_equal(error_text(-ENOSPC), "No space left on device");
    assert_string_equal(error_name(-ENOSPC), "ENOSPC");
    assert_string_equal(error_text(-4095), "end of file");
    assert_string_equal(error_text(-3008), "the name cannot be resolved");
    assert_string_equal(error_text(-99999), "unknown error");
    assert_string_equal(error_name(12345), "UNKNOWN");
    assert_string_equal(error_name(0), "OK");
    assert_string_equal(error_text(0), "no error");
}

/* One line words an error and returns its code; context goes before it; long texts are cut. */
static void test_set_and_wrap(void **state)
{
    struct error err = {0};
    char big[1000];

    (void)state;
    assert_int_equal(error_set(&err, ERR_INVALID, "port %d", 99999), ERR_INVALID);
    assert_string_equal(err.text, "port 99999");
    assert_int_equal(error_wrap(&err, "file %s", "x.json"), ERR_INVALID);
    assert_string_equal(err.text, "file x.json: port 99999");
    assert_int_equal(error_set(NULL, -ENOENT, "nobody reads this"), -ENOENT);
    assert_int_equal(error_wrap(NULL, "nor this"), ERR_INVALID);
    memset(big, 'b', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    error_wrap(&err, "%s", big);
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
    error_wrap(&err, "again");
    assert_int_equal(strlen(err.text), ERROR_TEXT_MAX - 1);
}

UNIT_MAIN(UNIT(test_texts), UNIT(test_set_and_wrap))
