/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "gossip/gossip_file.h"
#include "gossip/gossip_net.h"
#include "gossip/gossip_tcp.h"
#include "gossip/gossip_udp.h"
#include "gossip/gossip_writer.h"

#define LOG_GAP        DURATION_S(10)
#define PORT_TRIES_MAX 16 /* for one that is free for both */

struct gossip_net {
    struct gossip_net_options o;
    struct gossip *pool;
    struct gossip_packet packet;
    struct gossip_keyring *keyring;
    struct gossip_udp *udp;
    struct gossip_tcp *tcp;
    int open_n;
    struct gossip_writer *writer; /* of the snapshot */
    uint64_t streams_dropped;
    struct instant log_next;
    uint64_t log_muted;
    void (*closed)(void *data);
    void *closed_data;
};

/* Whoever sends rubbish shall not fill our disk. */
static void log_drop(struct gossip_net *n, const char *what, const struct addr *from,
                     const char *why)
{
    struct instant now = clock_now();
    char text[ADDR_TEXT_MAX];

    if (instant_before(now, n->log_next)) {
        n->log_muted++;
        return;
    }
    addr_format(from, text);
    log_warn(n->o.log_name, "memberlist: dropped %s: from=%s reason=\"%s\" others_since=%llu", what,
             text, why, (unsigned long long)n->log_muted);
    n->log_next = instant_add(now, LOG_GAP);
    n->log_muted = 0;
}

static uint64_t drops(const struct gossip_net *n, enum gossip_drop *ret_last,
                      const uint64_t *before)
{
    uint64_t sum = 0;

    for (int i = 0; i < GOSSIP_DROPS; i++) {
        sum += n->packet.dropped[i];
        if (before && n->packet.dropped[i] != before[i])
            *ret_last = (enum gossip_drop)i;
    }
    return sum;
}

static void on_datagram(void *data, const struct addr *from, struct str datagram)
{
    static const char *const whys[GOSSIP_DROPS] = {
        [GOSSIP_DROP_LABEL] = "not our label",   [GOSSIP_DROP_SEAL] = "not sealed by a key of ours",
        [GOSSIP_DROP_CRC] = "wrong checksum",    [GOSSIP_DROP_COMPRESSION] = "damaged compression",
        [GOSSIP_DROP_COMPOUND] = "cut compound", [GOSSIP_DROP_TYPE] = "unknown type",
        [GOSSIP_DROP_BODY] = "damaged message",  [GOSSIP_DROP_LIMIT] = "too much in it",
    };
    struct gossip_net *n = data;
    uint64_t before[GOSSIP_DROPS], sum;
    enum gossip_drop last = GOSSIP_DROP_BODY;

    if (!n->pool)
        return;
    memcpy(before, n->packet.dropped, sizeof(before));
    sum = drops(n, NULL, NULL);
    gossip_receive(n->pool, clock_now(), from, datagram);
    if (drops(n, &last, before) != sum)
        log_drop(n, "packet", from, whys[last]);
}

static int on_message(void *data, const struct addr *from, struct str message, struct buf *answer)
{
    struct gossip_net *n = data;

    return n->pool ? gossip_answer(n->pool, clock_now(), from, message, answer) : ERR_CLOSED;
}

static void on_dialed(void *data, uint64_t id, int status, struct str answer)
{
    struct gossip_net *n = data;

    if (n->pool)
        gossip_dialed(n->pool, clock_now(), id, status, answer);
}

static void on_stream_dropped(void *data, const struct addr *from, int why)
{
    struct gossip_net *n = data;

    n->streams_dropped++;
    log_drop(n, "stream", from, error_text(why));
}

/* ---- opening ---- */

static void on_part_closed(void *data)
{
    struct gossip_net *n = data;

    if (--n->open_n > 0)
        return;
    gossip_packet_fini(&n->packet);
    gossip_keyring_free(n->keyring);
    if (n->closed)
        n->closed(n->closed_data);
    mem_free(n);
}

void gossip_net_close(struct gossip_net *n, void (*closed)(void *data), void *data)
{
    n->pool = NULL;
    n->closed = closed;
    n->closed_data = data;
    n->open_n++;
    if (n->udp)
        gossip_udp_close(n->udp, on_part_closed, n);
    if (n->tcp)
        gossip_tcp_close(n->tcp, on_part_closed, n);
    if (n->writer)
        gossip_writer_close(n->writer, on_part_closed, n);
    on_part_closed(n);
}

static void on_nothing(void *data)
{
    (void)data;
}

/* Both sockets on one port; with port 0 the one that the first got may be taken for the other. */
static int bind_both(struct gossip_net *n)
{
    struct gossip_tcp_options t = {.loop = n->o.loop,
                                   .timers = n->o.timers,
                                   .packet = &n->packet,
                                   .timeout = n->o.stream_timeout,
                                   .data = n,
                                   .answer = on_message,
                                   .dialed = on_dialed,
                                   .dropped = on_stream_dropped};
    int rc = -EADDRINUSE;

    for (int i = 0; i < PORT_TRIES_MAX && rc == -EADDRINUSE; i++) {
        struct addr bound;

        rc = gossip_udp_open(n->o.loop, &n->o.bind, on_datagram, n, &n->udp);
        if (rc < 0)
            return rc;
        gossip_udp_addr(n->udp, &bound);
        rc = gossip_tcp_open(&t, &bound, &n->tcp);
        if (rc != -EADDRINUSE || addr_port(&n->o.bind) != 0)
            break;
        gossip_udp_close(n->udp, on_nothing, NULL);
        gossip_tcp_close(n->tcp, on_nothing, NULL);
        n->udp = NULL;
        n->tcp = NULL;
    }
    n->open_n = (n->udp ? 1 : 0) + (n->tcp ? 1 : 0);
    return rc;
}

