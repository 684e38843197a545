/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A call begins with a hello that names the cluster, who calls and who is meant. The one called
 * compares: another cluster, another server under this address (addresses are used again), a
 * version it does not speak are refused with a line that says so, on both sides. Whoever does not
 * know its cluster yet (an empty server) learns it from the first who does.
 *
 * Messages may be lost here: queues are bounded, connections break. Raft repairs that.
 */
#include "consensus/consensus_link.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "consensus/consensus_core.h"

#define QUEUE_MAX ((size_t)64 << 20)
/* Above this appends with entries are dropped, so that heartbeats do not wait behind them. */
#define QUEUE_POLITE ((size_t)24 << 20)
#define BACKOFF_MIN  DURATION_MS(50)
#define BACKOFF_MAX  DURATION_MS(2000)
/* Sent to and not heard for so long: the connection is dead although nobody says so. */
#define SILENCE      DURATION_MS(4000)
#define NAMELESS_MAX 64

static void dial(struct consensus_link *l);
static const struct net_handler handler;

struct consensus_conn *consensus_link_find(struct consensus *c, uint64_t peer)
{
    struct consensus_conn *theirs = NULL;

    LIST_FOREACH (&c->conns, x) {
        struct consensus_conn *conn = LIST_ITEM(x, struct consensus_conn, list);
        if (!conn->ready || conn->peer != peer)
            continue;
        if (conn->link)
            return conn;
        theirs = conn;
    }
    return theirs;
}

static struct consensus_link *link_find(const struct consensus *c, uint64_t id)
{
    LIST_FOREACH (&c->links, x) {
        struct consensus_link *l = LIST_ITEM(x, struct consensus_link, list);
        if (l->id == id)
            return l;
    }
    return NULL;
}

const struct consensus_link *consensus_link_of(const struct consensus *c, uint64_t id)
{
    return link_find(c, id);
}

/* ---- hello ---- */

static bool is_known(const uint8_t cluster[16])
{
    static const uint8_t none[16];
    return memcmp(cluster, none, 16) != 0;
}

static void say(struct consensus_conn *conn, enum consensus_wire_kind kind, const char *to)
{
    struct consensus *c = conn->c;
    struct consensus_wire_hello h = {.version = CONSENSUS_WIRE_VERSION};

    memcpy(h.cluster, c->cluster, sizeof h.cluster);
    (void)str_copy_z(str_z(c->conf.server_id), h.from, sizeof h.from);
    (void)str_copy_z(str_z(to), h.to, sizeof h.to);
    (void)str_copy_z(str_z(c->conf.server_address), h.address, sizeof h.address);
    struct buf *out = net_begin(conn->net);
    buf_put_u8(out, (uint8_t)kind);
    consensus_wire_put_hello(out, &h);
    if (net_end(conn->net) < 0)
        net_close(conn->net, false);
}

static void refuse(struct consensus_conn *conn, const char *text)
{
    struct buf *out = net_begin(conn->net);

    log_warn(CONSENSUS_SUBSYSTEM, "connection refused: from=%s error=\"%s\"", net_peer(conn->net),
             text);
    buf_put_u8(out, CONSENSUS_WIRE_REFUSED);
    buf_put_z(out, text);
    net_close(conn->net, net_end(conn->net) == 0);
}

/* False: refused. */
static bool greet(struct consensus_conn *conn, const struct consensus_wire_hello *h)
{
    struct consensus *c = conn->c;
    char text[300];

    if (h->version != CONSENSUS_WIRE_VERSION) {
        snprintf(text, sizeof text, "server %s speaks version %u of this protocol, %s version %d",
                 h->from, h->version, c->conf.server_id, CONSENSUS_WIRE_VERSION);
    } else if (strcmp(h->to, c->conf.server_id) != 0) {
        snprintf(text, sizeof text, "this is server %s, not %s", c->conf.server_id, h->to);
    } else if (strcmp(h->from, c->conf.server_id) == 0) {
        snprintf(text, sizeof text, "server %s is called by itself", h->from);
    } else if (is_known(h->cluster) && is_known(c->cluster) &&
               memcmp(h->cluster, c->cluster, 16) != 0) {
        snprintf(text, sizeof text, "server %s at %s is of another cluster than %s", h->from,
                 h->address, c->conf.server_id);
    } else {
        if (is_known(h->cluster) && !is_known(c->cluster))
            consensus_link_set_cluster(c, h->cluster);
        return true;
    }
    refuse(conn, text);
    return false;
}

