/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data directory: who holds it, and the few files of the node itself.
 *
 *     DATA/lock      held (flock) as long as the agent lives; holds its process id
 *     DATA/node-id   the node's UUID
 *     DATA/acl-tokens.json  the agent's own tokens (tokens_file.h)
 *     DATA/raft/     the log (consensus); what must survive
 *     DATA/state/    the store; disposable
 *
 * -dev without a data directory gets a private one, removed at the end.
 */
#ifndef DISCO_AGENT_DATADIR_H
#define DISCO_AGENT_DATADIR_H

#include "agent/config.h"
#include "base/buf.h"

struct datadir {
    char *path, *raft, *state; /* owned */
    int lock_fd;
    bool is_private;
};

/* Makes what is missing. A directory that another agent holds is refused by its name. */
int datadir_open(const struct config *config, struct datadir *ret, struct error *err) MUST_USE;
void datadir_close(struct datadir *d);
/* The configured id (NULL: none), else the kept one, else a new one; and keeps it. */
int datadir_node_id(const struct datadir *d, const char *configured, char ret[37],
                    struct error *err) MUST_USE;
/* A small file, the owner's alone, whole or not there; waits for the disk. */
int datadir_write(const struct datadir *d, const char *name, struct str bytes,
                  struct error *err) MUST_USE;
/* -ENOENT: there is none; without words. */
int datadir_read(const struct datadir *d, const char *name, struct buf *ret,
                 struct error *err) MUST_USE;
/* Is there a log from an earlier life? */
bool datadir_has_log(const struct datadir *d);

#endif
