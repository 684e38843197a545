/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small files written off the core thread: write-temp, fsync, rename, fsync of the folder, many in
 * one go. Of two writes of one file the later is enough.
 */
#ifndef DISCO_AGENT_LOCAL_DISK_H
#define DISCO_AGENT_LOCAL_DISK_H

#include "agent/local_state.h"

struct disk;

/* Makes DATA/services, DATA/checks, DATA/checks/state. written: core thread, with the newest ticket
 * that is safe. */
int local_disk_open(const char *data_dir, void *uv_loop,
                    void (*written)(void *data, uint64_t ticket), void *data, struct disk **ret,
                    struct error *err) MUST_USE;
struct local_disk local_disk_interface(struct disk *d);
/* What was written is made safe; then cb, maybe from inside. */
void local_disk_close(struct disk *d, void (*cb)(void *data), void *data);

#endif
