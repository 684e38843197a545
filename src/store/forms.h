/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a key of the store is kept in LMDB, which takes 1 to 511 bytes. Pure;
 * private to store/.
 */
#ifndef DISCO_STORE_FORMS_H
#define DISCO_STORE_FORMS_H

#include <lmdb.h>

#include "base/str.h"

#define FORMS_SHORT_SIZE_MAX  478
#define FORMS_RUN_PREFIX_SIZE 479
#define FORMS_HASH_SIZE       32
#define FORMS_LONG_SIZE       (FORMS_RUN_PREFIX_SIZE + FORMS_HASH_SIZE)

/* Room for a form. */
struct forms_room {
    char bytes[FORMS_LONG_SIZE];
};

bool forms_is_long(struct str key); /* its form has a hash, and its value the key */
/* The form of a key: in `room`, or the key's own bytes. */
MDB_val forms_make(struct str key, struct forms_room *room);
/* The same, always in `room`. */
MDB_val forms_copy(struct str key, struct forms_room *room);
bool forms_has_hash(MDB_val form);
/* The row that LMDB keeps as k and v; borrowed from them. */
void forms_row(MDB_val k, MDB_val v, struct str *ret_key, struct str *ret_value);

#endif
