/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_wire.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Newer than the headers here. */
#define RESEND_MINOR  40
#define NOTIFY_RESEND 7
#define NOTIFY_EPOCH  8
#define UNIQUE_RESENT ((uint64_t)1 << 63)

bool fs_wire_head(const void *bytes, size_t n, struct fs_wire_head *ret)
{
    struct fuse_in_header in;
    if (!bytes || n < sizeof(in))
        return false;
    memcpy(&in, bytes, sizeof(in));
    *ret = (struct fs_wire_head){.uid = in.uid,
                                 .gid = in.gid,
                                 .pid = in.pid,
                                 .unique = in.unique,
                                 .is_init = in.opcode == FUSE_INIT,
                                 .is_resent = in.unique & UNIQUE_RESENT};
    return true;
}

bool fs_wire_can_resend(const void *init, size_t n)
{
    struct {
        struct fuse_in_header head;
        uint32_t major, minor;
    } in;
    if (n < sizeof(in))
        return false;
    memcpy(&in, init, sizeof(in));
    return in.major == 7 && in.minor >= RESEND_MINOR;
}

uint64_t fs_wire_poll(const void *bytes, size_t n)
{
    struct {
        struct fuse_in_header head;
        struct fuse_poll_in poll;
    } in;
    if (n < sizeof(in))
        return 0;
    memcpy(&in, bytes, sizeof(in));
    bool waits = in.head.opcode == FUSE_POLL && (in.poll.flags & FUSE_POLL_SCHEDULE_NOTIFY);
    return waits ? in.poll.kh : 0;
}

uint64_t fs_wire_answered(const void *bytes, size_t n)
{
    struct fuse_out_header out;
    if (n < sizeof(out))
        return 0;
    memcpy(&out, bytes, sizeof(out));
    return out.unique;
}

int fs_wire_resend(int fd)
{
    struct fuse_out_header out = {.len = sizeof(out), .error = NOTIFY_RESEND};
    return write(fd, &out, sizeof(out)) < 0 ? -errno : 0;
}

int fs_wire_wake(int fd, uint64_t poll)
{
    struct {
        struct fuse_out_header head;
        struct fuse_notify_poll_wakeup_out poll;
    } out = {{sizeof(out), FUSE_NOTIFY_POLL, 0}, {poll}};
    return write(fd, &out, sizeof(out)) < 0 ? -errno : 0;
}

int fs_wire_forget_name(int fd, uint64_t dir, const char *name, size_t n)
{
    struct {
        struct fuse_out_header head;
        struct fuse_notify_inval_entry_out entry;
    } out = {{(uint32_t)(sizeof(out) + n + 1), FUSE_NOTIFY_INVAL_ENTRY, 0},
             {.parent = dir, .namelen = (uint32_t)n}};
    char nul = '\0';
    struct iovec v[] = {{&out, sizeof(out)}, {(void *)(uintptr_t)name, n}, {&nul, 1}};
    return writev(fd, v, 3) < 0 ? -errno : 0;
}

int fs_wire_forget_inode(int fd, uint64_t number, bool listing)
{
    struct {
        struct fuse_out_header head;
        struct fuse_notify_inval_inode_out inode;
    } out = {{sizeof(out), FUSE_NOTIFY_INVAL_INODE, 0}, {number, listing ? 0 : -1, 0}};
    return write(fd, &out, sizeof(out)) < 0 ? -errno : 0;
}

int fs_wire_forget_epoch(int fd)
{
    struct fuse_out_header out = {.len = sizeof(out), .error = NOTIFY_EPOCH};
    return write(fd, &out, sizeof(out)) < 0 ? -errno : 0;
}
