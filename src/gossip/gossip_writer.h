/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes the snapshot of a pool's members off the loop: a disk that stands
 * still must not keep a server from answering pings and heartbeats. One
 * write is under way at a time; what comes meanwhile is the next.
 */
#ifndef DISCO_GOSSIP_GOSSIP_WRITER_H
#define DISCO_GOSSIP_GOSSIP_WRITER_H

#include "base/buf.h"

struct gossip_writer;
/* loop: uv_loop_t *, on whose thread all of this is. path and log_name are the caller's until
 * `closed`. */
int gossip_writer_open(void *loop, const char *path, const char *log_name,
                       struct gossip_writer **ret, struct error *err) MUST_USE;
/* Appends the lines, or puts them in the place of all that is there. sync: also to the disk. Errors
 * go to the log. What finds no room behind a disk that stands still is dropped, and said. */
void gossip_writer_put(struct gossip_writer *w, struct str lines, bool whole, bool sync);
/* When all is written. */
void gossip_writer_close(struct gossip_writer *w, void (*closed)(void *data), void *data);

#endif
