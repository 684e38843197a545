/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * c-ares carries the questions: it has the sockets, the time-outs, the order
 * of the servers, and accepts only answers to what was asked. Facts about
 * 1.18 that shape this file:
 *
 *   - a channel is UDP or TCP; the asker's transport is kept, as Consul does;
 *   - a UDP answer above 512 octets is cut off unless the channel has
 *     ARES_FLAG_EDNS, so questions with EDNS have a channel of their own;
 *   - with that flag, an answer FORMERR without OPT makes it strip the
 *     question's last eleven octets, ask again, and turn the flag off for
 *     the whole channel: such a channel is replaced by a fresh one;
 *   - callbacks may run inside ares_send, and a channel must not be destroyed
 *     inside one of its callbacks;
 *   - the ID on the wire is the caller's: a random one is put in here, and the
 *     asker's restored in the answer.
 */
#include <ares.h>
#include <libknot/libknot.h>
#include <uv.h>

#include "base/mem.h"
#include "dns/dns_forward.h"

#define TICK          DURATION_MS(50) /* how late a time-out may be noticed */
#define EDNS_SIZE_MAX 4096            /* c-ares reads no more from a datagram */
/* RFC 5452 9.2: the source port is to be hard to guess as well; a channel keeps the one that the
 * kernel chose, so after so many questions a new one takes over. */
#define UDP_QUESTIONS_MAX    256
#define RANDOM_QUESTIONS_MAX 8 /* then a channel takes over that asks another recursor first */
#define UDP_SIZE             512
#define FORMERR              1
#define HEADER_SIZE          12

enum channel_kind { CHANNEL_UDP, CHANNEL_UDP_EDNS, CHANNEL_TCP, CHANNEL_KINDS };

struct channel {
    struct dns_forward *forward;
    ares_channel ares;
    enum channel_kind kind;
    size_t call_n, sent_n;
    bool is_retired; /* closed when the last call has ended */
    struct list link;
};

struct poll {
    uv_poll_t handle;
    struct dns_forward *forward;
    struct channel *channel; /* NULL: closing */
    struct list link;
    int fd;
};

struct dns_forward {
    uv_loop_t *loop;
    struct env *env;
    struct ares_addr_port_node *servers; /* owned array, linked */
    int64_t timeout_ms;
    struct channel *channels[CHANNEL_KINDS];
    struct list all;   /* channels, retired ones too */
    struct list polls; /* of all channels */
    size_t poll_n;     /* not yet closed */
    struct timer tick;
    bool is_closing, is_sending;
    bool is_random; /* which of the servers is asked first */
    size_t server_n, questions_max;
    void (*closed)(void *data);
    void *data;
};

static struct channel *channel_new(struct dns_forward *f, enum channel_kind kind);
static void retire(struct channel *ch);
static void channel_sweep(struct dns_forward *f);
static void on_tick(struct timer *t, struct instant now);
/* A server that sends more than 512 octets to a question without EDNS: c-ares cuts what it sends.
 * The asker is told to come by TCP. Returns the size. */
static size_t mend_cut(struct dns_forward_call *c, uint8_t *bytes, size_t n)
{
    uint8_t copy[UDP_SIZE];

    if (n != UDP_SIZE || c->question_n > n)
        return n;
    memcpy(copy, bytes, n);
    knot_pkt_t *p = knot_pkt_new(copy, (uint16_t)n, NULL);
    int status = p ? knot_pkt_parse(p, KNOT_PF_KEEPWIRE | KNOT_PF_NOCANON) : KNOT_ENOMEM;
    knot_pkt_free(p);
    if (status == KNOT_EOK || status == KNOT_ETRAIL)
        return n;
    knot_wire_set_tc(bytes);
    knot_wire_set_ancount(bytes, 0);
    knot_wire_set_nscount(bytes, 0);
    knot_wire_set_arcount(bytes, 0);
    return c->question_n;
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int n);
static void on_sock_state(void *data, ares_socket_t fd, int readable, int writable);
static void on_later(struct timer *t, struct instant now);
static void try_closed(struct dns_forward *f);

int dns_forward_new(void *uv_loop, struct env *env, const struct config *config,
                    struct dns_forward **ret, struct error *err)
{
    size_t n = config->recursors.n;
    struct dns_forward *f = mem_new(struct dns_forward);

    f->loop = uv_loop;
    f->env = env;
    f->timeout_ms = duration_ms(config->dns_recursor_timeout);
    if (f->timeout_ms < 1)
        f->timeout_ms = 2000; /* consul: 2s */
    f->is_random = str_eq_z(STR_LIT("random"), config->dns_recursor_strategy);
    f->questions_max = f->is_random ? RANDOM_QUESTIONS_MAX : UDP_QUESTIONS_MAX;
    f->server_n = n;
    f->tick.fire = on_tick;
    list_init(&f->all);
    list_init(&f->polls);
    f->servers = mem_alloc(n * sizeof(f->servers[0]));
    for (size_t i = 0; i < n; i++) {
        struct ares_addr_port_node *s = &f->servers[i];
        struct addr a;
        if (addr_parse_port(str_z(config->recursors.items[i]), 53, &a) != 0) {
            mem_free(f->servers);
            mem_free(f);
            return error_set(err, ERR_INVALID, "recursors: not an IP address: %s",
                             config->recursors.items[i]);
        }
        s->family = addr_is_v4(&a) ? AF_INET : AF_INET6;
        s->udp_port = s->tcp_port = addr_port(&a);
        if (addr_is_v4(&a))
            s->addr.addr4 = a.u.v4.sin_addr;
        else
            memcpy(&s->addr.addr6, &a.u.v6.sin6_addr, 16);
    }
    *ret = f;
    return 0;
}