static int read_keyring(struct gossip_net *n, struct error *err)
{
    struct buf text;
    int rc;

    if (!n->o.keyring_path)
        return 0;
    buf_init(&text, 0);
    rc = gossip_file_read(n->o.keyring_path, &text, err);
    if (rc == 0) {
        rc = gossip_keyring_parse(n->keyring, buf_str(&text), err);
        if (rc < 0)
            error_wrap(err, "%s", n->o.keyring_path);
    }
    buf_fini(&text);
    return rc == -ENOENT ? 0 : rc;
}

int gossip_net_open(const struct gossip_net_options *o, struct gossip_net **ret, struct error *err)
{
    struct gossip_net *n = mem_new(struct gossip_net);
    char text[ADDR_TEXT_MAX];
    int rc;

    n->o = *o;
    n->keyring = gossip_keyring_new();
    gossip_packet_init(&n->packet);
    n->packet.keyring = n->keyring;
    rc = read_keyring(n, err);
    if (rc == 0) {
        rc = bind_both(n);
        addr_format(&o->bind, text);
        if (rc < 0)
            error_set(err, rc, "gossip on %s: %s", text, error_text(rc));
    }
    if (rc == 0 && o->snapshot_path) {
        rc = gossip_writer_open(o->loop, n->o.snapshot_path, n->o.log_name, &n->writer, err);
        n->open_n += rc == 0;
    }
    if (rc < 0) {
        gossip_net_close(n, NULL, NULL);
        return rc;
    }
    *ret = n;
    return 0;
}

struct gossip_packet *gossip_net_packet(struct gossip_net *n)
{
    return &n->packet;
}

void gossip_net_attach(struct gossip_net *n, struct gossip *g)
{
    n->pool = g;
    if (g)
        gossip_udp_start(n->udp);
    else
        gossip_udp_stop(n->udp);
}

void gossip_net_addr(const struct gossip_net *n, struct addr *ret)
{
    gossip_udp_addr(n->udp, ret);
}

void gossip_net_get_stats(const struct gossip_net *n, struct gossip_net_stats *ret)
{
    memcpy(ret->packets_dropped, n->packet.dropped, sizeof(ret->packets_dropped));
    ret->packets_lost = gossip_udp_lost(n->udp);
    ret->streams_dropped = n->streams_dropped;
}

/* ---- files ---- */

static int write_keyring(struct gossip_net *n, struct error *err)
{
    struct buf text;
    int rc;

    if (!n->o.keyring_path)
        return 0;
    buf_init(&text, 0);
    gossip_keyring_format(n->keyring, &text);
    rc = gossip_file_replace(n->o.keyring_path, buf_str(&text), true, err);
    buf_fini(&text);
    return rc;
}

int gossip_net_add_key(struct gossip_net *n, struct str key, struct error *err)
{
    int rc;

    if (gossip_keyring_count(n->keyring) > 0)
        return 0;
    rc = gossip_keyring_add(n->keyring, key);
    if (rc < 0)
        return error_set(err, rc, "a gossip key is 16, 24 or 32 bytes, not %zu", key.n);
    return write_keyring(n, err);
}

void gossip_net_keep_keyring(struct gossip_net *n)
{
    struct error err = {0};

    if (write_keyring(n, &err) < 0)
        log_error(n->o.log_name, "serf: keyring not kept: %s", err.text);
}

int gossip_net_restore(struct gossip_net *n, struct gossip *g, bool after_leave, struct error *err)
{
    struct buf text;
    int rc;

    if (!n->o.snapshot_path)
        return 0;
    buf_init(&text, 0);
    rc = gossip_file_read(n->o.snapshot_path, &text, err);
    if (rc == 0)
        gossip_restore(g, buf_str(&text), after_leave);
    buf_fini(&text);
    return rc == -ENOENT ? 0 : rc;
}

static void on_snapshot(void *data, struct str lines, bool whole, bool sync)
{
    struct gossip_net *n = data;

    gossip_writer_put(n->writer, lines, whole, sync);
}

/* ---- outputs ---- */

static void on_send(void *data, const struct addr *to, struct str datagram)
{
    struct gossip_net *n = data;

    gossip_udp_send(n->udp, to, datagram);
}

static void on_dial(void *data, uint64_t id, const struct addr *to, struct str message,
                    bool answered, struct instant deadline)
{
    struct gossip_net *n = data;

    gossip_tcp_dial(n->tcp, id, to, message, answered, deadline);
}

static void on_hang_up(void *data, uint64_t id)
{
    struct gossip_net *n = data;

    gossip_tcp_hang_up(n->tcp, id);
}

void gossip_net_outputs(struct gossip_net *n, struct gossip_outputs *ret)
{
    *ret = (struct gossip_outputs){.data = n,
                                   .send = on_send,
                                   .dial = on_dial,
                                   .hang_up = on_hang_up,
                                   .snapshot = n->o.snapshot_path ? on_snapshot : NULL};
}
