/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * h2o 2.2 takes the first of several Content-Length headers, prefers Transfer-Encoding to them, and
 * keeps neither among the request's headers. The bytes of the head are still at the start of the
 * socket's input buffer while the handler runs, names in lower case: they are read again here.
 */
#include "config.h"

#include "http/http_head.h"

static struct str str_of(h2o_iovec_t v)
{
    return str_make(v.base, v.len);
}

/* The next line without its end; rest.p is NULL behind the last. */
static struct str take_line(struct str *rest)
{
    struct str line = str_split(rest, '\n');

    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

bool http_head_is_sound_text(struct str head)
{
    unsigned lengths = 0, codings = 0;
    struct str line = take_line(&head);

    while (line.n == 0 && head.p) /* empty lines before the request line */
        line = take_line(&head);
    while (head.p) {
        struct str name, value;

        line = take_line(&head);
        if (line.n == 0)
            break;
        if (line.p[0] != 'c' && line.p[0] != 'C' && line.p[0] != 't' && line.p[0] != 'T')
            continue;
        value = line;
        name = str_trim(str_split(&value, ':'));
        if (str_eq_nocase(name, STR_LIT("content-length")))
            lengths++;
        if (str_eq_nocase(name, STR_LIT("transfer-encoding"))) {
            codings++;
            if (!str_eq_nocase(str_trim(value), STR_LIT("chunked")))
                return false;
        }
    }
    return lengths + codings <= 1;
}

bool http_head_is_sound(h2o_req_t *req)
{
    h2o_socket_t *socket;

    if (req->version >= 0x200)
        return true;
    socket = req->conn->callbacks->get_socket(req->conn);
    return http_head_is_sound_text(str_make(socket->input->bytes, socket->input->size));
}

static enum api_method method_of(struct str m)
{
    static const struct {
        struct str name;
        enum api_method method;
    } methods[] = {
        {{"GET", 3}, API_GET},       {{"PUT", 3}, API_PUT},   {{"POST", 4}, API_POST},
        {{"DELETE", 6}, API_DELETE}, {{"HEAD", 4}, API_HEAD}, {{"OPTIONS", 7}, API_OPTIONS},
    };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (str_eq(m, methods[i].name))
            return methods[i].method;
    return API_OTHER;
}

/* RFC 9112, 3.2.2: a server takes the absolute form too. */
static struct str target_of(const h2o_req_t *req)
{
    struct str target = str_of(req->path);
    size_t slash;

    if (target.n && target.p[0] == '/')
        return target;
    if (!str_has_prefix(target, STR_LIT("http://")))
        return target;
    slash = str_find(target, '/', 7);
    return slash < target.n ? str_drop(target, slash) : STR_LIT("/");
}

static void take_headers(h2o_req_t *req, struct api_request *ret)
{
    for (size_t i = 0; i < req->headers.size; i++) {
        const h2o_header_t *h = &req->headers.entries[i];
        struct str value = str_of(h->value);

        if (h->name == &H2O_TOKEN_AUTHORIZATION->buf)
            ret->authorization = value;
        else if (h->name == &H2O_TOKEN_CACHE_CONTROL->buf)
            ret->cache_control = value;
        else if (h->name == &H2O_TOKEN_ACCEPT->buf)
            ret->accept = value;
        else if (h->name == &H2O_TOKEN_IF_NONE_MATCH->buf)
            ret->if_none_match = value;
        else if (str_eq(str_of(*h->name), STR_LIT("x-consul-token")))
            ret->token_header = value;
        else if (str_eq(str_of(*h->name), STR_LIT("x-consul-namespace")))
            ret->namespace_header = value;
        else if (str_eq(str_of(*h->name), STR_LIT("x-forwarded-for")))
            ret->forwarded_for = value;
    }
}

/* Was the length announced? With a chunked body it was not. */
static bool is_chunked(h2o_req_t *req)
{
    static const struct str coding = {"\ntransfer-encoding:", 19};
    h2o_socket_t *socket = req->conn->callbacks->get_socket(req->conn);
    size_t size = (size_t)(req->entity.base - socket->input->bytes);

    if (req->entity.base < socket->input->bytes || size > socket->input->size)
        size = socket->input->size;
    return str_search(str_make(socket->input->bytes, size), coding) < size;
}

void http_head_read(h2o_req_t *req, struct api_request *ret)
{
    struct sockaddr_storage from;
    socklen_t n = req->conn->callbacks->get_peername(req->conn, (struct sockaddr *)&from);
    struct str query = target_of(req);

    ret->method_text = str_of(req->method);
    ret->method = method_of(ret->method_text);
    ret->path = str_split(&query, '?');
    ret->query = query;
    ret->body = str_of(req->entity);
    ret->has_body_length = ret->body.n && (req->version >= 0x200 || !is_chunked(req));
    ret->is_unix = n == 0 || from.ss_family == AF_UNIX;
    if (!ret->is_unix)
        memcpy(&ret->remote, &from, n < sizeof(ret->remote) ? n : sizeof(ret->remote));
    take_headers(req, ret);
    ret->accepts_gzip = http_head_accepts_gzip(req);
}

/* RFC 9110, 12.5.3: gzip, x-gzip or *, unless its weight is 0. */
bool http_head_is_gzip_accepted(struct str accept)
{
    while (accept.p) {
        struct str item = str_split(&accept, ','), coding = str_trim(str_split(&item, ';'));
        bool is_zero = false;

        while (item.p) {
            struct str weight = str_split(&item, ';');

            weight = str_trim(weight);
            if (!str_has_prefix(weight, STR_LIT("q=")))
                continue;
            weight = str_drop(weight, 2);
            is_zero = weight.n > 0;
            for (size_t i = 0; i < weight.n; i++)
                is_zero = is_zero && (weight.p[i] == '0' || weight.p[i] == '.');
        }
        if (str_eq_nocase(coding, STR_LIT("gzip")) || str_eq_nocase(coding, STR_LIT("x-gzip")) ||
            str_eq(coding, STR_LIT("*")))
            return !is_zero;
    }
    return false;
}

bool http_head_accepts_gzip(h2o_req_t *req)
{
    ssize_t i = h2o_find_header(&req->headers, H2O_TOKEN_ACCEPT_ENCODING, -1);

    return i >= 0 && http_head_is_gzip_accepted(str_of(req->headers.entries[i].value));
}
