/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/archive.h"

#include <stdio.h>
#include <zlib.h>

#include "base/mem.h"

#define BLOCK       512
#define GZIP_WINDOW (15 + 16) /* zlib: the largest window, in gzip's format */
#define GZIP_LEVEL  1
#define PORTION     ((size_t)256 * 1024)
/* Where the fields of a header stand: POSIX.1-2017, pax, "ustar Interchange Format". */
#define AT_MODE     100
#define AT_SIZE     124
#define AT_MTIME    136
#define AT_CHECKSUM 148
#define AT_TYPE     156
#define AT_MAGIC    257

/* ---- tar ---- */

static unsigned checksum(const char *header)
{
    unsigned sum = 0;

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= AT_CHECKSUM && i < AT_CHECKSUM + 8 ? ' ' : (unsigned char)header[i];
    return sum;
}

static void make_header(struct str name, uint64_t size, int64_t mtime_s, char header[BLOCK])
{
    ASSERT(name.n <= ARCHIVE_NAME_MAX);
    memset(header, 0, BLOCK);
    memcpy(header, name.p, name.n);
    (void)snprintf(header + AT_MODE, 8, "%07o", 0600);
    (void)snprintf(header + AT_SIZE, 12, "%011llo", (unsigned long long)size);
    (void)snprintf(header + AT_MTIME, 12, "%011llo", (unsigned long long)mtime_s);
    header[AT_TYPE] = '0';
    memcpy(header + AT_MAGIC, "ustar\00000", 8);
    (void)snprintf(header + AT_CHECKSUM, 8, "%06o", checksum(header));
}

/* An octal field, ended by NUL or blank. */
static bool octal(const char *p, size_t n, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n && p[i] != '\0' && p[i] != ' '; i++) {
        if (p[i] < '0' || p[i] > '7')
            return false;
        *ret = *ret * 8 + (uint64_t)(p[i] - '0');
    }
    return true;
}

static int read_tar(struct str tar, struct archive_file ret[ARCHIVE_FILES_MAX], size_t *ret_n,
                    struct error *err)
{
    *ret_n = 0;
    while (tar.n >= BLOCK && tar.p[0] != '\0') {
        uint64_t size, sum;
        struct str name = str_make(tar.p, strnlen(tar.p, ARCHIVE_NAME_MAX));

        if (!octal(tar.p + AT_SIZE, 12, &size) || !octal(tar.p + AT_CHECKSUM, 8, &sum) ||
            sum != checksum(tar.p))
            return error_set(err, ERR_CORRUPT, "archive/tar: invalid tar header");
        if (size > tar.n - BLOCK)
            return error_set(err, ERR_CORRUPT, "unexpected EOF");
        if ((tar.p[AT_TYPE] == '0' || tar.p[AT_TYPE] == '\0') && *ret_n < ARCHIVE_FILES_MAX)
            ret[(*ret_n)++] = (struct archive_file){name, str_make(tar.p + BLOCK, (size_t)size)};
        size_t whole = BLOCK + ((size_t)size + BLOCK - 1) / BLOCK * BLOCK;
        tar = str_drop(tar, whole < tar.n ? whole : tar.n);
    }
    return 0;
}

/* ---- gzip ---- */

/* zlib counts in unsigned ints: input is given in portions. */
static uInt portion(struct str *in)
{
    return (uInt)(in->n < PORTION ? in->n : PORTION);
}

struct archive_writer {
    z_stream z;
    struct buf *out;
    int64_t mtime_s;
    uint64_t left, padding; /* of the file at hand */
};

static void compress_piece(struct archive_writer *w, struct str in, int flush)
{
    unsigned char space[16 * 1024];

    do {
        if (w->z.avail_in == 0) {
            w->z.avail_in = portion(&in);
            w->z.next_in = (Bytef *)(uintptr_t)in.p;
            in = str_drop(in, w->z.avail_in);
        }
        w->z.next_out = space;
        w->z.avail_out = sizeof(space);
        (void)deflate(&w->z, in.n == 0 ? flush : Z_NO_FLUSH);
        buf_put(w->out, (char *)space, sizeof(space) - w->z.avail_out);
    } while ((in.n || w->z.avail_in || w->z.avail_out == 0) && !w->out->failed);
}