static void heard(struct consensus_conn *conn)
{
    struct consensus_link *l = conn->link ? conn->link : link_find(conn->c, conn->peer);

    if (!l)
        return;
    l->heard_ever = true;
    l->asked = false;
    l->heard = engine_now(conn->c->engine);
}

static void on_hello(struct consensus_conn *conn, const struct consensus_wire_hello *h)
{
    struct consensus *c = conn->c;

    if (!greet(conn, h))
        return;
    conn->peer = raft_server_id(str_z(h->from));
    (void)str_copy_z(str_z(h->from), conn->name, sizeof conn->name);
    say(conn, CONSENSUS_WIRE_WELCOME, h->from);
    conn->ready = true;
    /* It is up: no need to wait with our own call. */
    struct consensus_link *l = link_find(c, conn->peer);
    if (l && !l->out) {
        l->backoff = BACKOFF_MIN;
        dial(l);
    }
    heard(conn);
}

static void on_welcome(struct consensus_conn *conn, const struct consensus_wire_hello *h)
{
    if (!conn->link || raft_server_id(str_z(h->from)) != conn->link->id || !greet(conn, h)) {
        net_close(conn->net, false);
        return;
    }
    conn->peer = conn->link->id;
    (void)str_copy_z(str_z(h->from), conn->name, sizeof conn->name);
    conn->ready = true;
    if (conn->link->told)
        log_info(CONSENSUS_SUBSYSTEM, "connected to peer: id=%s address=%s", conn->link->name,
                 conn->link->address);
    conn->link->told = false;
    conn->link->backoff = BACKOFF_MIN;
    heard(conn);
}

/* ---- frames ---- */

static void on_raft(struct consensus_conn *conn, struct str bytes)
{
    struct consensus *c = conn->c;
    struct raft_message *m;

    if (raft_message_decode(bytes, &m) < 0) {
        log_warn(CONSENSUS_SUBSYSTEM, "a message that is none: from=%s", conn->name);
        net_close(conn->net, false);
        return;
    }
    if (m->from != conn->peer || m->to != c->id)
        raft_message_free(m);
    else
        raft_receive(c->raft, engine_now(c->engine), m);
}

static void on_frame(void *data, struct net_conn *net, struct str payload)
{
    struct consensus_conn *conn = data;
    enum consensus_wire_kind kind = (enum consensus_wire_kind)(uint8_t)payload.p[0];
    struct str rest = str_drop(payload, 1);
    struct consensus_wire_hello hello;

    if (conn->c->closing)
        return;
    consensus_set_dirty(conn->c);
    if (conn->ready) {
        heard(conn);
        if (kind == CONSENSUS_WIRE_RAFT)
            on_raft(conn, rest);
        else if (consensus_serve_frame(conn, kind, rest) < 0)
            net_close(net, false);
    } else if (kind == CONSENSUS_WIRE_REFUSED && conn->link) {
        if (!conn->link->told)
            log_warn(CONSENSUS_SUBSYSTEM, "connection refused: by=%s error=\"%.*s\"", net_peer(net),
                     (int)(rest.n < 300 ? rest.n : 300), rest.p);
        conn->link->told = true;
        conn->link->backoff = BACKOFF_MAX;
        net_close(net, false);
    } else if (consensus_wire_get_hello(rest, &hello) < 0) {
        net_close(net, false);
    } else if (kind == CONSENSUS_WIRE_HELLO && !conn->link) {
        on_hello(conn, &hello);
    } else if (kind == CONSENSUS_WIRE_WELCOME) {
        on_welcome(conn, &hello);
    } else {
        net_close(net, false);
    }
}

/* ---- life of a connection ---- */

static struct consensus_conn *conn_new(struct consensus *c)
{
    struct consensus_conn *conn = mem_new(struct consensus_conn);

