/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Life of the mount. It is made on the core's thread, served on a worker's loop (libfuse's own loop
 * is not used), and taken down in steps, because whoever holds a lock in the kernel waits for us:
 *
 *   the notifier ends (requests are answered meanwhile)
 *   -> commits in flight end, or the deadline answers them
 *   -> the loop lets go of /dev/fuse -> unmount, detached when it is busy
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>
#include <uv.h>

#include "agent/agent.h"
#include "agent/metrics.h"
#include "agent/shown.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_blind.h"
#include "fs/fs_change.h"
#include "fs/fs_channel.h"
#include "fs/fs_crowd.h"
#include "fs/fs_dir.h"
#include "fs/fs_event.h"
#include "fs/fs_feed.h"
#include "fs/fs_handle.h"
#include "fs/fs_heir.h"
#include "fs/fs_leave.h"
#include "fs/fs_lock.h"
#include "fs/fs_lock_session.h"
#include "fs/fs_mount.h"
#include "fs/fs_ops.h"
#include "fs/fs_point.h"
#include "fs/fs_poll.h"
#include "fs/fs_repeater.h"
#include "fs/fs_rights.h"
#include "fs/fs_scratch.h"
#include "fs/fs_teller.h"
#include "fs/fs_write.h"

#define REQUESTS_A_TURN 64
#define CLOSE_LOOK_MS   10
#define CLOSE_FORCE_MS  500 /* so long before the deadline the kernel is made to give up */

struct fs_mount_loop {
    struct fs_mount *mount;
    uv_poll_t poll;
    struct fuse_buf buf;
    uint32_t hold_n;
    struct fs_repeater *repeater; /* NULL: not wanted */
    bool is_polling, is_gone;
    /* closing */
    struct timer look;
    struct instant deadline;
    bool notifier_ended, was_forced;
    void (*closed)(void *data);
    void *closed_data;
};

static int open_rights(struct fs_mount *m, const struct config *config, struct error *err);
static int new_session(struct fs_mount *m, const struct config *config, struct error *err);
static int mount_session(struct fs_mount *m, struct error *err);
static void log_libfuse(enum fuse_log_level level, const char *fmt, va_list args);
static void set_polling(struct fs_mount_loop *l, bool on);
static void on_readable(uv_poll_t *poll, int status, int events);
static void on_overflow(void *data);
static void on_shown(void *data, uint64_t index);
static void on_drop_all(struct timer *t, struct instant now);
static void on_notifier_ended(void *data);
static void on_look(struct timer *t, struct instant now);
static void on_poll_closed(uv_handle_t *handle);
static void end_waits(struct fs_mount *m);

/* ---- on the core's thread ---- */

int fs_mount_open(const struct config *config, struct fs_mount **ret, struct error *err)
{
    *ret = NULL;
    if (!config->mount) {
        fs_heir_refuse();
        return 0;
    }
    struct fs_mount *m = mem_new(struct fs_mount);
    m->uid = config->mount_uid >= 0 ? (uid_t)config->mount_uid : geteuid();
    m->gid = config->mount_gid >= 0 ? (gid_t)config->mount_gid : getegid();
    mode_t umask = (mode_t)config->mount_umask & 0777;
    m->file_mode = config->mount_file_mode > 0 ? (mode_t)config->mount_file_mode & 0777 : 0644;
    m->dir_mode = config->mount_dir_mode > 0 ? (mode_t)config->mount_dir_mode & 0777 : 0755;
    m->file_mode &= ~umask;
    m->dir_mode &= ~umask;
    m->value_max =
        config->kv_max_value_size > 0 ? (size_t)config->kv_max_value_size : KV_VALUE_SIZE_MAX;
    fs_inode_init(&m->inodes, (uint64_t)(uintptr_t)m);
    fs_handle_init(m);
    fs_times_init(&m->times);
    fs_keep_open(&m->keep, config->dev ? NULL : config->data_dir, &m->times);
    list_init(&m->waits);
    list_init(&m->handles);
    list_init(&m->changed_handles);
    list_init(&m->dirs);
    list_init(&m->feeds);
    list_init(&m->polls);
    list_init(&m->event_logs);
    buf_init(&m->agent_error, 0);
    m->tree.node_name = config->node_name;
    list_init(&m->locks);
    list_init(&m->scratches);
    list_init(&m->doomed);
    m->may_outlive = !config->dev; /* a state that is gone with its agent leaves nothing to go on */
    int r = fs_point_resolve(config->mount, &m->path, err);
    if (r == 0)
        r = open_rights(m, config, err);
    if (r == 0)
        r = new_session(m, config, err);
    if (r == 0 && !fs_heir_take(m)) {
        if (!m->session)
            r = new_session(m, config, err);
        if (r == 0)
            r = fs_point_prepare(m->path, err);
        if (r == 0)
            r = mount_session(m, err);
    }
    if (r < 0) {
        fs_mount_free(m);
        return r;
    }
    m->teller = fs_teller_open(fuse_session_fd(m->session), m->path, m->will != NULL);
    *ret = m;
    return 0;
}

