/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a program is told of our error codes. Pure.
 */
#ifndef DISCO_FS_FS_ERRNO_H
#define DISCO_FS_FS_ERRNO_H

int fs_errno_of(int status); /* 0, ERR_... or -errno to 0 or an errno */

#endif
