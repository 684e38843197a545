/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_agent.h"

#include <errno.h>

#include "agent/agent.h"
#include "agent/local.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_errno.h"
#include "fs/fs_own.h"

#define WAIT_MS 10000

/* A wish of the core; lives until it is granted or refused, also when nobody waits any more. */
struct fs_agent_wish {
    struct ask ask;
    struct local_wish wish;
    struct fs_wait *wait;
    struct fs_inode *inode; /* held open; NULL: of a removal */
    struct jvalue *root;    /* NULL: the service goes */
    const struct jvalue *definition;
    struct buf id, token;
};

static void run(struct ask *ask, struct agent *agent);
static void done(struct ask *ask);
static void never(struct fs_wait *w, int error);

static struct fs_agent_wish *wish_new(struct fs_mount *m, fuse_req_t req, struct str id)
{
    struct fs_agent_wish *a = mem_new(struct fs_agent_wish);
    a->wait = fs_write_wait_new(m, req, never);
    fs_write_bound(a->wait, WAIT_MS);
    buf_init(&a->id, 0);
    buf_put_str(&a->id, id);
    buf_init(&a->token, 0);
    buf_put_str(&a->token, a->wait->token);
    a->ask.run = run;
    a->ask.done = done;
    return a;
}

static void note_error(struct fs_mount *m, struct str id, const char *why)
{
    log_warn("mount", "agent/services/%.*s.json: %s", STR_ARG(id), why);
    buf_clear(&m->agent_error);
    buf_putf(&m->agent_error, "%.*s.json: %s", STR_ARG(id), why);
}

/* consul: a service without an id has its name's. */
static struct str id_of(const struct jvalue *definition)
{
    static const char *const names[] = {"ID", "Id", "id", "Name", "name"};
    struct str id = STR_NONE;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && id.n == 0; i++)
        if (jread_str(jread_get(definition, names[i]), &id) < 0)
            id = STR_NONE;
    return id;
}

void fs_agent_commit(struct fs_mount *m, struct fs_handle *h, fuse_req_t req)
{
    struct fs_inode *i = h->inode;
    struct str id = fs_inode_node(i).a;
    struct fs_agent_wish *a = wish_new(m, req, id);
    struct error err = {0};
    h->is_dirty = h->is_touched = false;
    buf_clear(&a->token);
    buf_put_str(&a->token, h->token);
    a->inode = i;
    i->open_n++;
    int r = jread_parse(buf_str(&h->data), &a->root, &err);
    a->definition = a->root;
    if (r == 0 && jread_type(jread_get(a->root, "service")) == JREAD_OBJECT)
        a->definition = jread_get(a->root, "service"); /* as in a configuration file */
    if (r == 0 && !str_eq(id_of(a->definition), id))
        r = error_set(&err, ERR_INVALID, "the service's ID is \"%.*s\": its file is ID.json",
                      STR_ARG(id_of(a->definition)));
    if (r == 0) {
        ask_core(m->env, &a->ask);
        return;
    }
    local_wish_init(&a->wish, NULL);
    a->wish.status = ERR_INVALID;
    buf_put_z(&a->wish.text, err.text);
    done(&a->ask);
}

void fs_agent_unlink(struct fs_mount *m, fuse_req_t req, struct fs_inode *dir, struct str name)
{
    struct buf id;
    buf_init(&id, 0);
    int r = fs_own_id(name, &id);
    if (r < 0)
        fuse_reply_err(req, -r);
    else
        ask_core(m->env, &wish_new(m, req, buf_str(&id))->ask);
    buf_fini(&id);
}

static void on_granted(struct local_wish *w)
{
    ask_answer(&LIST_ITEM(w, struct fs_agent_wish, wish)->ask);
}

/* On the core's thread. */
static void run(struct ask *ask, struct agent *agent)
{
    struct fs_agent_wish *a = LIST_ITEM(ask, struct fs_agent_wish, ask);
    ask->later = true;
    local_wish_init(&a->wish, on_granted);
    if (a->root)
        local_register_value(agent_local(agent), a->definition, buf_str(&a->token),
                             LOCAL_REPLACE_CHECKS, &a->wish);
    else
        local_deregister(agent_local(agent), buf_str(&a->id), buf_str(&a->token), &a->wish);
}

/* Back on the worker's. */
static void done(struct ask *ask)
{
    struct fs_agent_wish *a = LIST_ITEM(ask, struct fs_agent_wish, ask);
    struct fs_mount *m = a->wait->mount;
    struct fs_inode *i = a->inode;
    int error = a->wish.status == ERR_INVALID ? EINVAL : fs_errno_of(a->wish.status);
    if (a->wish.status) {
        buf_put_c(&a->wish.text, '\0');
        note_error(m, buf_str(&a->id),
                   a->wish.text.n > 1 ? a->wish.text.p : error_text(a->wish.status));
    } else {
        buf_clear(&m->agent_error);
    }
    if (i && !error)
        i->is_pending = false;
    fs_write_reply(a->wait, error);
    fs_write_wait_free(a->wait);
    local_wish_fini(&a->wish);
    jread_free(a->root);
    buf_fini(&a->id);
    buf_fini(&a->token);
    mem_free(a);
    if (!i)
        return;
    i->open_n--;
    fs_inode_settle(&m->inodes, i);
}

static void never(struct fs_wait *w, int error)
{
    ASSERT(!"a wish is not a command on a key");
}
