/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fs/fs_point.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

static int detach_dead(const char *path, struct error *err);

int fs_point_resolve(const char *path, char **ret, struct error *err)
{
    char parent[PATH_MAX], real[PATH_MAX];
    if (!str_copy_z(str_z(path), parent, sizeof(parent)) || !path[0])
        return error_set(err, ERR_INVALID, "mount: \"%s\" is no path for a mount", path);
    size_t n = strlen(parent);
    while (n > 1 && parent[n - 1] == '/')
        parent[--n] = '\0';
    /* The last part may be a dead mount, of which nothing can be asked: resolve what is above. */
    char *slash = strrchr(parent, '/');
    const char *name = slash ? slash + 1 : parent;
    struct buf full;
    buf_init(&full, 0);
    if (slash)
        *slash = '\0';
    if (!realpath(!slash ? "." : slash == parent ? "/" : parent, real)) {
        buf_fini(&full);
        return error_set(err, -errno, "mount: %s: %s", path, strerror(errno));
    }
    buf_putf(&full, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
    *ret = mem_dup_z(buf_z(&full));
    buf_fini(&full);
    return 0;
}

/* There, a directory, and not a mount of a disco that is gone. */
int fs_point_prepare(const char *path, struct error *err)
{
    struct stat st;
    int r = detach_dead(path, err);
    if (r < 0)
        return r;
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return error_set(err, -errno, "mount: cannot make %s: %s", path, strerror(errno));
    if (stat(path, &st) < 0)
        return error_set(err, -errno, "mount: %s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return error_set(err, -ENOTDIR, "mount: %s is not a directory", path);
    return 0;
}

/* Is a file system of ours mounted just there? The fields of mountinfo are apart by blanks, and
 * blanks inside one are written \040. */
bool fs_point_device(const char *path, char ret[FS_POINT_DEVICE_SIZE])
{
    char line[PATH_MAX * 2];
    bool found = false;
    FILE *f = fopen("/proc/self/mountinfo", "re");
    ret[0] = '\0';
    while (f && fgets(line, sizeof(line), f)) { /* the last is the topmost */
        struct buf point;
        struct str rest = str_z(line), field = STR_NONE, device = STR_NONE;
        buf_init(&point, 0);
        for (int i = 0; i < 5 && rest.p; i++) {
            field = str_split(&rest, ' ');
            device = i == 2 ? field : device;
        }
        for (size_t i = 0; i < field.n; i++) {
            if (field.p[i] == '\\' && i + 3 < field.n) {
                buf_put_c(&point, (char)((field.p[i + 1] - '0') * 64 + (field.p[i + 2] - '0') * 8 +
                                         (field.p[i + 3] - '0')));
                i += 3;
            } else {
                buf_put_c(&point, field.p[i]);
            }
        }
        if (str_eq_z(buf_str(&point), path)) {
            found = str_search(rest, STR_LIT(" - fuse.disco ")) < rest.n &&
                    str_copy_z(device, ret, FS_POINT_DEVICE_SIZE);
        }
        buf_fini(&point);
    }
    if (f)
        (void)fclose(f);
    return found;
}

static bool is_ours(const char *path)
{
    char device[FS_POINT_DEVICE_SIZE];
    return fs_point_device(path, device);
}

void fs_point_abandon(const char *path)
{
    char program[] = "fusermount3", options[] = "-uqz";
    char *args[] = {program, options, (char *)(uintptr_t)path, NULL};
    pid_t pid;
    if (!is_ours(path) || umount2(path, MNT_FORCE | MNT_DETACH) == 0)
        return;
    if (posix_spawnp(&pid, program, NULL, NULL, args, environ) == 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
}

/* kill -9 leaves a mount that answers ENOTCONN to all that the kernel has not cached (stat may
 * well succeed, statfs never); several may lie on one another. */
static int detach_dead(const char *path, struct error *err)
{
    struct statvfs st;
    for (int i = 0; i < 64 && statvfs(path, &st) < 0 && errno == ENOTCONN; i++) {
        if (!is_ours(path))
            return error_set(err, -EBUSY,
                             "mount: %s is a dead mount of another program; unmount it", path);
        if (umount2(path, MNT_DETACH) < 0) {
            int error = errno;
            return error_set(err, -error,
                             "mount: %s is a dead mount and cannot be detached (%s); run "
                             "fusermount3 -u -z %s",
                             path, strerror(error), path);
        }
        log_info("mount", "%s: detached the mount of an agent that is gone", path);
    }
    if (is_ours(path))
        return error_set(err, -EBUSY, "mount: %s: another agent's mount is there", path);
    return 0;
}

/* fusermount3 grants allow_other to others than root only if this file says so. */
bool fs_point_may_allow_other(void)
{
    char line[256];
    bool may = geteuid() == 0;
    FILE *f = may ? NULL : fopen("/etc/fuse.conf", "re");
    while (f && !may && fgets(line, sizeof(line), f))
        may = str_eq_z(str_trim(str_z(line)), "user_allow_other");
    if (f)
        (void)fclose(f);
    return may;
}
