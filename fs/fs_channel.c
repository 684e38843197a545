/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_channel.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/fs_leave.h"
#include "fs/fs_wire.h"

static size_t size_of(const struct iovec *iov, int count)
{
    size_t n = 0;
    for (int i = 0; i < count; i++)
        n += iov[i].iov_len;
    return n;
}

static void keep(struct buf *answer, const struct iovec *iov, int count)
{
    buf_clear(answer);
    for (int i = 0; i < count; i++)
        buf_put(answer, iov[i].iov_base, iov[i].iov_len);
}

/* Also on the notifier's thread, whose messages answer nothing. */
static ssize_t on_write(int fd, struct iovec *iov, int count, void *data)
{
    struct fs_mount *m = data;
    uint64_t unique = fs_wire_answered(iov[0].iov_base, iov[0].iov_len);
    if (unique == 0)
        return writev(fd, iov, count);
    if (m->channel.is_replaying) {
        keep(&m->channel.answer, iov, count);
        return (ssize_t)size_of(iov, count);
    }
    if (m->channel.is_mute)
        return (ssize_t)size_of(iov, count);
    if (unique == m->channel.init_unique) {
        keep(&m->channel.answer, iov, count);
        ssize_t n = writev(fd, iov, count);
        m->channel.init_unique = 0;
        if (n >= 0)
            fs_leave_begin(m);
        return n;
    }
    fs_leave_flush(m);
    return writev(fd, iov, count);
}

static ssize_t on_read(int fd, void *bytes, size_t size, void *data)
{
    struct fs_mount *m = data;
    struct fs_wire_head head;
    ssize_t n = read(fd, bytes, size);
    if (n <= 0 || !fs_wire_head(bytes, (size_t)n, &head))
        return n;
    m->channel.is_resent = head.is_resent;
    m->channel.poll = fs_wire_poll(bytes, (size_t)n);
    if (head.is_init) {
        m->channel.init_unique = head.unique;
        buf_clear(&m->channel.init);
        buf_put(&m->channel.init, bytes, (size_t)n);
    }
    return n;
}

static const struct fuse_custom_io io = {.writev = on_write, .read = on_read};

void fs_channel_open(struct fs_mount *m)
{
    int r = fuse_session_custom_io(m->session, &io, fuse_session_fd(m->session));
    ASSERT(r == 0);
}

void fs_channel_fini(struct fs_mount *m)
{
    buf_fini(&m->channel.init);
    buf_fini(&m->channel.answer);
}

int fs_channel_replay(struct fs_mount *m, int fd, struct str init, struct str answer,
                      struct error *err)
{
    struct fuse_buf request = {.size = init.n, .mem = (void *)(uintptr_t)init.p};
    if (fuse_session_custom_io(m->session, &io, fd) != 0)
        return error_set(err, ERR_UNSUPPORTED, "mount: libfuse refused the descriptor");
    buf_put_str(&m->channel.init, init);
    m->channel.is_replaying = true;
    fuse_session_process_buf(m->session, &request);
    m->channel.is_replaying = false;
    if (!str_eq(buf_str(&m->channel.answer), answer))
        return error_set(err, ERR_UNSUPPORTED,
                         "mount: the agent before agreed with the kernel on something else");
    return 0;
}
