/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE_MAX   (1024 * 1024)
#define AFTER_MKDIR_NS  20000000 /* so that who watches a tree can add the new directory */
#define CATALOG_FILES_N 5

static void repeat(struct str what, const char *path, const char *to);

static bool is_gone(int error)
{
    return error == ENOTCONN || error == ECONNABORTED || error == EIO || error == ENODEV;
}

int cli_mount_watch(struct cli *c)
{
    char path[4096];
    if (c->arg_n != 1)
        return cli_command_fail("mount-watch: one argument: the directory of the mount");
    if (chdir(c->args[0]) < 0)
        return cli_command_fail("mount-watch: %s: %s", c->args[0], error_text(-errno));
    (void)snprintf(path, sizeof(path), ".changes");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cli_command_fail("mount-watch: %s is no mount of disco: %s", c->args[0],
                                error_text(-errno));
    if (fsetxattr(fd, "user.disco.repeats", "1", 1, 0) < 0) {
        int error = errno;
        close(fd);
        return cli_command_fail("mount-watch: %s: %s", c->args[0], error_text(-error));
    }
    struct buf line;
    int exit_status = 0;
    buf_init(&line, 0);
    char *space = buf_reserve(&line, LINE_SIZE_MAX);
    for (;;) {
        ssize_t n = read(fd, space, LINE_SIZE_MAX - 1);
        if (n == 0 || (n < 0 && is_gone(errno)))
            break; /* the agent has ended */
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            exit_status = cli_command_fail("mount-watch: %s", error_text(-errno));
            break;
        }
        space[n] = '\0';
        char *end = strchr(space, '\n'), *what = strchr(space, '\t');
        char *from = what ? strchr(what + 1, '\t') : NULL;
        char *to = from ? strchr(from + 1, '\t') : NULL;
        if (!end || !from)
            continue; /* a path too long for any system call */
        *end = *from = '\0';
        if (to)
            *to = '\0';
        repeat(str_z(what + 1), from + 1, to ? to + 1 : NULL);
    }
    buf_fini(&line);
    close(fd);
    return exit_status;
}

/* IN_MODIFY and IN_CLOSE_WRITE; of a file that may not be written IN_ATTRIB. */
static void touch(const char *path)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        (void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
        return;
    }
    if (fstat(fd, &st) == 0 && ftruncate(fd, st.st_size) < 0)
        (void)futimens(fd, NULL);
    close(fd);
}

static void touch_files(const char *dir)
{
    static const char *const names[CATALOG_FILES_N] = {"nodes", "healthy", "json", "address",
                                                       "status"};
    char path[4096];
    for (int i = 0; i < CATALOG_FILES_N; i++) {
        int n = snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        if (n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0)
            touch(path);
    }
    (void)utimensat(AT_FDCWD, dir, NULL, AT_SYMLINK_NOFOLLOW);
}

/* That something else has happened meanwhile is no failure: a further line will tell. */
static void repeat(struct str what, const char *path, const char *to)
{
    int r = 0;
    if (str_eq_z(what, "create")) {
        r = mknod(path, S_IFREG | 0644, 0);
        touch(path);
    } else if (str_eq_z(what, "modify")) {
        touch(path);
    } else if (str_eq_z(what, "delete")) {
        r = unlink(path);
    } else if (str_eq_z(what, "mkdir")) {
        r = mkdir(path, 0755);
        if (r == 0)
            (void)nanosleep(&(struct timespec){0, AFTER_MKDIR_NS}, NULL);
    } else if (str_eq_z(what, "rmdir")) {
        r = rmdir(path);
    } else if (str_eq_z(what, "rename") && to) {
        r = rename(path, to);
    } else if (str_eq_z(what, "service")) {
        touch_files(path);
        (void)utimensat(AT_FDCWD, "services", NULL, 0);
    } else if (str_eq_z(what, "node")) {
        touch_files(path);
        (void)utimensat(AT_FDCWD, "nodes", NULL, 0);
    }
    (void)r;
}
