/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is read from the kernel's requests before libfuse has them, and messages to the kernel that
 * libfuse has no call for. Apart from the others, because the kernel's header and libfuse's do not
 * go together.
 */
#ifndef DISCO_FS_FS_WIRE_H
#define DISCO_FS_FS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs_wire_head {
    uint32_t uid, gid, pid;
    uint64_t unique;
    bool is_init;
    bool is_resent; /* it was read once before, by who did not answer */
};

/* False: too short to be a request. */
bool fs_wire_head(const void *bytes, size_t n, struct fs_wire_head *ret);
/* INIT: does the kernel know FUSE_NOTIFY_RESEND (protocol 7.40, Linux 6.9)? */
bool fs_wire_can_resend(const void *init, size_t n);
/* POLL: by which number its waiter is woken; 0: any other request, or nobody waits. */
uint64_t fs_wire_poll(const void *bytes, size_t n);
/* An answer: to which request; 0: it is a message of ours. */
uint64_t fs_wire_answered(const void *bytes, size_t n);

/* 0 or -errno. Requests that were read and not answered can be read again. */
int fs_wire_resend(int fd);
/* What the kernel keeps: a name in a directory; attributes and, of a directory, its listing; all
 * names (Linux 6.16). Only system calls; they may wait for locks that requests hold. */
int fs_wire_forget_name(int fd, uint64_t dir, const char *name, size_t n);
int fs_wire_forget_inode(int fd, uint64_t number, bool listing);
int fs_wire_forget_epoch(int fd);
int fs_wire_wake(int fd, uint64_t poll); /* who waits in poll(2) looks again */

#endif
