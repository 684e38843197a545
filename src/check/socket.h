/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TCP checks: does somebody accept? UDP checks: does nobody refuse?
 */
#ifndef DISCO_CHECK_SOCKET_H
#define DISCO_CHECK_SOCKET_H

#include "check/runner.h"

/* NULL: told already. */
struct check_run *socket_start(const struct check_run *run);

#endif