void dns_forward_close(struct dns_forward *f, void (*closed)(void *data), void *data)
{
    f->is_closing = true;
    f->closed = closed;
    f->data = data;
    for (int i = 0; i < CHANNEL_KINDS; i++)
        if (f->channels[i])
            retire(f->channels[i]);
    LIST_FOREACH (&f->all, l)
        ares_cancel(LIST_ITEM(l, struct channel, link)->ares);
    timers_set(f->env->timers, &f->tick, env_now(f->env)); /* the rest in a later turn */
}

void dns_forward_start(struct dns_forward *f, struct dns_forward_call *c, struct str packet,
                       bool is_tcp)
{
    uint8_t *copy = mem_dup(packet.p, packet.n);
    uint16_t id;

    ASSERT(packet.n >= HEADER_SIZE && packet.n <= UINT16_MAX);
    c->forward = f;
    c->question_n = packet.n;
    c->has_edns = knot_wire_get_arcount(copy) > 0;
    c->kept = STR_NONE;
    c->later = (struct timer){.fire = on_later};
    c->id = knot_wire_get_id(copy);
    enum channel_kind kind = is_tcp ? CHANNEL_TCP : c->has_edns ? CHANNEL_UDP_EDNS : CHANNEL_UDP;
    if (!f->is_closing && !f->channels[kind])
        f->channels[kind] = channel_new(f, kind);
    struct channel *channel = f->channels[kind];
    c->channel = channel;
    if (!channel) { /* closing, or no memory for a socket */
        timers_set(f->env->timers, &c->later, env_now(f->env));
        mem_free(copy);
        return;
    }
    /* RFC 5452 4.3, 9.2: nobody may guess it */
    rng_secure(&id, sizeof(id));
    knot_wire_set_id(copy, id);
    channel->call_n++;
    f->is_sending = true;
    ares_send(channel->ares, copy, (int)packet.n, on_answer, c);
    f->is_sending = false;
    mem_free(copy);
    if (++channel->sent_n >= f->questions_max && (kind != CHANNEL_TCP || f->is_random))
        retire(channel);
    if (!timers_is_set(&f->tick))
        timers_set(f->env->timers, &f->tick, instant_add(env_now(f->env), TICK));
}

/* ---- channels ---- */

/* The list, cut and joined so that any may stand first. (c-ares' own rotation begins anew with each
 * channel.) */
static struct ares_addr_port_node *first_server(struct dns_forward *f)
{
    size_t first = f->is_random ? (size_t)rng_below(f->env->rng, f->server_n) : 0;

    for (size_t i = 0; i < f->server_n; i++)
        f->servers[i].next = &f->servers[(i + 1) % f->server_n];
    f->servers[(first + f->server_n - 1) % f->server_n].next = NULL;
    return &f->servers[first];
}

static struct channel *channel_new(struct dns_forward *f, enum channel_kind kind)
{
    struct channel *ch = mem_new(struct channel);
    char lookups[] = "b", resolvconf[] = "/dev/null";
    struct ares_options o = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_IGNTC,
                             .timeout = (int)f->timeout_ms,
                             .tries = 1,
                             .lookups = lookups,
                             .resolvconf_path = resolvconf,
                             .ednspsz = EDNS_SIZE_MAX,
                             .sock_state_cb = on_sock_state,
                             .sock_state_cb_data = ch};
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
               ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS | ARES_OPT_RESOLVCONF | ARES_OPT_EDNSPSZ |
               ARES_OPT_SOCK_STATE_CB;

    if (kind == CHANNEL_TCP)
        o.flags |= ARES_FLAG_USEVC;
    if (kind == CHANNEL_UDP_EDNS)
        o.flags |= ARES_FLAG_EDNS;
    ch->forward = f;
    ch->kind = kind;
    list_init(&ch->link);
    if (ares_init_options(&ch->ares, &o, mask) != ARES_SUCCESS) {
        mem_free(ch);
        return NULL;
    }
    if (ares_set_servers_ports(ch->ares, first_server(f)) != ARES_SUCCESS) {
        ares_destroy(ch->ares);
        mem_free(ch);
        return NULL;
    }
    list_push(&f->all, &ch->link);
    return ch;
}

/* No more questions for this one. */
static void retire(struct channel *ch)
{
    struct dns_forward *f = ch->forward;

    ch->is_retired = true;
    if (f->channels[ch->kind] == ch)
        f->channels[ch->kind] = NULL;
}