    conn->c = c;
    conn->serial = ++c->serial;
    conn->since = engine_now(c->engine);
    list_init(&conn->remotes);
    list_push(&c->conns, &conn->list);
    return conn;
}

static void on_opened(void *data, struct net_conn *net)
{
    struct consensus_conn *conn = data;

    if (conn->link)
        say(conn, CONSENSUS_WIRE_HELLO, conn->link->name);
    else
        net_close(net, false);
}

static void on_closed(void *data, struct net_conn *net, int status)
{
    struct consensus_conn *conn = data;
    struct consensus *c = conn->c;
    struct consensus_link *l = conn->link;

    (void)net;
    list_remove(&conn->list);
    consensus_serve_gone(conn);
    consensus_forward_gone(c, conn->serial);
    if (l) {
        if (!l->told && !c->closing)
            log_warn(CONSENSUS_SUBSYSTEM, "failed to contact: server-id=%s address=%s error=\"%s\"",
                     l->name, l->address, error_text(status ? status : ERR_CLOSED));
        l->told = true;
        l->out = NULL;
        l->asked = false;
        timers_set(c->timers, &l->retry, instant_add(engine_now(c->engine), l->backoff));
        l->backoff.ns *= 2;
        if (l->backoff.ns > BACKOFF_MAX.ns)
            l->backoff = BACKOFF_MAX;
    }
    mem_free(conn);
    consensus_set_dirty(c);
    if (c->closing)
        engine_again(c->engine);
}

static const struct net_handler handler = {
    .opened = on_opened, .frame = on_frame, .closed = on_closed};

/* Those who call and do not say who they are get neither many places nor much time. */
static bool has_room(struct consensus *c)
{
    struct instant now = engine_now(c->engine);
    unsigned nameless = 0;

    LIST_FOREACH (&c->conns, x) {
        struct consensus_conn *conn = LIST_ITEM(x, struct consensus_conn, list);
        if (conn->ready || conn->link)
            continue;
        nameless++;
        if (instant_before(instant_add(conn->since, SILENCE), now))
            net_close(conn->net, false);
    }
    return nameless < NAMELESS_MAX;
}

static bool on_accept(void *data, struct net_conn *net, const struct net_handler **ret_handler,
                      void **ret_data)
{
    struct consensus *c = data;

    if (c->closing || !has_room(c))
        return false;
    struct consensus_conn *conn = conn_new(c);
    conn->net = net;
    *ret_handler = &handler;
    *ret_data = conn;
    return true;
}

static void dial(struct consensus_link *l)
{
    struct consensus *c = l->c;
    struct addr a;

    timers_cancel(c->timers, &l->retry);
    if (l->out || c->closing || addr_parse_port(str_z(l->address), 0, &a) < 0)
        return;
    l->out = conn_new(c);
    l->out->link = l;
    l->asked = false;
    l->out->net = net_dial(c->conf.net, &a, NET_RAFT, &handler, l->out);
    /* A kernel may answer the call for a process that does not. */
    timers_set(c->timers, &l->retry, instant_add(l->out->since, SILENCE));
}

static void on_retry(struct timer *t, struct instant now)
{
    struct consensus_link *l = LIST_ITEM(t, struct consensus_link, retry);

    (void)now;
    if (!l->out)
        dial(l);
    else if (!l->out->ready)
        net_close(l->out->net, false);
}

/* ---- sending ---- */

void consensus_link_send(struct consensus *c, const struct raft_message *m)
{
    struct consensus_conn *conn = consensus_link_find(c, m->to);
    struct consensus_link *l = link_find(c, m->to);
    struct instant now = engine_now(c->engine);

    if (l && l->out && l->asked && instant_before(instant_add(l->asked_at, SILENCE), now)) {
        net_abort(l->out->net); /* also what wishes it carries: those have failed by now */
        return;
    }
    if (!conn || (m->entry_n && net_queued(conn->net) > QUEUE_POLITE))
        return;
    if (l && !l->asked) {
        l->asked = true;
        l->asked_at = now;
    }
    struct buf *out = net_begin(conn->net);
    buf_put_u8(out, CONSENSUS_WIRE_RAFT);
    raft_message_encode(m, out);
    if (net_end(conn->net) < 0)
        c->lost++; /* the queue is full, or the connection is going */
}

