/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An LMDB environment that lies in memory. Private to store/.
 */
#ifndef DISCO_STORE_MEMENV_H
#define DISCO_STORE_MEMENV_H

#include <lmdb.h>

#include "base/error.h"

/* `dir` must be there and be ours; it is empty again afterwards. map_size: 0 for the default.
 * The caller ends it with mdb_env_close. */
int memenv_open(const char *dir, int table_n, size_t map_size, MDB_env **ret,
                struct error *err) MUST_USE;
/* What LMDB returns, as our code. */
int memenv_translate(int rc);

#endif