/* Destroys the retired channels that nobody waits for. Never inside a callback of c-ares. */
static void channel_sweep(struct dns_forward *f)
{
    LIST_FOREACH (&f->all, l) {
        struct channel *ch = LIST_ITEM(l, struct channel, link);
        if (!ch->is_retired || ch->call_n > 0)
            continue;
        list_remove(&ch->link);
        ares_destroy(ch->ares); /* closes its sockets through on_sock_state */
        mem_free(ch);
    }
}

static void on_tick(struct timer *t, struct instant now)
{
    struct dns_forward *f = LIST_ITEM(t, struct dns_forward, tick);
    size_t call_n = 0;

    LIST_FOREACH (&f->all, l) {
        struct channel *ch = LIST_ITEM(l, struct channel, link);
        ares_process_fd(ch->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        call_n += ch->call_n;
    }
    channel_sweep(f);
    if (f->is_closing) {
        try_closed(f);
        return;
    }
    if (call_n > 0)
        timers_set(f->env->timers, &f->tick, instant_add(now, TICK));
}

static void try_closed(struct dns_forward *f)
{
    if (!f->is_closing || f->poll_n > 0 || !list_is_empty(&f->all) || !f->closed)
        return;
    void (*closed)(void *) = f->closed;
    void *data = f->data;
    timers_cancel(f->env->timers, &f->tick);
    mem_free(f->servers);
    mem_free(f);
    closed(data);
}

/* ---- answers ---- */

/* Did the channel lose its EDNS flag over this answer? See above; too often is harmless. */
static bool is_suspect(const struct dns_forward_call *c, int status, const uint8_t *bytes, int n)
{
    return status != ARES_SUCCESS || n < HEADER_SIZE || knot_wire_get_rcode(bytes) == FORMERR ||
           (c->has_edns && knot_wire_get_arcount(bytes) == 0);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
    struct dns_forward_call *c = arg;
    struct channel *ch = c->channel;
    struct dns_forward *f = c->forward;
    struct str answer = STR_NONE;

    (void)timeouts;
    ch->call_n--;
    if (ch->kind == CHANNEL_UDP_EDNS && is_suspect(c, status, bytes, n))
        retire(ch);
    if (status == ARES_SUCCESS && n >= HEADER_SIZE) {
        knot_wire_set_id(bytes, c->id);
        size_t whole_n = (size_t)n;
        if (ch->kind == CHANNEL_UDP)
            whole_n = mend_cut(c, bytes, whole_n);
        answer = str_make(bytes, whole_n);
    }
    if (f->is_sending) { /* this question's end, or that of another on a broken connection */
        if (answer.n > 0)
            c->kept = str_make(mem_dup(answer.p, answer.n), answer.n);
        timers_set(f->env->timers, &c->later, env_now(f->env));
        return;
    }
    c->done(c, answer);
}

static void on_later(struct timer *t, struct instant now)
{
    struct dns_forward_call *c = LIST_ITEM(t, struct dns_forward_call, later);
    struct str kept = c->kept;

    (void)now;
    c->kept = STR_NONE;
    c->done(c, kept);
    mem_free((void *)(uintptr_t)kept.p);
}

/* ---- sockets ---- */

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct poll *p = handle->data;
    struct channel *ch = p->channel;
    struct dns_forward *f = ch->forward;
    bool is_readable = status < 0 || (events & UV_READABLE);
    bool is_writable = status < 0 || (events & UV_WRITABLE);

    ares_process_fd(ch->ares, is_readable ? p->fd : ARES_SOCKET_BAD,
                    is_writable ? p->fd : ARES_SOCKET_BAD);
    channel_sweep(f);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct poll *p = handle->data;
    struct dns_forward *f = p->forward;

    mem_free(p);
    f->poll_n--;
    try_closed(f);
}

static struct poll *poll_find(struct dns_forward *f, const struct channel *ch, int fd)
{
    LIST_FOREACH (&f->polls, l) {
        struct poll *p = LIST_ITEM(l, struct poll, link);
        if (p->channel == ch && p->fd == fd)
            return p;
    }
    return NULL;
}

static struct poll *poll_new(struct channel *ch, int fd)
{
    struct dns_forward *f = ch->forward;
    struct poll *p = mem_new(struct poll);

    if (uv_poll_init(f->loop, &p->handle, fd) != 0) {
        mem_free(p); /* the question will time out */
        return NULL;
    }
    p->handle.data = p;
    p->channel = ch;
    p->forward = f;
    p->fd = fd;
    f->poll_n++;
    list_push(&f->polls, &p->link);
    return p;
}

/* c-ares says which events of a socket it waits for; neither: it closes the socket after this. */
static void on_sock_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct channel *ch = data;
    struct poll *p = poll_find(ch->forward, ch, fd);

    if (!readable && !writable) {
        if (!p)
            return;
        list_remove(&p->link);
        p->channel = NULL;
        uv_poll_stop(&p->handle);
        uv_close((uv_handle_t *)&p->handle, on_poll_closed);
        return;
    }
    if (!p)
        p = poll_new(ch, fd);
    if (p)
        (void)uv_poll_start(&p->handle, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
                            on_poll);
}
