/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reply of api/ as h2o wants it.
 */
#ifndef DISCO_HTTP_HTTP_REPLY_H
#define DISCO_HTTP_HTTP_REPLY_H

#include <h2o.h>

#include "api/api.h"

void http_reply_put_head(h2o_req_t *req, const struct api_reply *r); /* copied */
/* Whether the reply shall be sent compressed: consul does from one packet on. */
bool http_reply_is_compressed(h2o_req_t *req, const struct api_reply *r);
/* The body's pieces, in the request's pool, and their length. */
h2o_iovec_t *http_reply_compress(h2o_req_t *req, h2o_iovec_t body, size_t *ret_n, size_t *ret_size);

/* After h2o_start_response, of a reply without an end. */
void http_reply_send_head(h2o_req_t *req);

#endif
