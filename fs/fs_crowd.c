/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_crowd.h"

#include "agent/metrics.h"
#include "base/mem.h"

#define CROWD 20000 /* inodes, some 6 MiB: giving back takes milliseconds */

void fs_crowd_note(struct fs_mount *m)
{
    size_t n = m->inodes.n;
    if (n != m->crowd_told) {
        metrics_add(m->env->metrics, METRIC_FS_INODES, (int64_t)n - (int64_t)m->crowd_told);
        m->crowd_told = n;
    }
    if (n > m->crowd_peak)
        m->crowd_peak = n;
    if (m->crowd_peak - n < CROWD)
        return;
    m->crowd_peak = n;
    mem_trim();
}
