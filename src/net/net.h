/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Framed connections on the server port (8300). Everything on the core thread.
 *
 * The first byte that a dialler sends names the protocol (enum net_byte); then
 * both sides send frames (net_frame.h). A protocol is registered with
 * net_serve; its `accept` gives each new connection a handler. A dialled
 * connection has its handler from the start.
 *
 * A connection's handler hears: `opened` once (of dialled ones), `frame` for
 * each payload, `drained` after a refused send, and `closed` last and exactly
 * once, whoever closed it; the pointer is void when that returns. No handler
 * is called from inside net_dial, net_send or net_close.
 *
 *     struct buf *out = net_begin(conn);
 *     buf_put_u8(out, KIND); ...             put the payload, nothing else of net in between
 *     int rc = net_end(conn);                0: it will go out, or the connection closes
 *
 * What was sent leaves when the loop is about to sleep, or at net_flush.
 *
 * Limits: connections from outside in all and from one address, 5 s for the
 * first byte, frame and queue sizes and idle time of each protocol; a frame
 * that was begun, and a queue that does not move, have NET_STALL.
 */
#ifndef DISCO_NET_NET_H
#define DISCO_NET_NET_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/timers.h"

/* First bytes, for ever. 0x16 begins TLS; Consul's own protocols are 0 to 9. */
enum net_byte {
    NET_RAFT = 0xd1,
    NET_RPC = 0xd2,
};
#define NET_STALL DURATION_S(20)

struct net;
struct net_conn;

struct net_handler {
    void (*opened)(void *data, struct net_conn *c); /* may be NULL */
    void (*frame)(void *data, struct net_conn *c, struct str payload);
    /* There is room again after a net_end that said ERR_BUSY. May be NULL. */
    void (*drained)(void *data, struct net_conn *c);
    /* 0: closed here by net_close, or by the peer between two frames; else why. */
    void (*closed)(void *data, struct net_conn *c, int status);
};
struct net_protocol {
    enum net_byte byte;
    const char *name;     /* for the log: "raft" */
    size_t frame_max;     /* of a payload */
    size_t queue_max;     /* bytes not yet sent; one frame always has room in an empty queue */
    struct duration idle; /* nothing received for so long: closed; 0: no such limit */
    /* A connection from outside. False: it is closed. NULL: only dialled ones. */
    bool (*accept)(void *data, struct net_conn *c, const struct net_handler **ret_handler,
                   void **ret_data);
    void *data;
};

struct net_options {
    uint32_t accepted_max; /* 0: 4096 */
    uint32_t per_peer_max; /* 0: 128, of one address */
};
/* uv_loop as void *: no header names uv. */
struct net *net_open(void *uv_loop, struct timers *timers, const struct net_options *options);
/* Closes everything, then calls cb. */
void net_stop(struct net *n, void (*cb)(void *data), void *data);
/* The table entry stays the caller's until net_stop has called back. */
void net_serve(struct net *n, const struct net_protocol *p);
/* May be called again for further addresses. One line in err. */
int net_listen(struct net *n, const struct addr *a, struct error *err) MUST_USE;
/* Port of the last listener: what the kernel chose for port 0. */
uint16_t net_port(const struct net *n);

/* The protocol must be served (net_serve). Failures come through `closed`. */
struct net_conn *net_dial(struct net *n, const struct addr *a, enum net_byte protocol,
                          const struct net_handler *h, void *data);
/* Another handler from now on (after a hello has told who it is). */
void net_set_handler(struct net_conn *c, const struct net_handler *h, void *data);
struct buf *net_begin(struct net_conn *c);
/* ERR_BUSY: the queue is full (the frame is dropped; `drained` will tell), ERR_TOO_LARGE, or
 * ERR_CLOSED: it was or is being closed. */
int net_end(struct net_conn *c) MUST_USE;
int net_send(struct net_conn *c, struct str payload) MUST_USE; /* begin, put, end */
size_t net_queued(const struct net_conn *c);
void net_flush(struct net *n); /* writes what waits, of all connections */
/* Reading stops while paused: the peer's queue fills. */
void net_pause(struct net_conn *c, bool paused);
/* What was sent before is still written (NET_STALL at most) when `graceful`. */
void net_close(struct net_conn *c, bool graceful);
/* What was sent and has not arrived never will. After a mere close the kernel goes on telling it to
 * a peer behind a cut: a write that has failed would be carried out when the cut is gone. */
void net_abort(struct net_conn *c);
const char *net_peer(const struct net_conn *c); /* "ip:port" */
struct addr net_peer_addr(const struct net_conn *c);

struct net_stats {
    uint64_t accepted, dialled, open; /* open: of both kinds */
    uint64_t refused;                 /* past a limit */
    uint64_t bad;                     /* closed for what they sent, or did not send in time */
    uint64_t bytes_in, bytes_out, frames_in, frames_out;
};
void net_get_stats(const struct net *n, struct net_stats *ret);

#endif