void fs_mount_set_service_json(struct fs_mount *m,
                               int (*render)(struct view *v, struct str service, struct buf *out))
{
    m->tree.service_json = render;
}

void fs_mount_free(struct fs_mount *m)
{
    if (!m)
        return;
    ASSERT(!m->loop);
    if (m->session) {
        if (!m->channel.is_mute)
            fuse_session_unmount(m->session); /* harmless when the door did it */
        fuse_session_destroy(m->session);
    }
    fs_teller_close(m->teller);
    fs_will_free(m->will);
    m->will = NULL;
    fs_poll_free_all(m);
    fs_event_free_all(m);
    fs_scratch_free_all(m);
    fs_lock_free_all(m);
    fs_dir_free_all(m);
    fs_handle_fini(m);
    fs_inode_fini(&m->inodes);
    fs_times_fini(&m->times);
    fs_keep_close(&m->keep);
    fs_channel_fini(m);
    buf_fini(&m->agent_error);
    fs_users_free(m->users);
    mem_free(m->users_path);
    mem_free((void *)(uintptr_t)m->token.p);
    mem_free(m->path);
    mem_free(m);
}

/* Whose token, and who judges: with control lists or a map of users not the kernel. */
static int open_rights(struct fs_mount *m, const struct config *config, struct error *err)
{
    const char *token = config->mount_token ? config->mount_token : "";
    m->token = str_make(mem_dup_z(token), strlen(token));
    m->judges = config->acl_enabled || config->mount_users;
    fs_rights_end(m);
    if (!config->mount_users)
        return 0;
    m->users_path = mem_dup_z(config->mount_users);
    m->users = fs_users_new();
    return fs_users_load(m->users, m->users_path, err);
}

void fs_mount_hand_over(struct fs_mount *m)
{
    if (m)
        m->hands_over = true;
}

static int new_session(struct fs_mount *m, const struct config *config, struct error *err)
{
    bool allow_other = config->mount_allow_other && fs_point_may_allow_other();
    if (config->mount_allow_other && !allow_other)
        log_warn("mount", "%s: for this user alone; /etc/fuse.conf has no user_allow_other",
                 m->path);
    (void)snprintf(m->options, sizeof(m->options), "nosuid,nodev,fsname=disco,subtype=disco%s%s",
                   m->judges ? "" : ",default_permissions", allow_other ? ",allow_other" : "");
    char *argv[] = {"disco", "-o", m->options, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);
    if (access("/dev/fuse", R_OK | W_OK) < 0)
        return error_set(err, -errno,
                         "mount: /dev/fuse: %s (a mount needs the device, and root or fusermount3)",
                         strerror(errno));
    fuse_set_log_func(log_libfuse);
    m->session = fuse_session_new(&args, &fs_ops_table, sizeof(fs_ops_table), m);
    fuse_opt_free_args(&args);
    if (!m->session)
        return error_set(err, ERR_UNSUPPORTED, "mount: libfuse refused its options");
    return 0;
}

static int mount_session(struct fs_mount *m, struct error *err)
{
    if (fuse_session_mount(m->session, m->path) != 0) {
        int error = errno ? errno : EPERM;
        fuse_session_destroy(m->session);
        m->session = NULL;
        return error_set(err, -error,
                         "mount: cannot mount on %s: %s (not root, and no fusermount3?)", m->path,
                         strerror(error));
    }
    fs_leave_open(m);
    if (m->will)
        fs_channel_open(m);
    return 0;
}

static void log_libfuse(enum fuse_log_level level, const char *fmt, va_list args)
{
    char text[512];
    (void)vsnprintf(text, sizeof(text), fmt, args);
    size_t n = strlen(text);
    if (n > 0 && text[n - 1] == '\n')
        text[n - 1] = '\0';
    log_line(level <= FUSE_LOG_ERR ? LOG_WARN : LOG_DEBUG, "mount", "%s", text);
}