static int expand_into(struct str in, struct buf *out, struct error *err)
{
    unsigned char space[16 * 1024];
    z_stream z = {0};
    int r = Z_OK;

    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
        return error_set(err, ERR_CORRUPT, "out of memory");
    while (r == Z_OK && !out->failed) {
        if (z.avail_in == 0) {
            if (in.n == 0)
                break;
            z.avail_in = portion(&in);
            z.next_in = (Bytef *)(uintptr_t)in.p;
            in = str_drop(in, z.avail_in);
        }
        z.next_out = space;
        z.avail_out = sizeof(space);
        r = inflate(&z, Z_NO_FLUSH);
        if (r == Z_BUF_ERROR)
            r = Z_OK;
        buf_put(out, (char *)space, sizeof(space) - z.avail_out);
    }
    inflateEnd(&z);
    if (out->failed)
        return error_set(err, ERR_TOO_LARGE, "larger than %zu bytes when unpacked", out->max);
    if (r == Z_STREAM_END)
        return 0;
    return error_set(err, ERR_CORRUPT, r == Z_OK ? "unexpected EOF" : "flate: corrupt input");
}

/* ---- both ---- */

struct archive_writer *archive_begin(int64_t mtime_s, struct buf *out)
{
    struct archive_writer *w = mem_new(struct archive_writer);

    w->out = out;
    w->mtime_s = mtime_s;
    if (deflateInit2(&w->z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        out->failed = true;
    return w;
}

void archive_file(struct archive_writer *w, struct str name, uint64_t size)
{
    char header[BLOCK];

    ASSERT(w->left == 0);
    make_header(name, size, w->mtime_s, header);
    compress_piece(w, str_make(header, BLOCK), Z_NO_FLUSH);
    w->left = size;
    w->padding = (BLOCK - size % BLOCK) % BLOCK;
}

void archive_put(struct archive_writer *w, struct str bytes)
{
    static const char zeros[BLOCK] = {0};

    ASSERT(bytes.n <= w->left);
    compress_piece(w, bytes, Z_NO_FLUSH);
    w->left -= bytes.n;
    if (w->left == 0)
        compress_piece(w, str_make(zeros, (size_t)w->padding), Z_NO_FLUSH);
}

void archive_end(struct archive_writer *w)
{
    static const char end[2 * BLOCK] = {0};

    if (w->left)
        w->out->failed = true; /* less came than was announced */
    compress_piece(w, str_make(end, sizeof(end)), Z_FINISH);
    (void)deflateEnd(&w->z);
    mem_free(w);
}

void archive_write(const struct archive_file *files, size_t n, int64_t mtime_s, struct buf *out)
{
    struct archive_writer *w = archive_begin(mtime_s, out);

    for (size_t i = 0; i < n; i++) {
        archive_file(w, files[i].name, files[i].bytes.n);
        if (files[i].bytes.n)
            archive_put(w, files[i].bytes);
    }
    archive_end(w);
}

int archive_read(struct str bytes, struct buf *tar, struct archive_file ret[ARCHIVE_FILES_MAX],
                 size_t *ret_n, struct error *err)
{
    int rc;

    *ret_n = 0;
    if (bytes.n == 0)
        return error_set(err, ERR_CORRUPT, "EOF");
    if (!str_has_prefix(bytes, STR_LIT("\x1f\x8b")))
        return error_set(err, ERR_CORRUPT, "gzip: invalid header");
    rc = expand_into(bytes, tar, err);
    return rc ? rc : read_tar(buf_str(tar), ret, ret_n, err);
}

bool archive_find(const struct archive_file *files, size_t n, const char *name, struct str *ret)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_z(files[i].name, name)) {
            *ret = files[i].bytes;
            return true;
        }
    return false;
}
