/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libfuse alone can do: below directories d1, d2 ... every name k0, k1 ... is a file of its
 * own with one fixed text, cached by the kernel exactly as disco's are (names and attributes for
 * good, KEEP_CACHE, NOFLUSH), served by libfuse's own loop on one thread.
 *
 *   bench_fuse_fixed MOUNTPOINT      until SIGTERM
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FOREVER 1e6
/* Numbers: 1 the root, d * DIRECTORY a directory, above that its files. */
#define DIRECTORY ((fuse_ino_t)1 << 32)

static char text[100];

static void fill(fuse_ino_t ino, struct stat *st)
{
    memset(st, 0, sizeof(*st));
    st->st_ino = ino;
    bool is_dir = ino == 1 || ino % DIRECTORY == 0;
    st->st_mode = is_dir ? S_IFDIR | 0755 : S_IFREG | 0644;
    st->st_nlink = 1;
    st->st_size = is_dir ? 0 : (off_t)sizeof(text);
}

static void on_init(void *data, struct fuse_conn_info *conn)
{
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param e;
    memset(&e, 0, sizeof(e));
    if (name[0] != (parent == 1 ? 'd' : 'k')) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    e.ino = strtoull(name + 1, NULL, 10);
    e.ino = parent == 1 ? e.ino * DIRECTORY : parent + 1 + e.ino;
    e.attr_timeout = e.entry_timeout = FOREVER;
    fill(e.ino, &e.attr);
    fuse_reply_entry(req, &e);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    struct stat st;
    fill(ino, &st);
    fuse_reply_attr(req, &st, FOREVER);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    fi->keep_cache = 1;
    fi->noflush = 1;
    fuse_reply_open(req, fi);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    if ((size_t)offset >= sizeof(text))
        fuse_reply_buf(req, NULL, 0);
    else if (size > sizeof(text) - (size_t)offset)
        fuse_reply_buf(req, text + offset, sizeof(text) - (size_t)offset);
    else
        fuse_reply_buf(req, text + offset, size);
}

static void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops ops = {
    .init = on_init,
    .lookup = on_lookup,
    .getattr = on_getattr,
    .open = on_open,
    .read = on_read,
    .release = on_release,
};

int main(int argc, char **argv)
{
    char *arguments[] = {argv[0], "-o", "default_permissions,fsname=bench", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
    if (argc != 2)
        return 1;
    memset(text, 'x', sizeof(text));
    struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
    if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, argv[1]))
        return 1;
    int status = fuse_session_loop(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    fuse_opt_free_args(&args);
    return status < 0;
}