/* ---- on the worker's thread ---- */

static int on_open(void *uv_loop, struct env *env, void *config, void **ret_door, struct error *err)
{
    struct fs_mount *m = config;
    struct fs_mount_loop *l = mem_new(struct fs_mount_loop);
    int fd = fuse_session_fd(m->session);
    l->mount = m;
    l->poll.data = l;
    l->look.fire = on_look;
    m->drop_all.fire = on_drop_all;
    int flags = fcntl(fd, F_GETFL);
    int r = flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
    m->env = env;
    struct fs_notify_events events = {on_overflow, on_shown, m};
    if (r == 0)
        r = fs_notify_open(fd, m->teller, env->self, &events, &m->notify);
    if (r < 0) {
        mem_free(l);
        return error_set(err, r, "mount: %s: %s", m->path, error_text(r));
    }
    m->loop = l;
    struct view v = fs_mount_view(m);
    m->seen_index = view_index(&v);
    env_view_end(&v);
    on_shown(m, m->seen_index);
    fs_mount_note_time(m, m->seen_index);
    struct fs_inode *root = fs_inode_get(&m->inodes, FS_INODE_ROOT);
    root->mtime_ns = fs_times_get(&m->times, m->seen_index);
    r = uv_poll_init(uv_loop, &l->poll, fd);
    ASSERT(r == 0);
    set_polling(l, true);
    fs_heir_begin(m);
    if (!fs_blind_begin(m))
        fs_lock_session_open(m);
    log_info("mount", "%s: mounted", m->path);
    if (env->config->mount_inotify)
        l->repeater = fs_repeater_open(uv_loop, env->timers, m->path);
    *ret_door = m;
    return 0;
}

static void on_changes(void *door, const struct change_batch *batch)
{
    struct fs_mount *m = door;
    if (!m->notify)
        return;
    fs_change_apply(m, batch);
    if (batch->everything && fs_blind_end(m))
        fs_lock_session_open(m);
}

static void on_close(void *door, struct instant deadline, void (*closed)(void *data), void *data)
{
    struct fs_mount *m = door;
    struct fs_mount_loop *l = m->loop;
    l->closed = closed;
    l->closed_data = data;
    l->deadline = deadline;
    struct fs_notify *n = m->notify;
    timers_cancel(m->env->timers, &m->drop_all);
    fs_blind_close(m);
    fs_heir_close(m);
    m->notify = NULL;
    on_shown(m, SHOWN_OFF);
    fs_scratch_settle_all(m);
    m->hands_over = m->hands_over && m->will;
    if (!m->hands_over)
        end_waits(m);
    if (l->repeater)
        fs_repeater_stop(l->repeater, false);
    fs_notify_close(n, on_notifier_ended, l);
    timers_set(m->env->timers, &l->look, instant_add(env_now(m->env), DURATION_MS(1)));
}

/* Who waits for a lock or a change is told that there will be none. */
static void end_waits(struct fs_mount *m)
{
    fs_lock_close(m);
    fs_feed_end_all(m);
}

static void on_reload(void *door)
{
    struct fs_mount *m = door;
    struct error err;
    if (!m->users)
        return;
    if (fs_users_load(m->users, m->users_path, &err) < 0)
        log_error("mount", "the map of users stays as it was: %s", err.text);
    else
        log_info("mount", "%s: tokens for %zu users", m->users_path, fs_users_count(m->users));
}

const struct door fs_door = {.name = "mount",
                             .open = on_open,
                             .close = on_close,
                             .changes = on_changes,
                             .reload = on_reload};

struct str fs_mount_token(const struct fs_mount *m)
{
    return m->asker.token.p ? m->asker.token : m->token;
}

struct view fs_mount_view(struct fs_mount *m)
{
    struct view v = fs_mount_view_of(m, fs_mount_token(m));
    if (!m->asker.is_set) {
        v.acl = NULL;
        v.acl_status = 0;
    }
    return v;
}

struct view fs_mount_view_of(struct fs_mount *m, struct str token)
{
    return env_view_begin(m->env, token, NULL);
}

void fs_mount_note_time(struct fs_mount *m, uint64_t index)
{
    if (m->times.n == 0 || index > m->times.notes[m->times.n - 1].index)
        fs_keep_note(&m->keep, &m->times, index, clock_wall_ns());
}

void fs_mount_hold(struct fs_mount *m)
{
    struct fs_mount_loop *l = m->loop;
    if (l && l->hold_n++ == 0)
        set_polling(l, false);
}

