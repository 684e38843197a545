/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_blind.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sys/uio.h>

#include "base/log.h"

static void on_late(struct timer *t, struct instant now)
{
    struct fs_mount *m = LIST_ITEM(t, struct fs_mount, blind);
    (void)now;
    log_warn("mount", "%s: no server has given the state yet: requests fail until one does",
             m->path);
    m->is_blind = true;
    fs_mount_unhold(m);
}

bool fs_blind_begin(struct fs_mount *m)
{
    if (!m->env->is_client || m->seen_index > 0)
        return false;
    m->blind.fire = on_late;
    timers_set(m->env->timers, &m->blind, instant_add(env_now(m->env), FS_BLIND_WAIT));
    fs_mount_hold(m);
    return true;
}

bool fs_blind_end(struct fs_mount *m)
{
    bool waits = timers_is_set(&m->blind), was = waits || m->is_blind;
    m->is_blind = false;
    timers_cancel(m->env->timers, &m->blind);
    if (waits)
        fs_mount_unhold(m);
    return was;
}

void fs_blind_close(struct fs_mount *m)
{
    timers_cancel(m->env->timers, &m->blind);
}

/* The header of the answer is written as libfuse would: it has no call for one that it was not
 * shown. */
bool fs_blind_refuse(struct fs_mount *m, const void *request, size_t n)
{
    const struct fuse_in_header *in = request;
    if (!m->is_blind || n < sizeof *in)
        return false;
    switch (in->opcode) {
    case FUSE_INIT:
    case FUSE_DESTROY:
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
        return false;
    default:
        break;
    }
    struct fuse_out_header out = {.len = sizeof out, .error = -ETIMEDOUT, .unique = in->unique};
    struct iovec v = {&out, sizeof out};
    if (writev(fuse_session_fd(m->session), &v, 1) < 0 && errno != ENOENT)
        log_debug("mount", "%s: a refusal was not heard: %s", m->path, error_text(-errno));
    return true;
}
