/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is to be known of a task that sent a request, from /proc. FUSE names tasks, not processes.
 */
#ifndef DISCO_FS_FS_PROCESS_H
#define DISCO_FS_FS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

int32_t fs_process_of(int32_t tid);        /* the process it belongs to; tid when it is gone */
bool fs_process_was_signaled(int32_t tid); /* it is ending because of a signal */
bool fs_process_has_group(int32_t tid, uint32_t gid); /* among its supplementary ones */
bool fs_process_is_dying(int32_t tid);                /* it was killed, or is gone */

#endif
