/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the page shows comes from the network, so it is never more than text there; should a name
 * become markup all the same, the policy below lets it run nothing, load nothing and ask nobody
 * but this agent. The paths in the page are relative: it works below any content path.
 *
 * A browser keeps the files and asks each time whether they are still the same (ETag), so a page
 * is never made of an old agent's script and a new one's style.
 */
#include "config.h"

#include "api/api_ui.h"

#include "api/redirect.h"
#include "api/ui_file.h"

#define THEIR_HEADERS_MAX (API_HEADERS_MAX - 12)

static const struct {
    const char *name, *value;
} page_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-cache"},
    {"Vary", "Accept-Encoding"},
};

/* RFC 9110, 13.1.2: the weak comparison, of a list or "*". */
static bool is_known(struct str if_none_match, struct str etag)
{
    return str_eq(str_trim(if_none_match), STR_LIT("*")) ||
           str_search(if_none_match, str_drop(etag, 2)) < if_none_match.n;
}

/* What the operator says of a header (http_config.response_headers) is said instead. */
static void put_headers(struct api_call *c)
{
    const struct config_pairs *theirs = &c->env->config->response_headers;

    for (size_t i = 0; i < theirs->n && i < THEIR_HEADERS_MAX; i++)
        api_header(c, theirs->names[i], str_z(theirs->values[i]));
    for (size_t i = 0; i < sizeof(page_headers) / sizeof(page_headers[0]); i++) {
        bool is_theirs = false;

        for (size_t j = 0; j < theirs->n && j < THEIR_HEADERS_MAX; j++)
            is_theirs =
                is_theirs || str_eq_nocase(str_z(theirs->names[j]), str_z(page_headers[i].name));
        if (!is_theirs)
            api_header(c, page_headers[i].name, str_z(page_headers[i].value));
    }
}

static void put_file(struct api_call *c, const struct ui_file *f)
{
    struct str etag = str_z(f->etag);

    put_headers(c);
    api_header(c, "ETag", etag);
    if (c->request.if_none_match.n && is_known(c->request.if_none_match, etag))
        c->reply.status = 304; /* the door leaves out the body, not its length */
    api_header(c, "Content-Type", str_z(f->type));
    if (c->request.accepts_gzip) {
        api_header(c, "Content-Encoding", STR_LIT("gzip"));
        buf_put(&c->reply.body, f->gzip, f->gzip_size);
    } else {
        buf_put(&c->reply.body, f->plain, f->plain_size);
    }
}

/* Go's ServeMux takes every method for the root; for files those that only read are enough. */
static bool put_page(struct api_call *c, struct str name)
{
    if (c->request.method != API_GET && c->request.method != API_HEAD) {
        api_header(c, "Allow", STR_LIT("GET,HEAD"));
        api_fail(c, 405, "method %.*s not allowed", STR_ARG(c->request.method_text));
        return true;
    }
    for (int i = 0; i < ui_file_table_n; i++) {
        if (!str_eq_z(name, ui_file_table[i].name))
            continue;
        put_file(c, &ui_file_table[i]);
        return true;
    }
    api_empty(c, 404);
    return true;
}

/* The content path as configured, with a slash on each side. */
static struct str base_of(struct api_call *c)
{
    const char *set = c->env->config->ui_content_path;
    struct str path = str_z(set ? set : "ui");

    while (path.n && path.p[0] == '/')
        path = str_drop(path, 1);
    while (path.n && path.p[path.n - 1] == '/')
        path = str_take(path, path.n - 1);
    return path.n ? api_printf(c, "/%.*s/", STR_ARG(path)) : STR_LIT("/");
}

bool api_ui_answer(struct api_call *c)
{
    const struct config *config = c->env->config;
    bool is_root = str_eq(c->path, STR_LIT("/"));
    struct str base;

    if (!config->ui && !config->ui_older) {
        if (!is_root)
            return false;
        api_header(c, "Content-Type", STR_LIT("text/plain; charset=utf-8"));
        buf_put_z(&c->reply.body, "Consul Agent");
        return true;
    }
    if (str_has_prefix(c->path, STR_LIT("/v1/")))
        return false;
    base = base_of(c);
    if (str_has_prefix(c->path, base))
        return put_page(c, str_drop(c->path, base.n));
    if (!is_root && !str_eq(c->path, str_take(base, base.n - 1)))
        return false;
    c->request.query = STR_NONE; /* consul drops it here */
    redirect_to(c, base);
    return true;
}
