/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changed rows as bytes, for one who keeps a copy of a store (store_observe).
 */
#ifndef DISCO_STORE_STORE_ROWS_H
#define DISCO_STORE_STORE_ROWS_H

#include "base/buf.h"

/* The rows in their order: what a key of a table holds now, or that it is gone. False at the end,
 * also when the rest is damaged (*rows is then not empty). */
struct store_row {
    int table;
    bool is_gone;
    struct str key, value; /* borrowed from the rows */
};
bool store_rows_next(struct str *rows, struct store_row *ret);
void store_rows_put(struct buf *rows, const struct store_row *row);

#endif
