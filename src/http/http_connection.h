/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The connections of one worker that belong to h2o: those made from a descriptor whose client has
 * asked something (http_idle.h), or whose answer is there (http_park.h).
 */
#ifndef DISCO_HTTP_HTTP_CONNECTION_H
#define DISCO_HTTP_HTTP_CONNECTION_H

#include <h2o.h>

#include "base/list.h"
#include "base/str.h"

struct http_connections {
    void *loop; /* uv_loop_t */
    h2o_accept_ctx_t accept;
    struct list all;
};

/* A request that an adopted connection is to find: its first request is handed to `resume`, instead
 * of being read as a new one. */
struct http_mark {
    void (*resume)(struct http_mark *mark, h2o_req_t *req);
};

void http_connection_init(struct http_connections *cs, void *uv_loop, h2o_context_t *context,
                          h2o_hostconf_t **hosts);
/* Takes fd, also when it fails. `input`: as if it had just been read; h2o sees it before this
 * returns. ret_socket may be NULL. */
int http_connection_adopt(struct http_connections *cs, int fd, bool is_unix, struct str input,
                          struct http_mark *mark, h2o_socket_t **ret_socket) MUST_USE;
/* The mark of the request's connection, once; else NULL. */
struct http_mark *http_connection_take_mark(h2o_req_t *req);
/* A client that takes nothing of its reply for long is cut off: called at every sweep. */
void http_connection_cut_stuck(struct http_connections *cs);
/* Those that were between two requests at this sweep and the last are taken out of h2o (on_read:
 * h2o's own, see http_park.h), and their descriptors given away. */
void http_connection_take_idle(struct http_connections *cs, h2o_socket_cb on_read,
                               void (*take)(void *data, int fd, bool is_unix), void *data);
void http_connection_shut_all(struct http_connections *cs, int how); /* as shutdown(2) */

#endif
