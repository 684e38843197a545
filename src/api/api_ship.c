/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request is an array: method, its text, path, query, token, body, flags, Accept,
 * Cache-Control, the namespace header, the name of the node that was asked, the client's address;
 * its datacenter if it wants WAN addresses from others; and, with the execution of another
 * datacenter's prepared query, that query's row. The reply: status, flags, headers (name, value
 * ...), body.
 *
 * What concerns the connection (who may write from where, which endpoints are blocked) is judged
 * where the client is; the rest where the request is run. Streams are not shipped: every endpoint
 * that makes one speaks of the agent it is asked of.
 */
#include "config.h"

#include "api/api_ship.h"

#include "api/route.h"

#define REQUEST_ITEMS 14
#define HEADERS_MAX   (API_HEADERS_MAX - 8)
#define NAME_MAX_SIZE 128

enum { FLAG_BODY_LENGTH = 1, FLAG_FINAL = 2 };
enum { FLAG_FAILURE = 1, FLAG_FOUND = 2 };

struct api_ship {
    struct ship ship;
    struct api_call *call;
    bool waits;
};

/* ---- the asking side ---- */

bool api_ship_is_needed(const struct api_call *c)
{
    const struct config *config = c->env->config;
    struct str dc = param_get(&c->params, "dc");
    if (c->is_final || c->kind == API_LOCAL || (c->route->flags & API_OWN))
        return false;
    if ((c->route->flags & API_DC) && dc.n && !str_eq_z(dc, config->datacenter))
        return true;
    if (c->route->flags & API_LEADER)
        return c->env->is_client || published_get(c->env->published, PUBLISHED_IS_LEADER) == 0;
    if (!c->env->is_client)
        return false;
    return c->kind == API_READ || c->kind == API_WRITE || (c->route->flags & API_SERVER);
}

static struct str own_translating(const struct config *config)
{
    return config->translate_wan_addrs ? str_z(config->datacenter) : STR_NONE;
}

static void put_request(const struct api_call *c, struct str query, bool is_final, struct buf *out)
{
    const struct api_request *q = &c->request;
    char ip[ADDR_TEXT_MAX];
    pack_array(out, REQUEST_ITEMS);
    pack_uint(out, (uint64_t)q->method);
    pack_str(out, q->method_text);
    pack_bin(out, q->path);
    pack_bin(out, query);
    pack_bin(out, tokens_to_ship(&c->env->tokens, c->token));
    pack_bin(out, q->body);
    pack_uint(out, (q->has_body_length ? FLAG_BODY_LENGTH : 0) | (is_final ? FLAG_FINAL : 0));
    pack_bin(out, q->accept);
    pack_bin(out, q->cache_control);
    pack_bin(out, q->namespace_header);
    pack_str(out, api_asked_node(c));
    pack_str(out, api_source_ip(c, ip));
    pack_str(out, q->translating.n ? q->translating : own_translating(c->env->config));
    pack_bin(out, q->prepared);
}

static bool take_reply(struct api_call *c, struct str bytes)
{
    struct unpack u = unpack_make(bytes);
    struct api_reply *r = &c->reply;
    uint32_t n;
    if (unpack_array(&u) != 4)
        return false;
    uint64_t status = unpack_uint(&u), flags = unpack_uint(&u);
    n = unpack_array(&u);
    if (u.bad || status < 100 || status > 599 || n % 2 || n / 2 > HEADERS_MAX)
        return false;
    r->status = (int)status;
    r->header_n = c->base_header_n;
    for (uint32_t i = 0; i < n / 2; i++) {
        struct str name = unpack_str(&u), value = unpack_str(&u);
        if (u.bad || name.n == 0 || name.n > NAME_MAX_SIZE)
            return false;
        char *z = arena_alloc(&c->arena, name.n + 1);
        (void)str_copy_z(name, z, name.n + 1);
        api_header(c, z, api_keep(c, value));
    }
    struct str body = unpack_str(&u);
    if (u.bad)
        return false;
    buf_clear(&r->body);
    buf_put_str(&r->body, body);
    r->is_json = false; /* its Content-Type is among the headers */
    c->is_failure = flags & FLAG_FAILURE;
    c->is_found = flags & FLAG_FOUND;
    return true;
}

static void on_shipped(struct ship *s)
{
    struct api_ship *a = LIST_ITEM(s, struct api_ship, ship);
    struct api_call *c = a->call;
    a->waits = false;
    if (s->status == ERR_NOT_FOUND)
        api_fail(c, 500, "No path to datacenter");
    else if (s->status)
        api_fail_code(c, s->status, s->no_server ? "No known Consul servers" : NULL);
    else if (!take_reply(c, buf_str(&s->answer)))
        api_fail_code(c, ERR_CORRUPT, NULL);
    ship_fini(s);
    api_finish_later(c);
}