/* ---- links follow the configuration ---- */

static const char *place_of(const struct consensus *c, const struct raft_server *s)
{
    LIST_FOREACH (&c->places, x) {
        const struct consensus_place *p = LIST_ITEM(x, struct consensus_place, list);
        if (strcmp(p->name, s->name) == 0)
            return p->address;
    }
    return s->address;
}

static void drop_out(struct consensus_link *l)
{
    timers_cancel(l->c->timers, &l->retry);
    if (!l->out)
        return;
    l->out->link = NULL;
    net_close(l->out->net, true);
    l->out = NULL;
}

static void link_put(struct consensus *c, const struct raft_server *s)
{
    struct consensus_link *l = link_find(c, s->id);
    const char *address = place_of(c, s);

    if (!l) {
        l = mem_new(struct consensus_link);
        l->c = c;
        l->id = s->id;
        (void)str_copy_z(str_z(s->name), l->name, sizeof l->name);
        l->retry.fire = on_retry;
        list_push(&c->links, &l->list);
    } else if (strcmp(l->address, address) == 0) {
        return;
    }
    drop_out(l);
    (void)str_copy_z(str_z(address), l->address, sizeof l->address);
    l->backoff = BACKOFF_MIN;
    dial(l);
}

static void link_free(struct consensus_link *l)
{
    drop_out(l);
    list_remove(&l->list);
    mem_free(l);
}

void consensus_link_sync(struct consensus *c)
{
    const struct raft_configuration *conf = raft_get_configuration(c->raft);

    if (!c->conf.net || c->closing || (c->linked_index == conf->index && !c->places_changed))
        return;
    c->linked_index = conf->index;
    c->places_changed = false;
    LIST_FOREACH (&c->links, x) {
        struct consensus_link *l = LIST_ITEM(x, struct consensus_link, list);
        if (!raft_configuration_find(conf, l->id))
            link_free(l);
    }
    for (uint32_t i = 0; i < conf->n; i++)
        if (conf->servers[i].id != c->id)
            link_put(c, &conf->servers[i]);
}

void consensus_locate(struct consensus *c, const char *id, const char *address)
{
    struct consensus_place *p = NULL;

    LIST_FOREACH (&c->places, x)
        if (strcmp(LIST_ITEM(x, struct consensus_place, list)->name, id) == 0)
            p = LIST_ITEM(x, struct consensus_place, list);
    if (p && strcmp(p->address, address) == 0)
        return;
    if (!p) {
        p = mem_new(struct consensus_place);
        (void)str_copy_z(str_z(id), p->name, sizeof p->name);
        list_push(&c->places, &p->list);
        if (++c->place_n > RAFT_SERVERS_MAX * 4) { /* the oldest is told anew when it lives */
            mem_free(LIST_ITEM(list_pop(&c->places), struct consensus_place, list));
            c->place_n--;
        }
    }
    (void)str_copy_z(str_z(address), p->address, sizeof p->address);
    c->places_changed = true;
    consensus_set_dirty(c);
    if (c->in_turn)
        engine_again(c->engine);
}

/* ---- life ---- */

void consensus_link_open(struct consensus *c)
{
    if (!c->conf.net)
        return;
    c->protocol = (struct net_protocol){
        .byte = NET_RAFT,
        .name = "raft",
        .frame_max = CONSENSUS_WIRE_FRAME_MAX,
        .queue_max = QUEUE_MAX,
        .accept = on_accept,
        .data = c,
    };
    net_serve(c->conf.net, &c->protocol);
}

void consensus_link_close(struct consensus *c)
{
    LIST_FOREACH (&c->links, x)
        link_free(LIST_ITEM(x, struct consensus_link, list));
    if (c->conf.net)
        net_flush(c->conf.net);
    LIST_FOREACH (&c->conns, x)
        net_close(LIST_ITEM(x, struct consensus_conn, list)->net, false);
    struct list *l;
    while ((l = list_pop(&c->places)) != NULL)
        mem_free(LIST_ITEM(l, struct consensus_place, list));
}
