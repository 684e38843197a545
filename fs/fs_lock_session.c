/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_lock_session.h"

#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_write.h"
#include "state/health.h"
#include "state/session.h"

#define LOOK_MS       1000
#define LOCK_DELAY_NS ((int64_t)2 * 1000000000) /* after a session was lost */

static void on_session(struct fs_wait *w, int error);

static bool on_check(void *data, const struct health_check *c)
{
    *(bool *)data |= str_eq_z(c->check_id, "serfHealth");
    return true;
}

static void session_name(const struct fs_mount *m, struct buf *name)
{
    buf_putf(name, "mount %s", m->path);
}

void fs_lock_session_begin(struct fs_mount *m)
{
    struct buf checks, none, name;
    bool has_check = false;
    uint64_t index;
    struct str node = str_z(m->env->config->node_name);
    if (m->lock_session_is_coming)
        return;
    m->lock_session_is_coming = true;
    rng_uuid(m->lock_session_new);
    buf_init(&checks, 0);
    buf_init(&none, 0);
    buf_init(&name, 0);
    struct view v = fs_mount_view(m);
    health_node_checks(&v, node, on_check, &has_check, &index);
    env_view_end(&v);
    pack_array(&checks, has_check);
    if (has_check)
        pack_str(&checks, STR_LIT("serfHealth"));
    pack_array(&none, 0);
    session_name(m, &name);
    struct session s = {.id = str_z(m->lock_session_new),
                        .name = buf_str(&name),
                        .node = node,
                        .node_checks = buf_str(&checks),
                        .service_checks = buf_str(&none),
                        .checks = buf_str(&none),
                        .lock_delay_ns = LOCK_DELAY_NS};
    struct fs_wait *w = fs_write_wait_new(m, NULL, on_session);
    w->is_plain = true;
    session_encode_create(&s, &w->write.command);
    fs_write_submit(w);
    buf_fini(&checks);
    buf_fini(&none);
    buf_fini(&name);
}

static void on_session(struct fs_wait *w, int error)
{
    struct fs_mount *m = w->mount;
    fs_write_wait_free(w);
    m->lock_session_is_coming = false;
    if (error)
        log_warn("mount", "no session for locks: %s", error_text(-error));
    else
        memcpy(m->lock_session, m->lock_session_new, sizeof(m->lock_session));
    fs_lock_session_came(m, error);
}

static void on_plain_done(struct fs_wait *w, int error)
{
    fs_write_wait_free(w);
}

static void destroy(struct fs_mount *m, struct str id)
{
    struct fs_wait *w = fs_write_wait_new(m, NULL, on_plain_done);
    w->is_plain = true;
    session_encode_destroy(id, &w->write.command);
    fs_write_submit(w);
}

struct old_sessions {
    const struct fs_mount *mount;
    struct buf name, ids;
};

static bool on_old_session(void *data, const struct session *s)
{
    struct old_sessions *old = data;
    if (str_eq(s->name, buf_str(&old->name)) && !str_eq_z(s->id, old->mount->lock_session) &&
        !str_eq_z(s->id, old->mount->lock_session_new)) {
        buf_put_str(&old->ids, s->id);
        buf_put_c(&old->ids, ' ');
    }
    return true;
}

/* Twice: a server that has just started may not have applied all of its log at first. */
static void on_look_back(struct timer *t, struct instant now)
{
    struct fs_mount *m = LIST_ITEM(t, struct fs_mount, lock_look_back);
    struct old_sessions old = {.mount = m};
    uint64_t index;
    bool is_known = published_get(m->env->published, PUBLISHED_KNOWS_LEADER);
    if (is_known) {
        buf_init(&old.name, 0);
        buf_init(&old.ids, 0);
        session_name(m, &old.name);
        struct view v = fs_mount_view(m);
        session_list(&v, str_z(m->env->config->node_name), on_old_session, &old, &index);
        env_view_end(&v);
        struct str rest = buf_str(&old.ids);
        while (rest.n > 0)
            destroy(m, str_split(&rest, ' '));
        buf_fini(&old.name);
        buf_fini(&old.ids);
        m->lock_look_n++;
    }
    if (m->lock_look_n < 2)
        timers_set(m->env->timers, t, instant_add(now, DURATION_MS(LOOK_MS * (is_known ? 5 : 1))));
}

void fs_lock_session_open(struct fs_mount *m)
{
    m->lock_look_back.fire = on_look_back;
    timers_set(m->env->timers, &m->lock_look_back,
               instant_add(env_now(m->env), DURATION_MS(LOOK_MS)));
}

void fs_lock_session_end(struct fs_mount *m)
{
    timers_cancel(m->env->timers, &m->lock_look_back);
    if (m->lock_session[0] && !m->channel.is_mute) /* else the next life has it */
        destroy(m, str_z(m->lock_session));
}
