/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One change as a line of `.changes` (fs_feed.h), and who may see it. Pure.
 */
#ifndef DISCO_FS_FS_FEED_LINE_H
#define DISCO_FS_FS_FEED_LINE_H

#include "fs/fs_feed.h"

bool fs_feed_line_may_see(const struct view *v, const struct fs_feed_change *c);
void fs_feed_line_put(struct view *v, const struct fs_feed_change *c, struct buf *out);

#endif
