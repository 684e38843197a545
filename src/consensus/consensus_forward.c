/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "consensus/consensus_forward.h"

#include "base/mem.h"
#include "consensus/consensus_core.h"

/* A leader that was asked and still leads has so long to answer. */
#define SENT_WAIT DURATION_S(10)
/* After "not me": a new leader is not known everywhere at once. */
#define PAUSE DURATION_MS(20)
/* Commands on their way to the leader, in bytes. */
#define SENT_BYTES_MAX ((size_t)96 << 20)

/* A command that was applied by the leader: its result, until it is applied here. */
struct arrival {
    struct consensus_submit *submit;
    struct result result;
    struct list list;
};

static struct consensus_submit *submit_of(struct list *l)
{
    return LIST_ITEM(l, struct consensus_submit, link);
}

static struct consensus_read *read_of(struct list *l)
{
    return LIST_ITEM(l, struct consensus_read, link);
}

static void set_deadline(struct consensus *c, struct instant *deadline)
{
    if (deadline->ns == 0)
        *deadline = instant_add(engine_now(c->engine), CONSENSUS_WAIT);
}

void consensus_forward_submit(struct consensus *c, struct consensus_submit *s)
{
    set_deadline(c, &s->deadline);
    list_push(&c->submits_waiting, &s->link);
}

void consensus_forward_read(struct consensus *c, struct consensus_read *r)
{
    set_deadline(c, &r->deadline);
    list_push(&c->reads_waiting, &r->link);
}

/* ---- ends ---- */

static void end_submit(struct consensus *c, struct consensus_submit *s, int status)
{
    list_remove(&s->link);
    s->status = status;
    list_push(&c->finished, &s->link);
}

static void end_read(struct consensus *c, struct consensus_read *r, int status)
{
    list_remove(&r->link);
    r->status = status;
    list_push(&c->reads_confirmed, &r->link);
}

static void read_waits_again(struct consensus *c, struct consensus_read *r)
{
    list_remove(&r->link);
    list_push(&c->reads_waiting, &r->link);
}

static bool is_late(struct instant deadline, struct instant now)
{
    return !instant_before(now, deadline);
}

/* ---- sending ---- */

static int send_submit(struct consensus *c, struct consensus_conn *conn, struct consensus_submit *s)
{
    if (c->sent_bytes + s->command.n > SENT_BYTES_MAX)
        return ERR_BUSY;
    s->id = ++c->serial;
    struct buf *out = net_begin(conn->net);
    buf_put_u8(out, CONSENSUS_WIRE_SUBMIT);
    buf_put_u64(out, s->id);
    buf_put_str(out, s->command);
    int rc = net_end(conn->net);
    if (rc < 0)
        return rc;
    c->sent_bytes += s->command.n;
    s->leader = conn->serial;
    s->deadline = instant_add(engine_now(c->engine), SENT_WAIT);
    list_remove(&s->link);
    list_push(&c->submits_sent, &s->link);
    return 0;
}

static void send_reads(struct consensus *c, struct consensus_conn *conn)
{
    struct list *l;

    if (list_is_empty(&c->reads_waiting))
        return;
    uint64_t id = ++c->serial;
    struct buf *out = net_begin(conn->net);
    buf_put_u8(out, CONSENSUS_WIRE_READ);
    buf_put_u64(out, id);
    if (net_end(conn->net) < 0)
        return;
    while ((l = list_pop(&c->reads_waiting)) != NULL) {
        read_of(l)->id = id;
        read_of(l)->leader = conn->serial;
        list_push(&c->reads_sent, l);
    }
}

static void send_all(struct consensus *c, struct consensus_conn *conn)
{
    LIST_FOREACH (&c->submits_waiting, l) {
        int rc = send_submit(c, conn, submit_of(l));
        if (rc < 0)
            end_submit(c, submit_of(l), rc);
    }
    send_reads(c, conn);
}

/* ---- this server leads now ---- */

