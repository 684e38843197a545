/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_progress.h"

#define FIRST DURATION_MS(500) /* what is quicker needs no words */
#define EACH  DURATION_MS(200)
#define CLEAR "\r\033[K" /* ECMA-48: erase in line */

void cli_progress_begin(struct cli_progress *p, struct instant now)
{
    *p = (struct cli_progress){.began = now};
}

static void put_size(struct buf *out, uint64_t n)
{
    if (n < 10240)
        buf_putf(out, "%llu bytes", (unsigned long long)n);
    else if (n < (uint64_t)10 << 20)
        buf_putf(out, "%.1f KiB", (double)n / 1024);
    else
        buf_putf(out, "%.1f MiB", (double)n / (1 << 20));
}

void cli_progress_tick(struct cli_progress *p, struct instant now, struct buf *out)
{
    struct duration taken = instant_since(now, p->began);

    if (taken.ns < FIRST.ns || (p->is_shown && instant_since(now, p->shown_at).ns < EACH.ns))
        return;
    p->is_shown = true;
    p->shown_at = now;
    buf_put_z(out, CLEAR);
    put_size(out, p->sent);
    buf_put_z(out, " sent, ");
    put_size(out, p->received);
    buf_putf(out, " received, %llds", (long long)(taken.ns / 1000000000));
}

void cli_progress_end(struct cli_progress *p, struct buf *out)
{
    if (p->is_shown)
        buf_put_z(out, CLEAR);
    p->is_shown = false;
}