void api_ship_start(struct api_call *c)
{
    struct api_ship *a = arena_new(&c->arena, struct api_ship);
    const struct param *p = &c->params;
    struct str dc = param_get(p, "dc");
    bool reads = c->kind == API_READ || c->request.method == API_GET;
    a->call = c;
    a->waits = true;
    c->ship = a;
    a->ship = (struct ship){
        .kind = SHIP_API, .target = SHIP_TO_ANY, .may_repeat = reads, .done = on_shipped};
    if ((c->route->flags & API_LEADER) && !c->env->is_client)
        a->ship.target = SHIP_TO_LEADER;
    if (!c->env->is_client && (c->route->flags & API_DC) && dc.n &&
        !str_eq_z(dc, c->env->config->datacenter)) {
        a->ship.datacenter = dc;
        a->ship.target = SHIP_TO_ANY;
    }
    if (reads && p->index > 0) {
        a->ship.wait = p->wait.ns > 0 ? p->wait : c->env->config->default_query_time;
        if (a->ship.wait.ns > c->env->config->max_query_time.ns)
            a->ship.wait = c->env->config->max_query_time;
        a->ship.wait.ns += a->ship.wait.ns / 16; /* the jitter of the one who runs it */
    }
    buf_init(&a->ship.body, SHIP_BODY_SIZE_MAX);
    /* a server may hand on what a client agent sent it, nobody what a server sent */
    put_request(c, c->request.query, !c->env->is_client, &a->ship.body);
    ship_submit(c->env, &a->ship);
}

/* ---- one request, asked of several ---- */

void api_ship_put(const struct api_call *c, struct str query, struct buf *out)
{
    put_request(c, query, true, out);
}

void api_ship_put_prepared(const struct api_call *c, struct str query, struct str row,
                           struct buf *out)
{
    /* of the request only what was kept: the rest may be gone with the client */
    struct api_call plain = {.env = c->env, .token = c->token};
    plain.request = (struct api_request){
        .method = API_GET, .method_text = STR_LIT("GET"), .path = c->request.path, .prepared = row};
    put_request(&plain, query, true, out);
}

bool api_ship_take_found(struct api_call *c, struct str answer)
{
    struct unpack u = unpack_make(answer);
    (void)unpack_array(&u);
    uint64_t status = unpack_uint(&u), flags = unpack_uint(&u);
    return !u.bad && status == 200 && (flags & FLAG_FOUND) && take_reply(c, answer);
}

int api_ship_take(struct str answer, int *ret_status, struct str *ret_body)
{
    struct unpack u = unpack_make(answer);
    bool fits = unpack_array(&u) == 4;
    uint64_t status = unpack_uint(&u);
    (void)unpack_uint(&u);
    for (uint32_t n = unpack_array(&u); n > 0 && !u.bad; n--)
        (void)unpack_str(&u);
    struct str body = unpack_str(&u);
    if (!fits || u.bad || status < 100 || status > 599)
        return ERR_CORRUPT;
    *ret_status = (int)status;
    *ret_body = body;
    return 0;
}

void api_ship_cancel(struct api_call *c)
{
    if (api_ship_is_waiting(c))
        ship_cancel(&c->ship->ship);
}

bool api_ship_is_waiting(const struct api_call *c)
{
    return c->ship && c->ship->waits;
}

/* ---- the side that runs it ---- */

static void put_reply(const struct api_call *c, struct buf *out)
{
    const struct api_reply *r = &c->reply;
    pack_array(out, 4);
    pack_uint(out, (uint64_t)r->status);
    pack_uint(out, (c->is_failure ? FLAG_FAILURE : 0) | (c->is_found ? FLAG_FOUND : 0));
    pack_array(out, (uint32_t)(r->header_n - c->base_header_n) * 2);
    for (int i = c->base_header_n; i < r->header_n; i++) {
        pack_str(out, str_z(r->headers[i].name));
        pack_bin(out, r->headers[i].value);
    }
    pack_bin(out, buf_str(&r->body));
}

static void answer(struct serve_call *s, struct api_call *c)
{
    struct buf out;
    buf_init(&out, SHIP_BODY_SIZE_MAX);
    put_reply(c, &out);
    s->scratch = NULL;
    serve_answer(s, 0, &out);
    buf_fini(&out);
}

static void on_done(struct api_call *c)
{
    answer(c->door, c);
    api_call_free(c);
}

static bool take_request(struct serve_call *s, struct api_call *c)
{
    struct api_request *q = &c->request;
    struct unpack u = unpack_make(s->body);
    if (unpack_array(&u) != REQUEST_ITEMS)
        return false;
    uint64_t method = unpack_uint(&u);
    q->method = method <= API_OTHER ? (enum api_method)method : API_OTHER;
    q->method_text = unpack_str(&u);
    q->path = unpack_str(&u);
    q->query = unpack_str(&u);
    q->token_header = unpack_str(&u);
    q->body = unpack_str(&u);
    uint64_t flags = unpack_uint(&u);
    q->has_body_length = flags & FLAG_BODY_LENGTH;
    c->is_final = flags & FLAG_FINAL;
    q->accept = unpack_str(&u);
    q->cache_control = unpack_str(&u);
    q->namespace_header = unpack_str(&u);
    q->agent = unpack_str(&u);
    q->source = unpack_str(&u);
    q->translating = unpack_str(&u);
    q->prepared = unpack_str(&u);
    q->is_unix = true; /* it has no client's address here */
    return !u.bad;
}

static void serve_start(struct serve_call *s)
{
    struct api_call *c = api_call_new(s->env);
    struct buf none;
    c->is_shipped = c->is_quiet = true;
    c->door = s;
    c->done = on_done;
    if (!take_request(s, c)) {
        buf_init(&none, 0);
        api_call_free(c);
        serve_answer(s, ERR_CORRUPT, &none);
        return;
    }
    s->scratch = c;
    if (!api_start(c))
        return;
    ASSERT(!c->reply.is_stream);
    on_done(c);
}

static void serve_cancel_call(struct serve_call *s)
{
    if (s->scratch)
        api_cancel(s->scratch);
}

const struct serve_handler api_ship_handler = {
    .kind = SHIP_API, .start = serve_start, .cancel = serve_cancel_call};