static void serve_here(struct consensus *c)
{
    struct list *l;

    while ((l = list_pop(&c->submits_waiting)) != NULL)
        list_push(&c->incoming, l);
    while ((l = list_pop(&c->reads_waiting)) != NULL) {
        read_of(l)->deadline = (struct instant){0}; /* what it waits for now is here */
        list_push(&c->reads_new, l);
    }
    if (!list_is_empty(&c->incoming) || !list_is_empty(&c->reads_new))
        consensus_set_dirty(c);
}

/* ---- deadlines ---- */

static void give_up_waiting(struct consensus *c, struct instant now)
{
    LIST_FOREACH (&c->submits_waiting, l) {
        if (!is_late(submit_of(l)->deadline, now))
            break;
        end_submit(c, submit_of(l), ERR_NO_LEADER);
    }
    LIST_FOREACH (&c->reads_waiting, l) {
        if (!is_late(read_of(l)->deadline, now))
            break;
        end_read(c, read_of(l), ERR_NO_LEADER);
    }
}

static void submit_left(struct consensus *c, struct consensus_submit *s)
{
    ASSERT(c->sent_bytes >= s->command.n);
    c->sent_bytes -= s->command.n;
}

static void give_up_sent(struct consensus *c, struct instant now)
{
    LIST_FOREACH (&c->submits_sent, l)
        if (is_late(submit_of(l)->deadline, now)) {
            submit_left(c, submit_of(l));
            end_submit(c, submit_of(l), ERR_UNCERTAIN);
        }
    LIST_FOREACH (&c->reads_sent, l)
        if (is_late(read_of(l)->deadline, now))
            end_read(c, read_of(l), ERR_NO_LEADER);
}

/* A server that was cut off, or removed, may never apply what the leader told it of. The writes
 * among these are answered by consensus_forward_finish: they are committed. */
static void give_up_applying(struct consensus *c, struct instant now)
{
    LIST_FOREACH (&c->reads_confirmed, l) {
        struct consensus_read *r = read_of(l);
        if (r->status == 0 && r->deadline.ns != 0 && (c->leaving || is_late(r->deadline, now)))
            r->status = ERR_NO_LEADER;
    }
}

#define LOOK DURATION_MS(100)

static void on_look(struct timer *t, struct instant now)
{
    struct consensus *c = LIST_ITEM(t, struct consensus, look);

    give_up_waiting(c, now);
    give_up_sent(c, now);
    give_up_applying(c, now);
    consensus_set_dirty(c);
    if (c->closing)
        return;
    if (!consensus_forward_is_empty(c))
        timers_set(c->timers, &c->look, instant_add(now, LOOK));
}

void consensus_forward_step(struct consensus *c, struct instant now)
{
    struct raft_facts f;

    if (consensus_forward_is_empty(c))
        return;
    if (!timers_is_set(&c->look))
        timers_set(c->timers, &c->look, instant_add(now, LOOK));
    raft_get_facts(c->raft, &f);
    if (f.role == RAFT_LEADER) {
        serve_here(c);
        return;
    }
    if (f.leader == 0 || instant_before(now, c->pause_until))
        return;
    struct consensus_conn *conn = consensus_link_find(c, f.leader);
    if (conn)
        send_all(c, conn);
}

/* What was sent to a leader of the past may yet be answered, but not for long. */
void consensus_forward_leader(struct consensus *c, struct instant now)
{
    struct instant soon = instant_add(now, CONSENSUS_WAIT);

    c->pause_until = now;
    LIST_FOREACH (&c->submits_sent, l)
        if (instant_before(soon, submit_of(l)->deadline))
            submit_of(l)->deadline = soon;
    LIST_FOREACH (&c->reads_sent, l)
        read_waits_again(c, read_of(l));
}

void consensus_forward_gone(struct consensus *c, uint64_t serial)
{
    LIST_FOREACH (&c->submits_sent, l)
        if (submit_of(l)->leader == serial) {
            submit_left(c, submit_of(l));
            end_submit(c, submit_of(l), ERR_UNCERTAIN);
        }
    LIST_FOREACH (&c->reads_sent, l)
        if (read_of(l)->leader == serial)
            read_waits_again(c, read_of(l));
}

/* ---- answers ---- */

