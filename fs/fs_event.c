/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_event.h"

#include <errno.h>

#include "agent/agent.h"
#include "agent/agent_event.h"
#include "agent/event.h"
#include "base/jwrite.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_errno.h"
#include "fs/fs_leave.h"
#include "fs/fs_path.h"
#include "fs/fs_poll.h"
#include "state/policy.h"

#define WAIT_MS 5000

struct fs_event_log {
    struct list link; /* mount->event_logs, the one with the newest event last */
    struct str name;  /* owned */
    struct buf text;
    int64_t mtime_ns;
};

/* ---- what happened ---- */

static struct fs_event_log *find_log(const struct fs_mount *m, struct str name)
{
    LIST_FOREACH (&m->event_logs, l) {
        struct fs_event_log *log = LIST_ITEM(l, struct fs_event_log, link);
        if (str_eq(log->name, name))
            return log;
    }
    return NULL;
}

static void free_log(struct fs_mount *m, struct fs_event_log *log)
{
    list_remove(&log->link);
    m->event_log_n--;
    buf_fini(&log->text);
    mem_free((void *)(uintptr_t)log->name.p);
    mem_free(log);
}

static struct fs_event_log *get_log(struct fs_mount *m, struct str name)
{
    struct fs_event_log *log = find_log(m, name);
    if (log) {
        list_remove(&log->link);
    } else {
        if (m->event_log_n == FS_EVENT_NAMES)
            free_log(m, LIST_ITEM(list_first(&m->event_logs), struct fs_event_log, link));
        log = mem_new(struct fs_event_log);
        log->name = str_make(mem_dup(name.p, name.n), name.n);
        buf_init(&log->text, 0);
        m->event_log_n++;
    }
    list_push(&m->event_logs, &log->link);
    return log;
}

/* Whole lines, until at most so much is left. */
static void drop_first(struct buf *text, size_t max)
{
    size_t at = text->n > max ? text->n - max : 0;
    while (at > 0 && at < text->n && text->p[at - 1] != '\n')
        at++;
    memmove(text->p, text->p + at, text->n - at);
    text->n -= at;
}

static void put_line(const struct event *e, struct buf *out)
{
    struct jwrite w;
    jwrite_init(&w, out, false);
    jwrite_object(&w);
    jwrite_name(&w, "ID");
    jwrite_str(&w, e->id);
    jwrite_name(&w, "Name");
    jwrite_str(&w, e->name);
    jwrite_name(&w, "Payload"); /* as in the API */
    if (e->payload.n > 0)
        jwrite_base64(&w, e->payload);
    else
        jwrite_null(&w);
    jwrite_name(&w, "Text"); /* the same, for scripts */
    if (str_is_utf8(e->payload))
        jwrite_str(&w, e->payload);
    else
        jwrite_null(&w);
    jwrite_name(&w, "LTime");
    jwrite_u64(&w, e->ltime);
    jwrite_close(&w);
    jwrite_end(&w);
    buf_put_c(out, '\n');
}

void fs_event_arrived(struct fs_mount *m)
{
    const struct event *e = NULL, *next;
    for (size_t i = 0; (next = event_ring_at(m->env->events, i)) != NULL; i++)
        e = next;
    if (!e)
        return;
    struct fs_event_log *log = get_log(m, e->name);
    struct fs_node node = {FS_EVENT, e->name, STR_NONE};
    struct fs_inode *i = fs_inode_find(&m->inodes, &node);
    bool is_open = i && i->open_n > 0;
    put_line(e, &log->text);
    if (log->text.n > (is_open ? FS_EVENT_OPEN_MAX : FS_EVENT_KEPT_MAX))
        drop_first(&log->text, is_open ? FS_EVENT_OPEN_MAX / 2 : FS_EVENT_KEPT_MAX);
    int64_t now = clock_wall_ns();
    log->mtime_ns = now > log->mtime_ns ? now : log->mtime_ns + 1;
    fs_leave_events(m, e->name, log->mtime_ns, buf_str(&log->text));
    if (i)
        i->mtime_ns = log->mtime_ns;
    if (i)
        fs_poll_wake(m, i->number);
}

