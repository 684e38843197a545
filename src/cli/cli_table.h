/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Columns for people: cells are put row by row, printed padded, nothing after
 * the last cell of a row.
 */
#ifndef DISCO_CLI_CLI_TABLE_H
#define DISCO_CLI_CLI_TABLE_H

#include <stdio.h>

#include "base/buf.h"

struct cli_table {
    size_t column_n;
    char **cells; /* owned */
    size_t n, cap;
};

void cli_table_init(struct cli_table *t, size_t column_n);
void cli_table_fini(struct cli_table *t);
/* The next cell; control characters become '?', so that a name cannot drive the terminal. */
void cli_table_cell(struct cli_table *t, struct str text);
void cli_table_cells(struct cli_table *t, const char *const *texts); /* one row */
/* Columns are as wide as their widest cell and `gap`. With `pad_last_empty`, an empty last cell
 * leaves the padding before it standing (Go's tabwriter does). */
void cli_table_print(const struct cli_table *t, size_t gap, bool pad_last_empty, FILE *out);

#endif
