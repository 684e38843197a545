/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wal/wal_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct real {
    struct wal_disk disk;
    int dir;
};

static int dir_of(struct wal_disk *d)
{
    return ((struct real *)d->data)->dir;
}

static int real_list(struct wal_disk *d, void (*each)(void *data, const char *name), void *data)
{
    int fd = openat(dir_of(d), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    int rc;

    if (!dir) {
        rc = -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    errno = 0;
    while ((e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            each(data, e->d_name);
    rc = -errno;
    closedir(dir);
    return rc;
}

static int real_open(struct wal_disk *d, const char *name, bool create, int *ret_file)
{
    int fd = openat(dir_of(d), name,
                    O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0), 0600);
    if (fd < 0)
        return -errno;
    *ret_file = fd;
    return 0;
}

static int look_open(struct wal_disk *d, const char *name, bool create, int *ret_file)
{
    int fd = create ? -1 : openat(dir_of(d), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return create ? -EROFS : -errno;
    *ret_file = fd;
    return 0;
}

static int real_size(struct wal_disk *d, int file, uint64_t *ret)
{
    struct stat st;

    (void)d;
    if (fstat(file, &st) < 0)
        return -errno;
    *ret = (uint64_t)st.st_size;
    return 0;
}

/* Some file systems cannot preallocate; there zeros are written. */
static int real_allocate(struct wal_disk *d, int file, uint64_t size)
{
    uint64_t have;
    int rc = -posix_fallocate(file, 0, (off_t)size);

    if (rc != -EOPNOTSUPP && rc != -EINVAL)
        return rc;
    rc = real_size(d, file, &have);
    if (rc == 0 && have < size && ftruncate(file, (off_t)size) < 0)
        rc = -errno;
    return rc;
}

static int real_read(struct wal_disk *d, int file, uint64_t at, void *p, size_t n)
{
    (void)d;
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(file, (char *)p + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return -ENODATA;
        done += (size_t)got;
    }
    return 0;
}

static int real_write(struct wal_disk *d, int file, uint64_t at, const void *p, size_t n)
{
    (void)d;
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(file, (const char *)p + done, n - done, (off_t)(at + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        if (put == 0)
            return -ENOSPC;
        done += (size_t)put;
    }
    return 0;
}

static int real_sync(struct wal_disk *d, int file)
{
    (void)d;
    return fdatasync(file) < 0 ? -errno : 0;
}

static void real_close(struct wal_disk *d, int file)
{
    (void)d;
    close(file);
}

static int real_rename(struct wal_disk *d, const char *from, const char *to)
{
    return renameat(dir_of(d), from, dir_of(d), to) < 0 ? -errno : 0;
}

static int real_remove(struct wal_disk *d, const char *name)
{
    return unlinkat(dir_of(d), name, 0) < 0 ? -errno : 0;
}

static int real_sync_dir(struct wal_disk *d)
{
    return fsync(dir_of(d)) < 0 ? -errno : 0;
}

static int open_dir(const char *dir, bool look, struct wal_disk **ret, struct error *err)
{
    struct real *r;
    int fd;

    if (!look && mkdir(dir, 0700) < 0 && errno != EEXIST)
        return error_set(err, -errno, "log directory %s: cannot be made: %s", dir,
                         error_text(-errno));
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, -errno, "log directory %s: %s", dir, error_text(-errno));
    r = mem_new(struct real);
    r->dir = fd;
    r->disk = (struct wal_disk){
        .data = r,
        .list = real_list,
        .open = look ? look_open : real_open,
        .size = real_size,
        .allocate = real_allocate,
        .read = real_read,
        .write = real_write,
        .sync = real_sync,
        .close = real_close,
        .rename = real_rename,
        .remove = real_remove,
        .sync_dir = real_sync_dir,
    };
    *ret = &r->disk;
    return 0;
}

int wal_disk_open(const char *dir, struct wal_disk **ret, struct error *err)
{
    return open_dir(dir, false, ret, err);
}

int wal_disk_open_existing(const char *dir, struct wal_disk **ret, struct error *err)
{
    return open_dir(dir, true, ret, err);
}

void wal_disk_close(struct wal_disk *d)
{
    if (!d)
        return;
    close(dir_of(d));
    mem_free(d->data);
}
