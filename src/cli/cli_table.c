/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_table.h"

#include "base/mem.h"

void cli_table_init(struct cli_table *t, size_t column_n)
{
    ASSERT(column_n > 0);
    *t = (struct cli_table){.column_n = column_n};
}

void cli_table_fini(struct cli_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        mem_free(t->cells[i]);
    mem_free(t->cells);
    *t = (struct cli_table){0};
}

void cli_table_cell(struct cli_table *t, struct str text)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->cells = mem_realloc(t->cells, t->cap * sizeof(*t->cells));
    }
    char *cell = str_dup_z(text);
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)cell[i] < 0x20 || cell[i] == 0x7f)
            cell[i] = '?';
    t->cells[t->n++] = cell;
}

void cli_table_cells(struct cli_table *t, const char *const *texts)
{
    for (size_t i = 0; i < t->column_n; i++)
        cli_table_cell(t, str_z(texts[i]));
}

/* Characters, not bytes: continuation bytes of UTF-8 take no column. */
static size_t text_width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void cli_table_print(const struct cli_table *t, size_t gap, bool pad_last_empty, FILE *out)
{
    ASSERT(t->n % t->column_n == 0);
    size_t *widths = mem_alloc(t->column_n * sizeof(*widths));
    for (size_t i = 0; i < t->n; i++) {
        size_t w = text_width(t->cells[i]);
        if (w > widths[i % t->column_n])
            widths[i % t->column_n] = w;
    }
    for (size_t i = 0; i < t->n; i++) {
        size_t column = i % t->column_n;
        bool is_last = column == t->column_n - 1;
        size_t pad = is_last ? 0 : widths[column] + gap - text_width(t->cells[i]);
        if (!pad_last_empty && column == t->column_n - 2 && t->cells[i + 1][0] == '\0')
            pad = 0;
        (void)fprintf(out, "%s%*s%s", t->cells[i], (int)pad, "", is_last ? "\n" : "");
    }
    mem_free(widths);
}
