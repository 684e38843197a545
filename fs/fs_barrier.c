/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_barrier.h"

#include <errno.h>

#include "agent/barrier.h"
#include "base/mem.h"
#include "fs/fs_errno.h"
#include "fs/fs_write.h"

#define WAIT_MS 5000

struct fs_barrier {
    struct ask ask;
    struct barrier barrier;
    struct fs_wait *wait;
};

static void on_here(struct barrier *barrier)
{
    ask_answer(&LIST_ITEM(barrier, struct fs_barrier, barrier)->ask);
}

/* On the core's thread. */
static void run(struct ask *ask, struct agent *agent)
{
    struct fs_barrier *b = LIST_ITEM(ask, struct fs_barrier, ask);
    ask->later = true;
    b->barrier.done = on_here;
    barrier_start(agent, &b->barrier);
}

static void done(struct ask *ask)
{
    struct fs_barrier *b = LIST_ITEM(ask, struct fs_barrier, ask);
    fs_write_reply(b->wait, fs_errno_of(b->barrier.status));
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
