/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/barrier.h"

#include "agent/replica.h"
#include "base/mem.h"
#include "base/pack.h"

static void on_read(struct consensus_read *r)
{
    struct barrier *b = LIST_ITEM(r, struct barrier, read);
    b->status = r->status;
    b->done(b);
}

static void on_copied(struct replica_wait *w)
{
    struct barrier *b = LIST_ITEM(w, struct barrier, wait);
    b->done(b);
}

static void on_shipped(struct ship *s)
{
    struct barrier *b = LIST_ITEM(s, struct barrier, ship);
    uint64_t index = 0;
    b->status = s->status;
    if (b->status == 0) {
        struct unpack u = unpack_make(buf_str(&s->answer));
        index = unpack_uint(&u);
        b->status = u.bad ? ERR_CORRUPT : 0;
    }
    ship_fini(s);
    if (b->status) {
        b->done(b);
        return;
    }
    b->wait.go = on_copied;
    replica_hold(agent_replica(b->agent), &b->wait, index);
}

void barrier_start(struct agent *a, struct barrier *b)
{
    struct consensus *c = agent_consensus(a);
    b->agent = a;
    b->status = 0;
    if (c) {
        b->read = (struct consensus_read){.done = on_read};
        consensus_read(c, &b->read);
        return;
    }
    b->ship = (struct ship){
        .kind = SHIP_BARRIER, .target = SHIP_TO_ANY, .may_repeat = true, .done = on_shipped};
    buf_init(&b->ship.body, 0);
    ship_submit_core(a, &b->ship);
}

/* ---- the other end ---- */

struct served {
    struct consensus_read read;
    struct rpc_request *request;
};

static void on_served(struct consensus_read *r)
{
    struct served *s = LIST_ITEM(r, struct served, read);
    struct buf bytes;
    buf_init(&bytes, 0);
    pack_uint(&bytes, r->index);
    rpc_server_answer(s->request, r->status == ERR_NOT_LEADER ? ERR_NO_LEADER : r->status,
                      buf_str(&bytes));
    buf_fini(&bytes);
    mem_free(s);
}

void barrier_serve(struct agent *a, struct rpc_request *r)
{
    struct served *s = mem_new(struct served);
    s->request = r;
    s->read.done = on_served;
    consensus_read(agent_consensus(a), &s->read);
}
