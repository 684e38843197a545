/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_barrier.h"

#include <errno.h>

#include "agent/agent.h"
#include "base/mem.h"
#include "fs/fs_errno.h"
#include "fs/fs_write.h"

#define WAIT_MS 5000

struct fs_barrier {
    struct ask ask;
    struct consensus_read read;
    struct fs_wait *wait;
};

static void on_confirmed(struct consensus_read *read)
{
    ask_answer(&LIST_ITEM(read, struct fs_barrier, read)->ask);
}

/* On the core's thread. */
static void run(struct ask *ask, struct agent *agent)
{
    struct fs_barrier *b = LIST_ITEM(ask, struct fs_barrier, ask);
    struct consensus *c = agent_consensus(agent);
    if (!c) { /* an agent without state */
        b->read.status = ERR_UNSUPPORTED;
        return;
    }
    ask->later = true;
    b->read.done = on_confirmed;
    consensus_read(c, &b->read);
}

static void done(struct ask *ask)
{
    struct fs_barrier *b = LIST_ITEM(ask, struct fs_barrier, ask);
    fs_write_reply(b->wait, fs_errno_of(b->read.status));
    fs_write_wait_free(b->wait);
    mem_free(b);
}

static void never(struct fs_wait *w, int error)
{
    ASSERT(!"a question is not a command");
}

void fs_barrier_wait(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *fi)
{
    struct fs_mount *m = fuse_req_userdata(req);
    struct fs_barrier *b = mem_new(struct fs_barrier);
    b->wait = fs_write_wait_new(m, req, never);
    fs_write_bound(b->wait, WAIT_MS);
    b->ask.run = run;
    b->ask.done = done;
    ask_core(m->env, &b->ask);
}
