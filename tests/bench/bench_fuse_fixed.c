/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libfuse alone can do: below directories d1, d2 ... every name k0, k1 ... is a file of its
 * own with one fixed text, cached by the kernel exactly as disco's are (names and attributes for
 * good, KEEP_CACHE, NOFLUSH), served by libfuse's own loop on one thread.
 *
 *   bench_fuse_fixed MOUNTPOINT [always|auto|never]      until SIGTERM
 *
 * Listings: d(i * 16384 + n) has the files k0 ... k(n-1); tN, N below 256, has N directories of
 * that kind, whose i are 256 * N + 1 ... and n is 1000 or, of odd N, 100. The second argument:
 * listings with attributes (READDIRPLUS).
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOREVER 1e6
/* Numbers: 1 the root, d * DIRECTORY a directory, above that its files. */
#define DIRECTORY ((fuse_ino_t)1 << 20)
#define TREE      ((fuse_ino_t)1 << 62) /* | N */
#define LISTED    16384

static char text[100];
static enum { ALWAYS, AUTO, NEVER } plus;

static void fill(fuse_ino_t ino, struct stat *st)
{
    memset(st, 0, sizeof(*st));
    st->st_ino = ino;
    bool is_dir = ino == 1 || ino & TREE || ino % DIRECTORY == 0;
    st->st_mode = is_dir ? S_IFDIR | 0755 : S_IFREG | 0644;
    st->st_nlink = 1;
    st->st_size = is_dir ? 0 : (off_t)sizeof(text);
}

static void on_init(void *data, struct fuse_conn_info *conn)
{
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
    conn->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
    if (plus != NEVER)
        conn->want |= FUSE_CAP_READDIRPLUS;
    if (plus == AUTO)
        conn->want |= FUSE_CAP_READDIRPLUS_AUTO;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param e;
    memset(&e, 0, sizeof(e));
    bool is_top = parent == 1 || parent & TREE;
    if (name[0] != (is_top ? 'd' : 'k') && (parent != 1 || name[0] != 't')) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    e.ino = strtoull(name + 1, NULL, 10);
    e.ino = name[0] == 't' ? TREE | e.ino : is_top ? e.ino * DIRECTORY : parent + 1 + e.ino;
    e.attr_timeout = e.entry_timeout = FOREVER;
    fill(e.ino, &e.attr);
    fuse_reply_entry(req, &e);
}

/* The number of directory `ino`'s entry k, and its name. */
static fuse_ino_t entry_at(fuse_ino_t ino, unsigned long k, char *name, size_t size)
{
    fuse_ino_t n = ino & ~TREE;
    if (ino & TREE) {
        fuse_ino_t d = (256 * n + 1 + k) * LISTED + (n % 2 ? 100 : 1000);
        snprintf(name, size, "d%llu", (unsigned long long)d);
        return d * DIRECTORY;
    }
    snprintf(name, size, "k%lu", k);
    return ino + 1 + k;
}

static void read_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool with_attr)
{
    static char bytes[1 << 20];
    unsigned long n = ino & TREE ? ino & ~TREE : ino / DIRECTORY % LISTED;
    size_t used = 0;
    if (size > sizeof(bytes))
        size = sizeof(bytes);
    for (unsigned long k = (unsigned long)offset; ino != 1 && k < n; k++) {
        char name[32];
        struct fuse_entry_param e = {.attr_timeout = FOREVER, .entry_timeout = FOREVER};
        e.ino = entry_at(ino, k, name, sizeof(name));
        fill(e.ino, &e.attr);
        size_t need =
            with_attr
                ? fuse_add_direntry_plus(req, bytes + used, size - used, name, &e, (off_t)k + 1)
                : fuse_add_direntry(req, bytes + used, size - used, name, &e.attr, (off_t)k + 1);
        if (need > size - used)
            break;
        used += need;
    }
    fuse_reply_buf(req, bytes, used);
}

static void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    fi->cache_readdir = fi->keep_cache = 1;
    fuse_reply_open(req, fi);
}

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                       struct fuse_file_info *fi)
{
    read_dir(req, ino, size, offset, false);
}

static void on_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                           struct fuse_file_info *fi)
{
    read_dir(req, ino, size, offset, true);
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
    .opendir = on_opendir,
    .readdir = on_readdir,
    .readdirplus = on_readdirplus,
};

int main(int argc, char **argv)
{
    char *arguments[] = {argv[0], "-o", "default_permissions,fsname=bench", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, arguments);
    if (argc < 2 || argc > 3)
        return 1;
    if (argc == 3)
        plus = strcmp(argv[2], "never") == 0 ? NEVER : strcmp(argv[2], "auto") == 0 ? AUTO : ALWAYS;
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
