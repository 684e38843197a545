/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an h2o request's head says, as api/ wants it; and whether it can be trusted.
 */
#ifndef DISCO_HTTP_HTTP_HEAD_H
#define DISCO_HTTP_HTTP_HEAD_H

#include <h2o.h>

#include "api/api.h"

/* False for an HTTP/1 head whose body could end in two places (request smuggling, RFC 9112, 6.1):
 * more than one Content-Length, more than one Transfer-Encoding, both, or another coding than
 * chunked. */
bool http_head_is_sound(h2o_req_t *req);
/* All borrowed from the request. */
void http_head_read(h2o_req_t *req, struct api_request *ret);
bool http_head_accepts_gzip(h2o_req_t *req);
/* The pure halves. */
bool http_head_is_sound_text(struct str head);
bool http_head_is_gzip_accepted(struct str accept_encoding);

#endif