void fs_event_inherit(struct fs_mount *m, struct str text)
{
    struct cursor c = cursor_make(text);
    struct str name = cursor_bytes(&c, cursor_u16(&c));
    int64_t mtime_ns = (int64_t)cursor_u64(&c);
    struct str before = cursor_bytes(&c, cursor_left(&c));
    struct buf all;
    if (c.bad)
        return;
    struct fs_event_log *log = get_log(m, name);
    buf_init(&all, 0);
    buf_put_str(&all, before);
    buf_put_str(&all, buf_str(&log->text)); /* what came in this life already */
    buf_fini(&log->text);
    log->text = all;
    log->mtime_ns = log->mtime_ns > mtime_ns ? log->mtime_ns : mtime_ns;
}

void fs_event_list(const struct fs_mount *m, const struct view *v, struct fs_list *list)
{
    struct buf name;
    buf_init(&name, 0);
    LIST_FOREACH (&m->event_logs, l) {
        const struct fs_event_log *log = LIST_ITEM(l, struct fs_event_log, link);
        if (policy_allows(v, ACL_EVENT, log->name, ACL_READ) && fs_path_label(log->name, &name))
            fs_list_add(list, buf_str(&name), FS_LIST_VALUE);
    }
    buf_fini(&name);
}

/* ---- reading ---- */

size_t fs_event_size(const struct fs_mount *m, const struct fs_inode *i)
{
    const struct fs_event_log *log = find_log(m, fs_inode_node(i).a);
    return log ? log->text.n : 0;
}

void fs_event_read(struct fs_mount *m, struct fs_handle *h, fuse_req_t req, size_t size,
                   uint64_t offset)
{
    const struct fs_event_log *log = find_log(m, fs_inode_node(h->inode).a);
    struct str all = log ? buf_str(&log->text) : STR_LIT("");
    struct str part = str_take(str_drop(all, (size_t)offset), size);
    h->read_end = offset + part.n;
    fuse_reply_buf(req, part.p, part.n);
}

bool fs_event_is_ready(const struct fs_mount *m, const struct fs_handle *h)
{
    return fs_event_size(m, h->inode) != h->read_end;
}

/* ---- firing ---- */

struct fs_event_wish {
    struct ask ask;
    struct fs_wait *wait;
    struct buf name, payload;
    struct str token; /* borrowed */
    int status;
    struct error err;
};

/* On the core's thread. */
static void run(struct ask *ask, struct agent *agent)
{
    struct fs_event_wish *f = LIST_ITEM(ask, struct fs_event_wish, ask);
    struct event e = {.name = buf_str(&f->name), .payload = buf_str(&f->payload)};
    char id[37];
    struct view v = agent_view_begin(agent, f->token);
    bool may = v.acl_status == 0 && policy_allows(&v, ACL_EVENT, e.name, ACL_WRITE);
    agent_view_end(&v);
    rng_uuid(id);
    e.id = str_z(id);
    f->status = may ? agent_fire_event(agent, &e, &f->err) : ERR_DENIED;
}

/* Back on the worker's. */
static void done(struct ask *ask)
{
    struct fs_event_wish *f = LIST_ITEM(ask, struct fs_event_wish, ask);
    /* Without filters nothing but its size can be wrong. */
    int error = f->status == ERR_INVALID ? EFBIG : fs_errno_of(f->status);
    if (error)
        log_warn("mount", "events/%.*s: not fired: %s", STR_ARG(buf_str(&f->name)),
                 error == EFBIG ? "the payload is too large" : error_text(f->status));
    fs_write_reply(f->wait, error);
    fs_write_wait_free(f->wait);
    buf_fini(&f->name);
    buf_fini(&f->payload);
    mem_free(f);
}

static void never(struct fs_wait *w, int error)
{
    ASSERT(!"an event is not a command");
}

void fs_event_fire(struct fs_mount *m, struct fs_handle *h, fuse_req_t req)
{
    struct fs_event_wish *f = mem_new(struct fs_event_wish);
    f->wait = fs_write_wait_new(m, req, never);
    fs_write_bound(f->wait, WAIT_MS);
    f->token = h->token;
    f->payload = h->data;
    buf_init(&h->data, 0); /* what is written from now on is the next one */
    h->is_dirty = h->is_touched = false;
    buf_init(&f->name, 0);
    buf_put_str(&f->name, fs_inode_node(h->inode).a);
    f->ask.run = run;
    f->ask.done = done;
    ask_core(m->env, &f->ask);
}

void fs_event_free_all(struct fs_mount *m)
{
    LIST_FOREACH (&m->event_logs, l)
        free_log(m, LIST_ITEM(l, struct fs_event_log, link));
}
