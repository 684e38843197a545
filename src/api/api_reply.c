/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What endpoints make replies with. */
#include "config.h"

#include <stdio.h>

#include "api/api.h"

static int status_of(int code)
{
    switch (code) {
    case ERR_DENIED:
    case ERR_NO_TOKEN:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_TOO_LARGE:
        return 413;
    case ERR_BUSY:
        return 429;
    default: /* consul: what a server refuses reaches the client as 500 */
        return 500;
    }
}

bool api_fail(struct api_call *c, int status, const char *fmt, ...)
{
    struct buf *body = &c->reply.body;
    char text[2048];
    va_list ap;
    int n;

    ASSERT(status >= 400);
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    buf_fini(body);
    buf_put(body, text, n < 0 ? 0 : n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
    c->reply.status = status;
    c->reply.is_json = false;
    if (!c->is_failure)
        api_header(c, "Content-Type", STR_LIT("text/plain; charset=utf-8"));
    c->is_failure = true;
    return false;
}

bool api_fail_code(struct api_call *c, int code, const char *text)
{
    if (code == ERR_NOT_LEADER) /* consul: nobody took it */
        code = ERR_NO_LEADER;
    return api_fail(c, status_of(code), "%s", text && text[0] ? text : error_text(code));
}

void api_header(struct api_call *c, const char *name, struct str value)
{
    struct api_reply *r = &c->reply;

    ASSERT(r->header_n < API_HEADERS_MAX);
    r->headers[r->header_n++] = (struct api_header){name, value};
}

void api_header_u64(struct api_call *c, const char *name, uint64_t value)
{
    char text[20];
    size_t at = sizeof(text);

    do
        text[--at] = (char)('0' + value % 10);
    while (value /= 10);
    api_header(c, name, api_keep(c, str_make(text + at, sizeof(text) - at)));
}

struct str api_asked_node(const struct api_call *c)
{
    return c->request.agent.n ? c->request.agent : str_z(c->env->config->node_name);
}

/* consul: sourceAddrFromRequest */
struct str api_source_ip(const struct api_call *c, char dst[ADDR_TEXT_MAX])
{
    const struct api_request *q = &c->request;
    struct str forwarded = q->forwarded_for;
    struct addr at;

    if (q->source.n)
        return q->source;
    if (addr_parse(str_trim(str_split(&forwarded, ',')), 0, &at) != 0)
        at = q->remote;
    if (at.u.sa.sa_family != AF_INET && at.u.sa.sa_family != AF_INET6)
        return STR_NONE;
    addr_format_ip(&at, dst);
    return str_z(dst);
}

struct jwrite api_json(struct api_call *c)
{
    struct jwrite w;

    buf_clear(&c->reply.body);
    c->reply.is_json = true;
    jwrite_init(&w, &c->reply.body, c->pretty);
    return w;
}

void api_true(struct api_call *c, bool value)
{
    struct jwrite w = api_json(c);

    jwrite_bool(&w, value);
    jwrite_end(&w);
}

void api_empty(struct api_call *c, int status)
{
    buf_clear(&c->reply.body);
    c->reply.status = status;
    c->reply.is_json = false;
}

struct str api_printf(struct api_call *c, const char *fmt, ...)
{
    va_list ap;
    char *text;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    text = arena_alloc(&c->arena, (size_t)n + 1);
    va_start(ap, fmt);
    n = vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return str_make(text, (size_t)n);
}

void api_stream_start(struct api_call *c, void (*closed)(struct api_call *c))
{
    ASSERT(c->stream_door && closed);
    c->reply.is_stream = true;
    c->stream_closed = closed;
}

bool api_stream_push(struct api_call *c, struct str bytes)
{
    return c->stream_door->push(c, bytes);
}

void api_stream_end(struct api_call *c)
{
    c->stream_door->end(c);
}
