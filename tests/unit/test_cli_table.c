/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Columns are padded to their widest cell, by characters, with nothing after the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/cli_table.h"

static void check(const char *const *cells, size_t n, size_t columns, size_t gap, bool pad,
                  const char *wanted)
{
    struct cli_table table;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    cli_table_init(&table, columns);
    for (size_t i = 0; i < n; i++)
        cli_table_cell(&table, str_z(cells[i]));
    cli_table_print(&table, gap, pad, out);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
    cli_table_fini(&table);
    assert_int_equal(mem_outstanding(), 0);
}

static void test_columns(void **state)
{
    static const char *const cells[] = {"Node", "ID", "client1", "11274510", "n", ""};

    check(cells, 6, 2, 2, false, "Node     ID\nclient1  11274510\nn\n");
    check(cells, 6, 2, 2, true, "Node     ID\nclient1  11274510\nn        \n");
}

static void test_characters(void **state)
{
    static const char *const cells[] = {"\xc3\xa9\xc3\xa9", "x", "abc", "y", "\x1b[2J", "z"};

    check(cells, 6, 2, 1, false, "\xc3\xa9\xc3\xa9   x\nabc  y\n?[2J z\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
