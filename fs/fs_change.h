/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what was committed to what the kernel must forget.
 *
 * For each changed key the directories towards it are walked, from the top down to the first that
 * the kernel does not know: below it there is nothing to forget. Negative answers are never cached,
 * so a key that appears needs no message but for its directory's listing.
 */
#ifndef DISCO_FS_FS_CHANGE_H
#define DISCO_FS_FS_CHANGE_H

#include "fs/fs_mount.h"

void fs_change_apply(struct fs_mount *m, const struct change_batch *batch);
/* The kernel forgets this name and its faces; put off while the directory is busy. */
void fs_change_name(struct fs_mount *m, struct fs_inode *dir, struct str name);
/* No name leads to it any more, and the kernel is told: its version is not the newest. Whoever
 * finds that out before the change is told must do so, for then nothing is told of it. */
void fs_change_retire(struct fs_mount *m, struct fs_inode *i);
/* The names of this inode, in the directory where it was found. */
void fs_change_inode(struct fs_mount *m, struct fs_inode *i);
/* The set of names in the directory changed. */
void fs_change_listing(struct fs_mount *m, struct fs_inode *dir);
/* The directory is no longer busy. */
void fs_change_unpark(struct fs_mount *m, struct fs_inode *dir);
/* Everything may have changed. */
void fs_change_everything(struct fs_mount *m);

#endif
