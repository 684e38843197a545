/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "http/http_reply.h"

#include "http/http_head.h"

#define GZIP_SIZE_MIN ((size_t)1400) /* consul: gziphandler's default, one packet */
#define GZIP_QUALITY  1

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {301, "Moved Permanently"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {413, "Request Entity Too Large"},
        {414, "Request URI Too Long"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Other";
}

/* HTTP/2 demands lower case; HTTP/1 is given the name as Consul writes it. */
static void put_header(h2o_req_t *req, const struct api_header *h)
{
    size_t n = strlen(h->name);
    char *lower = h2o_mem_alloc_pool(&req->pool, n + h->value.n + 1);

    str_lower(str_make(h->name, n), lower);
    if (h->value.n)
        memcpy(lower + n, h->value.p, h->value.n);
    h2o_add_header_by_str(&req->pool, &req->res.headers, lower, n, n <= 16, h->name, lower + n,
                          h->value.n);
}

void http_reply_put_head(h2o_req_t *req, const struct api_reply *r)
{
    req->res.status = r->status;
    req->res.reason = reason_of(r->status);
    for (int i = 0; i < r->header_n; i++)
        put_header(req, &r->headers[i]);
}

bool http_reply_is_compressed(h2o_req_t *req, const struct api_reply *r)
{
    if (r->body.n < GZIP_SIZE_MIN || !http_head_accepts_gzip(req))
        return false;
    for (int i = 0; i < r->header_n; i++)
        if (strcmp(r->headers[i].name, "Content-Encoding") == 0)
            return false;
    return true;
}

h2o_iovec_t *http_reply_compress(h2o_req_t *req, h2o_iovec_t body, size_t *ret_n, size_t *ret_size)
{
    h2o_compress_context_t *gzip = h2o_compress_gzip_open(&req->pool, GZIP_QUALITY);
    h2o_iovec_t *pieces;

    gzip->transform(gzip, &body, 1, H2O_SEND_STATE_FINAL, &pieces, ret_n);
    *ret_size = 0;
    for (size_t i = 0; i < *ret_n; i++)
        *ret_size += pieces[i].len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_ENCODING, "Content-Encoding",
                   H2O_STRLIT("gzip"));
    return pieces;
}

/* The head goes out before there is anything to say, so that the client knows it is heard. Over
 * HTTP/1 the filter that makes chunks keeps what is empty to itself, and the head with it: past it
 * to the last one, which writes the head. */
void http_reply_send_head(h2o_req_t *req)
{
    h2o_ostream_t *last = req->_ostr_top;

    while (last->next)
        last = last->next;
    last->do_send(last, req, NULL, 0, H2O_SEND_STATE_IN_PROGRESS);
}
