/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* nftw; "config.h" would be agent/config.h here */

#include "agent/datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/mem.h"
#include "base/rng.h"

#define PRIVATE_PREFIX "disco-dev."

static int lock_take(const char *dir, int *ret_fd, struct error *err);
static int private_make(char **ret, struct error *err);
static void private_sweep(const char *base);

static char *join(const char *dir, const char *name)
{
    struct buf path;
    buf_init(&path, PATH_MAX);
    buf_putf(&path, "%s/%s", dir, name);
    buf_z(&path);
    return path.p;
}

static int failed(const char *what, const char *path, struct error *err)
{
    int rc = -errno;
    return error_set(err, rc, "%s %s: %s", what, path, error_text(rc));
}

/* mkdir -p */
static int make_all(const char *path, struct error *err)
{
    char *copy = mem_dup_z(path);
    int rc = 0;
    for (char *p = copy + 1; rc == 0 && *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(copy, 0755) && errno != EEXIST)
            rc = failed("cannot make the directory", copy, err);
        *p = '/';
    }
    if (rc == 0 && mkdir(copy, 0755) && errno != EEXIST)
        rc = failed("cannot make the directory", copy, err);
    mem_free(copy);
    return rc;
}

int datadir_open(const struct config *config, struct datadir *ret, struct error *err)
{
    struct datadir d = {.lock_fd = -1};
    int rc;
    if (config->data_dir) {
        d.path = mem_dup_z(config->data_dir);
        rc = make_all(d.path, err);
        if (rc)
            rc = error_wrap(err, "data_dir");
    } else {
        d.is_private = true;
        rc = private_make(&d.path, err);
    }
    if (rc == 0)
        rc = lock_take(d.path, &d.lock_fd, err);
    if (rc) {
        d.is_private = false; /* another's */
        datadir_close(&d);
        return rc;
    }
    d.raft = join(d.path, "raft");
    d.state = join(d.path, "state");
    *ret = d;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void datadir_close(struct datadir *d)
{
    if (d->is_private && d->path)
        (void)nftw(d->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (d->lock_fd >= 0)
        close(d->lock_fd); /* after the removal: a sweep of another agent sees it held till then */
    mem_free(d->path);
    mem_free(d->raft);
    mem_free(d->state);
    *d = (struct datadir){.lock_fd = -1};
}

static int lock_take(const char *dir, int *ret_fd, struct error *err)
{
    char *path = join(dir, "lock"), pid[24] = "";
    int rc = 0, fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        rc = failed("data_dir: cannot write", path, err);
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        ssize_t n = read(fd, pid, sizeof pid - 1);
        pid[n > 0 ? n : 0] = 0;
        rc = error_set(err, ERR_BUSY, "data_dir %s is in use by another agent (process %.*s)", dir,
                       STR_ARG(str_trim(str_z(pid))));
    } else {
        int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) || write(fd, pid, (size_t)n) != n)
            rc = failed("data_dir: cannot write", path, err);
    }
    if (rc && fd >= 0)
        close(fd);
    else
        *ret_fd = fd;
    mem_free(path);
    return rc;
}

static int private_make(char **ret, struct error *err)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    if (!base || base[0] != '/' || access(base, W_OK | X_OK))
        base = "/tmp";
    private_sweep(base);
    char *path = join(base, PRIVATE_PREFIX "XXXXXX");
    if (!mkdtemp(path)) {
        int rc = failed("cannot make a private directory", path, err);
        mem_free(path);
        return rc;
    }
    *ret = path;
    return 0;
}

/* Directories of agents that were killed: ours, and their lock is free. */
static void private_sweep(const char *base)
{
    struct error ignored = {0};
    DIR *dir = opendir(base);
    struct dirent *e;
    while (dir && (e = readdir(dir)) != NULL) {
        struct stat st;
        int fd = -1;
        if (!str_has_prefix(str_z(e->d_name), STR_LIT(PRIVATE_PREFIX)))
            continue;
        char *path = join(base, e->d_name), *lock = join(path, "lock");
        bool ours = lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
        /* Without a lock file it may be one that is being made this moment. */
        if (ours && access(lock, F_OK) == 0 && lock_take(path, &fd, &ignored) == 0) {
            (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
            close(fd);
        }
        mem_free(path);
        mem_free(lock);
    }
    if (dir)
        closedir(dir);
}

/* ---- node id ---- */

static bool id_read(const char *path, char ret[37])
{
    char text[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    struct str id = str_trim(str_make(text, n > 0 ? (size_t)n : 0));
    return encode_is_uuid(id) && str_copy_z(id, ret, 37);
}

/* Write-temp, fsync, rename, fsync of the directory: the file is whole or not there. */
int datadir_write(const struct datadir *d, const char *name, struct str bytes, struct error *err)
{
    char temp_name[64];
    ASSERT(snprintf(temp_name, sizeof temp_name, "%s.tmp", name) < (int)sizeof temp_name);
    char *temp = join(d->path, temp_name), *path = join(d->path, name);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc = 0;
    int dir_fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || dir_fd < 0 || fchmod(fd, 0600) ||
        write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n || fsync(fd) || rename(temp, path) ||
        fsync(dir_fd))
        rc = failed("data_dir: cannot write", path, err);
    if (fd >= 0)
        close(fd);
    if (dir_fd >= 0)
        close(dir_fd);
    mem_free(temp);
    mem_free(path);
    return rc;
}

int datadir_read(const struct datadir *d, const char *name, struct buf *ret, struct error *err)
{
    char *path = join(d->path, name), space[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && (n = read(fd, space, sizeof space)) > 0)
        buf_put(ret, space, (size_t)n);
    if (n < 0)
        rc = fd < 0 && errno == ENOENT ? -ENOENT : failed("data_dir: cannot read", path, err);
    else if (ret->failed)
        rc = error_set(err, ERR_TOO_LARGE, "data_dir: %s is larger than %zu bytes", path, ret->max);
    if (fd >= 0)
        close(fd);
    mem_free(path);
    return rc;
}

int datadir_node_id(const struct datadir *d, const char *configured, char ret[37],
                    struct error *err)
{
    char kept[37] = "", *path = join(d->path, "node-id");
    bool has_kept = id_read(path, kept);
    int rc = 0;
    if (configured)
        str_copy_z(str_z(configured), ret, 37);
    else if (has_kept)
        str_copy_z(str_z(kept), ret, 37);
    else
        rng_uuid(ret);
    if (!has_kept || strcmp(kept, ret) != 0) {
        char line[40];
        int n = snprintf(line, sizeof line, "%s\n", ret);
        rc = datadir_write(d, "node-id", str_make(line, (size_t)n), err);
    }
    mem_free(path);
    return rc;
}

bool datadir_has_log(const struct datadir *d)
{
    return access(d->raft, F_OK) == 0;
}
