/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two small files a pool keeps: its keyring (serf/local.keyring) and the
 * snapshot of its members (serf/local.snapshot). A whole file is replaced by
 * write-temp, fsync, rename, fsync of the directory.
 */
#ifndef DISCO_GOSSIP_GOSSIP_FILE_H
#define DISCO_GOSSIP_GOSSIP_FILE_H

#include "base/buf.h"

#define GOSSIP_FILE_SIZE_MAX ((size_t)64 << 20)

/* Appends the file's bytes. -ENOENT when there is none: err is not worded then. */
int gossip_file_read(const char *path, struct buf *out, struct error *err) MUST_USE;
/* Mode 0600; makes the directory it stands in (one level). */
int gossip_file_replace(const char *path, struct str bytes, bool sync, struct error *err) MUST_USE;
/* Opens for appending, or -errno. */
int gossip_file_open(const char *path, struct error *err) MUST_USE;
int gossip_file_append(int fd, struct str bytes, bool sync) MUST_USE;

#endif
