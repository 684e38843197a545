/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who asks, and what he may do.
 *
 * Without access control lists and without a map of users the kernel judges by owner and mode
 * (default_permissions). Else it is done here, the same for root as for others: what the token of
 * the asker permits, and, unless there is a map of users, what owner and mode permit as well.
 *
 * With a map the kernel keeps neither names nor attributes nor listings, since they differ from
 * user to user; the pages of a value it keeps, for whoever opens the file was asked about here.
 */
#ifndef DISCO_FS_FS_RIGHTS_H
#define DISCO_FS_FS_RIGHTS_H

#include "fs/fs_mount.h"
#include "fs/fs_users.h"

/* From the head of a request until the matching end: the asker is who sent it. */
void fs_rights_begin(struct fs_mount *m, const void *bytes, size_t n);
void fs_rights_end(struct fs_mount *m);
/* The answer to a request that waited is made with its token; until fs_rights_end, too. */
void fs_rights_as(struct fs_mount *m, struct str token);
/* May names and attributes be kept by the kernel? */
bool fs_rights_are_alike(const struct fs_mount *m);
/* The mode of the inode as the asker sees it, without the kind. */
mode_t fs_rights_mode(const struct fs_mount *m, const struct view *v, const struct fs_inode *i);
/* 0, or EACCES (logged): may the asker R_OK, W_OK, X_OK the inode? */
int fs_rights_check(struct fs_mount *m, const struct fs_inode *i, int want);
/* The same by owner and mode alone: of a directory in which the names have their own rights. */
int fs_rights_check_mode(struct fs_mount *m, const struct fs_inode *dir, int want);
/* access(2) */
void fs_rights_access(fuse_req_t req, fuse_ino_t number, int want);
/* Something was refused to the asker, or by the core: says so in the log, not too often. */
void fs_rights_note(struct fs_mount *m, const struct fs_inode *i, const char *what);

#endif
