/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gossip/gossip_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_SIZE 65536

int gossip_file_read(const char *path, struct buf *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    ssize_t n = -1;

    if (fd < 0 && errno == ENOENT)
        return -ENOENT;
    if (fd < 0)
        return error_set(err, -errno, "%s: %s", path, error_text(-errno));
    while (rc == 0 && n != 0) {
        char *p = out->n <= GOSSIP_FILE_SIZE_MAX ? buf_reserve(out, READ_SIZE) : NULL;

        if (!p) {
            rc = error_set(err, ERR_TOO_LARGE, "%s: %s", path, error_text(ERR_TOO_LARGE));
            break;
        }
        n = read(fd, p, READ_SIZE);
        if (n > 0)
            out->n += (size_t)n;
        else if (n < 0 && errno != EINTR)
            rc = error_set(err, -errno, "%s: %s", path, error_text(-errno));
    }
    close(fd);
    return rc;
}

static int write_all(int fd, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno != EINTR)
            return -errno;
        bytes = str_drop(bytes, n > 0 ? (size_t)n : 0);
    }
    return 0;
}

int gossip_file_append(int fd, struct str bytes, bool sync)
{
    int rc = write_all(fd, bytes);

    if (rc == 0 && sync && fdatasync(fd) != 0)
        rc = -errno;
    return rc;
}

/* The directory of a path (to mem_free). */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return mem_dup_z(".");
    return str_dup_z(str_make(path, slash == path ? 1 : (size_t)(slash - path)));
}

int gossip_file_open(const char *path, struct error *err)
{
    char *dir = directory_of(path);
    int fd, rc = mkdir(dir, 0700) != 0 && errno != EEXIST ? -errno : 0;

    fd = rc == 0 ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (rc == 0 && fd < 0)
        rc = -errno;
    mem_free(dir);
    return rc < 0 ? error_set(err, rc, "%s: %s", path, error_text(rc)) : fd;
}

int gossip_file_replace(const char *path, struct str bytes, bool sync, struct error *err)
{
    char *dir = directory_of(path), *temp = mem_alloc(strlen(path) + 8);
    int fd = -1, dir_fd = -1, rc = 0;

    snprintf(temp, strlen(path) + 8, "%s.tmp", path);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        rc = -errno;
    if (rc == 0) {
        fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = fd < 0 || dir_fd < 0 ? -errno : write_all(fd, bytes);
    }
    if (rc == 0 && sync && fsync(fd) != 0)
        rc = -errno;
    if (rc == 0 && rename(temp, path) != 0)
        rc = -errno;
    if (rc == 0 && sync && fsync(dir_fd) != 0)
        rc = -errno;
    if (fd >= 0)
        close(fd);
    if (dir_fd >= 0)
        close(dir_fd);
    mem_free(temp);
    mem_free(dir);
    return rc < 0 ? error_set(err, rc, "%s: %s", path, error_text(rc)) : 0;
}
