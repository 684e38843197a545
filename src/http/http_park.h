/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections whose request waits, taken out of h2o meanwhile.
 *
 * An HTTP/1 connection costs libh2o some 10 KiB: an input buffer, a pool, the request. While its
 * request waits nothing of that is used. So the descriptor is duplicated, h2o is told that the
 * client has gone (it closes its own descriptor without writing a byte), and what stays is the
 * duplicate, the bytes that h2o had read, and a place in an epoll set that tells of a hang-up. When
 * the answer is there, a new h2o connection is made of them, which reads the same bytes, finds the
 * same request and is handed the answer; bytes of later requests are among them or still in the
 * socket.
 *
 * h2o 2.2 has no call for "close without an answer". What does it is the function that h2o itself
 * gave its socket to be called when bytes or the end were read. It is taken from an idle connection
 * at the start, and the whole way is tried once on a pair of sockets (http_park_open): where it
 * does not go as expected, connections stay with h2o.
 */
#ifndef DISCO_HTTP_HTTP_PARK_H
#define DISCO_HTTP_HTTP_PARK_H

#include "http/http_connection.h"

struct http_parked {
    int fd; /* -1: not here, or lost */
    bool is_unix;
    char *input; /* owned */
    size_t input_n;
};

struct http_park {
    struct http_connections *connections;
    h2o_socket_cb on_read; /* h2o's own; NULL: nothing is taken out */
    void *watch;           /* private: the epoll set on the loop */
    int epoll;
    /* The client hung up: the descriptor is closed already. */
    void (*lost)(struct http_parked *p);
};

void http_park_open(struct http_park *park, struct http_connections *cs,
                    void (*lost)(struct http_parked *p));
void http_park_close(struct http_park *park);
/* Takes the connection out if that is possible and worth it: then the request is disposed when this
 * returns. Not to be called from within h2o (its handlers, its callbacks). */
bool http_park_take(struct http_park *park, h2o_req_t *req, bool is_unix, struct http_parked *ret);
/* Back to h2o, which hands the request to `mark` before this returns; or an error, then the
 * connection is closed. p is empty afterwards. */
int http_park_give_back(struct http_park *park, struct http_parked *p,
                        struct http_mark *mark) MUST_USE;
void http_park_drop(struct http_parked *p); /* closes it; harmless when empty */

#endif
