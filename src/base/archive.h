/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A few files in one: tar (POSIX ustar) in gzip; the door to zlib. All in memory, all bounded: what
 * comes from outside may claim any size. Written as a whole or piece by piece.
 */
#ifndef DISCO_BASE_ARCHIVE_H
#define DISCO_BASE_ARCHIVE_H

#include "base/buf.h"

#define ARCHIVE_NAME_MAX  99
#define ARCHIVE_FILES_MAX 16

struct archive_file {
    struct str name, bytes;
};

/* out->failed when it becomes too large. */
void archive_write(const struct archive_file *files, size_t n, int64_t mtime_s, struct buf *out);
/* The same in pieces: of each file its size, then as many bytes in any number of puts. Ended in any
 * case. */
struct archive_writer;
struct archive_writer *archive_begin(int64_t mtime_s, struct buf *out);
void archive_file(struct archive_writer *w, struct str name, uint64_t size);
void archive_put(struct archive_writer *w, struct str bytes);
void archive_end(struct archive_writer *w);
/* Unpacks into `tar` (its limit counts; the files borrow from it). ERR_CORRUPT words err as Go
 * does: "gzip: invalid header", "EOF", "unexpected EOF". What is no plain file is left out. */
int archive_read(struct str bytes, struct buf *tar, struct archive_file ret[ARCHIVE_FILES_MAX],
                 size_t *ret_n, struct error *err) MUST_USE;
/* By name; false when there is none. */
bool archive_find(const struct archive_file *files, size_t n, const char *name, struct str *ret);

#endif