static bool is_refusal(int status)
{
    return status == ERR_NOT_LEADER || status == ERR_NO_LEADER;
}

static void on_result(struct consensus *c, const struct consensus_wire_reply *r)
{
    LIST_FOREACH (&c->submits_sent, l) {
        struct consensus_submit *s = submit_of(l);
        if (s->id != r->id)
            continue;
        submit_left(c, s);
        if (is_refusal(r->status)) {
            list_remove(l);
            s->deadline = instant_add(engine_now(c->engine), CONSENSUS_WAIT);
            list_push(&c->submits_waiting, l);
            c->pause_until = instant_add(engine_now(c->engine), PAUSE);
        } else if (r->status < 0) {
            end_submit(c, s, r->status);
        } else {
            struct arrival *a = mem_new(struct arrival);
            a->submit = s;
            result_init(&a->result);
            a->result.status = r->result;
            (void)str_copy_z(r->text, a->result.text, sizeof a->result.text);
            buf_put_str(&a->result.body, r->bytes);
            s->index = r->index;
            s->deadline = instant_add(engine_now(c->engine), CONSENSUS_WAIT);
            list_remove(l);
            list_push(&c->arrivals, &a->list);
        }
        return;
    }
}

static void on_index(struct consensus *c, const struct consensus_wire_reply *r)
{
    if (is_refusal(r->status))
        c->pause_until = instant_add(engine_now(c->engine), PAUSE);
    LIST_FOREACH (&c->reads_sent, l) {
        struct consensus_read *read = read_of(l);
        if (read->id != r->id)
            continue;
        read->index = r->index;
        if (is_refusal(r->status)) {
            read_waits_again(c, read);
            continue;
        }
        read->deadline = instant_add(engine_now(c->engine), CONSENSUS_WAIT);
        end_read(c, read, r->status);
    }
}

int consensus_forward_answer(struct consensus *c, enum consensus_wire_kind kind, struct str bytes)
{
    struct consensus_wire_reply r;
    int rc = consensus_wire_get_reply(bytes, kind, &r);

    if (rc < 0)
        return rc;
    if (kind == CONSENSUS_WIRE_RESULT)
        on_result(c, &r);
    else
        on_index(c, &r);
    return 0;
}

void consensus_forward_finish(struct consensus *c, uint64_t applied)
{
    struct instant now = engine_now(c->engine);

    LIST_FOREACH (&c->arrivals, l) {
        struct arrival *a = LIST_ITEM(l, struct arrival, list);
        struct consensus_submit *s = a->submit;
        if (s->index > applied && !c->closing && !c->leaving && !is_late(s->deadline, now))
            continue;
        list_remove(l);
        s->status = 0;
        s->result = &a->result;
        s->done(s);
        result_fini(&a->result);
        mem_free(a);
    }
}

/* ---- life ---- */

void consensus_forward_open(struct consensus *c)
{
    list_init(&c->submits_waiting);
    list_init(&c->submits_sent);
    list_init(&c->reads_waiting);
    list_init(&c->reads_sent);
    list_init(&c->arrivals);
    c->look.fire = on_look;
}

bool consensus_forward_is_empty(const struct consensus *c)
{
    return list_is_empty(&c->submits_waiting) && list_is_empty(&c->submits_sent) &&
           list_is_empty(&c->reads_waiting) && list_is_empty(&c->reads_sent) &&
           list_is_empty(&c->arrivals) && list_is_empty(&c->reads_confirmed);
}

void consensus_forward_close(struct consensus *c)
{
    LIST_FOREACH (&c->submits_waiting, l)
        end_submit(c, submit_of(l), ERR_CLOSED);
    LIST_FOREACH (&c->submits_sent, l) {
        submit_left(c, submit_of(l));
        end_submit(c, submit_of(l), ERR_UNCERTAIN);
    }
    LIST_FOREACH (&c->reads_waiting, l)
        end_read(c, read_of(l), ERR_CLOSED);
    LIST_FOREACH (&c->reads_sent, l)
        end_read(c, read_of(l), ERR_CLOSED);
    timers_cancel(c->timers, &c->look);
}
