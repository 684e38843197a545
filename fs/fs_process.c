/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The process a task belongs to: FUSE names the task. */
int32_t fs_process_of(int32_t tid)
{
    char path[64], text[2048];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tid;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *p = strstr(text, "Tgid:");
    return p ? (int32_t)strtol(p + 5, NULL, 10) : tid;
}

/* Flag PF_SIGNALED (0x400) of the task: it is ending because of a signal. Field 9 of stat, counted
 * after the name, which may hold anything but ends at the last ')'. */
bool fs_process_was_signaled(int32_t tid)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    char *p = strrchr(text, ')');
    for (int field = 2; p && field < 9; field++)
        p = strchr(p + 1, ' ');
    return p && (strtoull(p + 1, NULL, 10) & 0x400);
}

/* Bit 8 of the pending signals: the kernel marks every thread of a dying process with SIGKILL. */
bool fs_process_is_dying(int32_t tid)
{
    char path[64], text[4096];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return true;
    text[n] = '\0';
    const char *pending = strstr(text, "SigPnd:"), *shared = strstr(text, "ShdPnd:");
    uint64_t mask = (pending ? strtoull(pending + 7, NULL, 16) : 0) |
                    (shared ? strtoull(shared + 7, NULL, 16) : 0);
    return mask & (1u << 8);
}

bool fs_process_has_group(int32_t tid, uint32_t gid)
{
    char path[64], text[8192];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    char *p = strstr(text, "\nGroups:"), *line_end = p ? strchr(p + 1, '\n') : NULL;
    if (!line_end)
        return false;
    *line_end = '\0';
    for (p += strlen("\nGroups:"); *p;) {
        char *end;
        unsigned long group = strtoul(p, &end, 10);
        if (end == p)
            return false;
        if (group == gid)
            return true;
        for (p = end; *p == ' ' || *p == '\t';)
            p++;
    }
    return false;
}
