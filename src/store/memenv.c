/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LMDB wants files; it is given two memory files
 * (memfd_create) through symbolic links that are removed at once. So no dirty
 * page of the store ever competes with the log's fdatasync, a full disk cannot
 * raise SIGBUS under a mapped page, and nothing is left after a crash. The
 * price: the state must fit into memory (and swap), as Consul's must.
 */
#include "config.h"

#include "store/memenv.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define READERS_MAX      1024
#define PATH_SIZE_MAX    4096
#define MAP_SIZE_DEFAULT ((size_t)64 << 30)
#define MAP_SIZE_MIN     ((size_t)16 << 20)

/* A symbolic link dir/name to a new memory file, for LMDB to open. */
static int link_memory(const char *dir, const char *name, int *ret_fd, struct error *err)
{
    char path[PATH_SIZE_MAX], target[64];
    int fd = memfd_create("disco-store", MFD_CLOEXEC), r;

    if (fd < 0)
        return error_set(err, -errno, "memfd_create: %s", error_text(-errno));
    snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) {
        close(fd);
        return error_set(err, -ENAMETOOLONG, "%s: %s", dir, error_text(-ENAMETOOLONG));
    }
    unlink(path);
    if (symlink(target, path) < 0) {
        r = -errno;
        close(fd);
        return error_set(err, r, "%s: %s", path, error_text(r));
    }
    *ret_fd = fd;
    return 0;
}

static void unlink_memory(const char *dir, const char *name, int fd)
{
    char path[PATH_SIZE_MAX];

    if (fd < 0)
        return;
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path))
        unlink(path);
    close(fd); /* LMDB has its own by now */
}

static int open_env(const char *dir, int table_n, size_t map_size, MDB_env **ret)
{
    char path[PATH_SIZE_MAX];
    MDB_env *env;
    int rc = mdb_env_create(&env);

    if (rc)
        return rc;
    snprintf(path, sizeof(path), "%s/rows", dir);
    rc = mdb_env_set_mapsize(env, map_size);
    if (!rc)
        rc = mdb_env_set_maxreaders(env, READERS_MAX);
    if (!rc)
        rc = mdb_env_set_maxdbs(env, (MDB_dbi)table_n);
    if (!rc)
        rc = mdb_env_open(
            env, path, MDB_NOSUBDIR | MDB_NOSYNC | MDB_WRITEMAP | MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (rc)
        mdb_env_close(env);
    else
        *ret = env;
    return rc;
}

int memenv_open(const char *dir, int table_n, size_t map_size, MDB_env **ret, struct error *err)
{
    int rows_fd = -1, lock_fd = -1, r, rc;

    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return error_set(err, -errno, "%s: %s", dir, error_text(-errno));
    r = link_memory(dir, "rows", &rows_fd, err);
    if (r >= 0)
        r = link_memory(dir, "rows-lock", &lock_fd, err);
    if (r < 0)
        goto out;
    if (map_size == 0)
        map_size = MAP_SIZE_DEFAULT;
    do
        rc = open_env(dir, table_n, map_size, ret);
    while (rc > 0 && (map_size /= 2) >= MAP_SIZE_MIN); /* address space may be limited */
    if (rc)
        r = error_set(err, memenv_translate(rc), "%s: the store cannot be opened: %s", dir,
                      mdb_strerror(rc));
out:
    unlink_memory(dir, "rows", rows_fd);
    unlink_memory(dir, "rows-lock", lock_fd);
    return r;
}

int memenv_translate(int rc)
{
    if (rc == MDB_MAP_FULL || rc == MDB_TXN_FULL)
        return ERR_TOO_LARGE;
    return rc > 0 ? -rc : rc == 0 ? 0 : ERR_CORRUPT;
}
