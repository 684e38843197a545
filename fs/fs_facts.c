/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_facts.h"

#include <errno.h>

#include "agent/agent.h"
#include "agent/fact.h"
#include "agent/local.h"
#include "agent/ship.h"
#include "base/mem.h"
#include "fs/fs_catalog.h"
#include "fs/fs_errno.h"
#include "fs/fs_ops.h"
#include "fs/fs_rights.h"
#include "fs/fs_write.h"
#include "state/policy.h"

#define FS_FACTS_WAIT_MS 5000

/* A question to the core; lives until it is answered, also when nobody waits any more. */
struct fs_fact {
    struct ask ask;
    struct fs_wait *wait;
    struct fs_inode *inode;
    struct fuse_file_info fi;
    bool is_open;
    struct buf name;
    bool is_service, is_gone;
    struct buf text;
    struct str token;        /* borrowed */
    const struct view *view; /* while members are told */
    struct ship ship;        /* of an agent without a log */
    int status;
};

static void run(struct ask *ask, struct agent *agent);
static void done(struct ask *ask);
static void never(struct fs_wait *w, int error);

void fs_facts_answer(struct fs_mount *m, fuse_req_t req, struct fs_inode *i,
                     const struct fuse_file_info *fi)
{
    struct fs_fact *f = mem_new(struct fs_fact);
    buf_init(&f->text, 0);
    f->inode = i;
    i->open_n++;
    if (fi) {
        f->fi = *fi;
        f->is_open = true;
    }
    buf_init(&f->name, 0);
    buf_put_str(&f->name, fs_inode_node(i).a);
    f->is_service = i->kind == FS_AGENT_SERVICE;
    f->wait = fs_write_wait_new(m, req, never);
    fs_write_bound(f->wait, FS_FACTS_WAIT_MS);
    f->token = f->wait->token;
    f->ask.run = run;
    f->ask.done = done;
    ask_core(m->env, &f->ask);
}

static void on_member(void *data, const struct agent_member *member)
{
    static const char *const states[] = {"none", "alive", "leaving", "left", "failed"};
    struct fs_fact *f = data;
    struct buf *out = &f->text;
    if (!policy_allows(f->view, ACL_NODE, str_z(member->name), ACL_READ))
        return;
    bool is_known = member->status > 0 && member->status <= 4;
    fs_catalog_put_field(out, str_z(member->name));
    buf_put_c(out, '\t');
    fs_catalog_put_field(out, str_z(member->address));
    buf_putf(out, "\t%u\t%s\n", (unsigned)member->port, states[is_known ? member->status : 0]);
}

static void on_told(struct ship *s)
{
    struct fs_fact *f = LIST_ITEM(s, struct fs_fact, ship);
    f->status = s->status;
    buf_put_str(&f->text, buf_str(&s->answer));
    ship_fini(s);
    ask_answer(&f->ask);
}

/* An agent without a log has a server say it. */
static void ask_server(struct fs_fact *f, struct agent *agent)
{
    f->ask.later = true;
    f->ship = (struct ship){
        .kind = SHIP_FACT, .target = SHIP_TO_ANY, .may_repeat = true, .done = on_told};
    buf_init(&f->ship.body, 0);
    buf_put_str(&f->ship.body, buf_str(&f->name));
    ship_submit_core(agent, &f->ship);
}

/* On the core's thread. */
static void run(struct ask *ask, struct agent *agent)
{
    struct fs_fact *f = LIST_ITEM(ask, struct fs_fact, ask);
    struct consensus *c = agent_consensus(agent);
    const struct published *p = agent_published(agent);
    struct str name = buf_str(&f->name);
    struct buf *out = &f->text;
    if (f->is_service) {
        struct jwrite w;
        jwrite_init(&w, out, true);
        f->is_gone = !local_definition(agent_local(agent), name, &w);
        if (!f->is_gone)
            jwrite_end(&w);
        return;
    }
    if (str_eq_z(name, "members")) {
        struct view v = agent_view_begin(agent, f->token);
        f->view = &v;
        agent_each_member(agent, on_member, f);
        f->view = NULL;
        agent_view_end(&v);
    } else if (str_eq_z(name, "status/quorum")) {
        buf_put_z(out, published_get(p, PUBLISHED_KNOWS_LEADER) ? "yes\n" : "no\n");
    } else if (str_eq_z(name, "status/last_contact")) {
        buf_putf(out, "%llu\n", (unsigned long long)published_get(p, PUBLISHED_LAST_CONTACT_MS));
    } else if (str_eq_z(name, "status/metrics")) {
        struct jwrite w;
        jwrite_init(&w, out, true);
        agent_render_metrics(agent, &w);
        jwrite_end(&w);
    } else if (!c && (str_eq_z(name, "index") || str_eq_z(name, "status/applied_index"))) {
        buf_putf(out, "%llu\n",
                 (unsigned long long)published_get(p, PUBLISHED_APPLIED_INDEX)); /* the copy's */
    } else if (c) {
        (void)fact_of_log(c, name, out);
    } else {
        ask_server(f, agent);
    }
}

/* Back on the worker's. */
static void done(struct ask *ask)
{
    struct fs_fact *f = LIST_ITEM(ask, struct fs_fact, ask);
    struct fs_mount *m = f->wait->mount;
    struct fs_inode *i = f->inode;
    fuse_req_t req = fs_write_take_req(f->wait);
    i->size = f->text.n;
    fs_rights_as(m, f->wait->token);
    if (req && (f->is_gone || f->status)) {
        fuse_reply_err(req, f->is_gone ? ENOENT : fs_errno_of(f->status));
    } else if (req && f->is_open) {
        struct fs_handle *h = fs_write_handle_new(m, i);
        h->data = f->text;
        buf_init(&f->text, 0);
        f->fi.fh = h->number;
        f->fi.direct_io = 1;
        f->fi.noflush = 1;
        if (fuse_reply_open(req, &f->fi) == -ENOENT)
            fs_write_release(m, h);
    } else if (req) {
        fs_ops_reply_attr(m, req, i);
    }
    fs_rights_end(m);
    fs_write_wait_free(f->wait);
    i->open_n--;
    fs_inode_settle(&m->inodes, i);
    buf_fini(&f->text);
    buf_fini(&f->name);
    mem_free(f);
}

static void never(struct fs_wait *w, int error)
{
    ASSERT(!"a question is not a command");
}
