/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks that are programs: script (exit 0 passing, 1 warning, else critical) and OS service, which
 * asks systemctl. Each run is a process group of its own, which is killed as a whole: at the
 * timeout, at a cancel, and when its leader ends, so that nothing piles up.
 */
#ifndef DISCO_CHECK_SCRIPT_H
#define DISCO_CHECK_SCRIPT_H

#include "check/runner.h"

/* NULL: told already. */
struct check_run *script_start(const struct check_run *run);

#endif
