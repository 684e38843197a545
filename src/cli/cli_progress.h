/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line on a terminal while a request takes its time: what has gone and come, and for how long.
 */
#ifndef DISCO_CLI_CLI_PROGRESS_H
#define DISCO_CLI_CLI_PROGRESS_H

#include "base/clock.h"

struct cli_progress {
    struct instant began, shown_at;
    uint64_t sent, received; /* bytes, counted by who has the connection */
    bool is_shown;
};

/* From now on; the first line comes when it has taken a while. */
void cli_progress_begin(struct cli_progress *p, struct instant now);
/* The line that is due, or nothing: added to out. */
void cli_progress_tick(struct cli_progress *p, struct instant now, struct buf *out);
/* What takes the line away again. */
void cli_progress_end(struct cli_progress *p, struct buf *out);

#endif
