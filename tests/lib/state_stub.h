/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See state_stub.c. */
#ifndef DISCO_TESTS_STATE_STUB_H
#define DISCO_TESTS_STATE_STUB_H

#include "state/state.h"

bool state_stub_get(struct state *s, const char *key, struct buf *ret);

#endif