void fs_mount_unhold(struct fs_mount *m)
{
    struct fs_mount_loop *l = m->loop; /* NULL: a commit that outlived the mount */
    ASSERT(!l || l->hold_n > 0);
    if (l && --l->hold_n == 0)
        set_polling(l, true);
}

static void set_polling(struct fs_mount_loop *l, bool on)
{
    if (on == l->is_polling || l->is_gone || uv_is_closing((uv_handle_t *)&l->poll))
        return;
    int r = on ? uv_poll_start(&l->poll, UV_READABLE, on_readable) : uv_poll_stop(&l->poll);
    ASSERT(r == 0);
    l->is_polling = on;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct fs_mount_loop *l = poll->data;
    struct fuse_session *session = l->mount->session;
    for (int i = 0; i < REQUESTS_A_TURN && l->hold_n == 0; i++) {
        int n = fuse_session_receive_buf(session, &l->buf);
        if (n > 0) {
            metrics_add(l->mount->env->metrics, METRIC_FS_REQUESTS, 1);
            if (fs_blind_refuse(l->mount, l->buf.mem, (size_t)n))
                continue;
            fs_rights_begin(l->mount, l->buf.mem, (size_t)n);
            fuse_session_process_buf(session, &l->buf);
            fs_rights_end(l->mount);
        } else if (n == -EAGAIN || n == -EINTR) {
            fs_heir_thrives(l->mount);
            break;
        } else {
            /* Unmounted by somebody else, or the connection was aborted. */
            log_warn("mount", "%s: is no longer mounted", l->mount->path);
            set_polling(l, false);
            l->is_gone = true;
            break;
        }
    }
    fs_crowd_note(l->mount);
}

/* On either thread. */
static void on_shown(void *data, uint64_t index)
{
    struct fs_mount *m = data;
    shown_tell(m->env->core, agent_shown(m->env->agent), index);
}

/* It may come in the middle of a view; the next turn has none open. */
static void on_overflow(void *data)
{
    struct fs_mount *m = data;
    timers_set(m->env->timers, &m->drop_all, env_now(m->env));
}

static void on_drop_all(struct timer *t, struct instant now)
{
    fs_change_everything(LIST_ITEM(t, struct fs_mount, drop_all));
}

/* ---- closing ---- */

static void on_notifier_ended(void *data)
{
    struct fs_mount_loop *l = data;
    l->notifier_ended = true;
}

static void on_look(struct timer *t, struct instant now)
{
    struct fs_mount_loop *l = LIST_ITEM(t, struct fs_mount_loop, look);
    struct fs_mount *m = l->mount;
    bool is_late = !instant_before(instant_add(now, DURATION_MS(CLOSE_FORCE_MS)), l->deadline);
    if (is_late && !l->was_forced && !l->notifier_ended) {
        /* Ends every request in the kernel, and with them what the notifier waits for. */
        l->was_forced = true;
        if (m->hands_over)
            end_waits(m);
        m->hands_over = false;
        log_warn("mount", "%s: forced, the kernel did not let go in time", m->path);
        (void)umount2(m->path, MNT_FORCE);
    }
    if (is_late && l->repeater)
        fs_repeater_stop(l->repeater, true);
    if (!l->notifier_ended || !fs_repeater_has_ended(l->repeater) ||
        (!list_is_empty(&m->waits) && !is_late)) {
        timers_set(m->env->timers, t, instant_add(now, DURATION_MS(CLOSE_LOOK_MS)));
        return;
    }
    if (m->hands_over) { /* who waits is not answered, and asks the next life */
        fs_leave_all(m);
        end_waits(m);
    } else {
        fs_leave_end(m);
    }
    fs_write_abandon(m);
    uv_close((uv_handle_t *)&l->poll, on_poll_closed);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct fs_mount_loop *l = handle->data;
    struct fs_mount *m = l->mount;
    if (m->channel.is_mute) {
        log_info("mount", "%s: left to the next agent", m->path);
    } else { /* detaches when files are still open; those get ENOTCONN */
        if (m->is_inherited)
            fs_point_abandon(m->path);
        fuse_session_unmount(m->session);
        log_info("mount", "%s: unmounted", m->path);
    }
    free(l->buf.mem);
    m->loop = NULL;
    fs_repeater_free(l->repeater);
    void (*closed)(void *data) = l->closed;
    void *data = l->closed_data;
    mem_free(l);
    closed(data);
}
