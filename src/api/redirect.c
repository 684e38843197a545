/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "api/redirect.h"

#include "base/encode.h"

bool redirect_needs_cleaning(struct str path)
{
    for (size_t i = 0; i + 1 < path.n; i++) {
        struct str part;

        if (path.p[i] != '/')
            continue;
        if (path.p[i + 1] == '/')
            return true;
        part = str_take(str_drop(path, i + 1), str_find(path, '/', i + 1) - i - 1);
        if (str_eq(part, STR_LIT(".")) || str_eq(part, STR_LIT("..")))
            return true;
    }
    return false;
}

/* path.Clean, and the final slash kept. */
static void put_clean(struct str path, struct buf *out)
{
    struct str rest = path, part = {0};

    while (rest.p) {
        part = str_split(&rest, '/');
        if (part.n == 0 || str_eq(part, STR_LIT(".")))
            continue;
        if (str_eq(part, STR_LIT(".."))) {
            while (out->n && out->p[--out->n] != '/')
                ;
            continue;
        }
        buf_put_c(out, '/');
        buf_put_str(out, part);
    }
    if (out->n == 0 || str_has_suffix(path, STR_LIT("/")))
        buf_put_c(out, '/');
}

void redirect_to_clean(struct api_call *c)
{
    struct buf clean;

    buf_init(&clean, 0);
    put_clean(c->path, &clean);
    redirect_to(c, buf_str(&clean));
    buf_fini(&clean);
}

static void put_html(struct str s, struct buf *out) /* Go: htmlReplacer */
{
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '&':
            buf_put_z(out, "&amp;");
            break;
        case '<':
            buf_put_z(out, "&lt;");
            break;
        case '>':
            buf_put_z(out, "&gt;");
            break;
        case '"':
            buf_put_z(out, "&#34;");
            break;
        case '\'':
            buf_put_z(out, "&#39;");
            break;
        default:
            buf_put_c(out, s.p[i]);
        }
}

/* Go: http.Redirect. A body only for GET, a type for HEAD too. */
void redirect_to(struct api_call *c, struct str path)
{
    struct buf url;

    buf_init(&url, 0);
    encode_percent(path, true, &url);
    if (c->request.query.n) {
        buf_put_c(&url, '?');
        buf_put_str(&url, c->request.query);
    }
    api_empty(c, 301);
    api_header(c, "Location", api_keep(c, buf_str(&url)));
    if (c->request.method == API_GET || c->request.method == API_HEAD)
        api_header(c, "Content-Type", STR_LIT("text/html; charset=utf-8"));
    if (c->request.method == API_GET) {
        buf_put_z(&c->reply.body, "<a href=\"");
        put_html(buf_str(&url), &c->reply.body);
        buf_put_z(&c->reply.body, "\">Moved Permanently</a>.\n\n");
    }
    buf_fini(&url);
}
