/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is read from the kernel's requests before libfuse has them: the head that all of them have.
 * Apart from the others, because the kernel's header and libfuse's do not go together.
 */
#ifndef DISCO_FS_FS_WIRE_H
#define DISCO_FS_FS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs_wire_head {
    uint32_t uid, gid, pid;
};

/* False: too short to be a request. */
bool fs_wire_head(const void *bytes, size_t n, struct fs_wire_head *ret);

#endif
