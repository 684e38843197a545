/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_wire.h"

#include <linux/fuse.h>
#include <string.h>

bool fs_wire_head(const void *bytes, size_t n, struct fs_wire_head *ret)
{
    struct fuse_in_header in;
    if (!bytes || n < sizeof(in))
        return false;
    memcpy(&in, bytes, sizeof(in));
    *ret = (struct fs_wire_head){.uid = in.uid, .gid = in.gid, .pid = in.pid};
    return true;
}
