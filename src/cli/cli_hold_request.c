/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_hold_request.h"

#include <stdio.h>

#include "base/encode.h"

void cli_hold_url(const struct cli_hold *h, struct buf *url, const char *path)
{
    buf_init(url, 0);
    buf_put_z(url, path);
    if (h->datacenter)
        cli_http_param(url, "dc", h->datacenter);
}

/* PREFIX/NAME, or all below PREFIX/. */
void cli_hold_url_key(const struct cli_hold *h, struct buf *url, const char *name)
{
    struct buf path;

    buf_init(&path, 0);
    buf_put_z(&path, "/v1/kv/");
    encode_percent(str_z(h->prefix), true, &path);
    buf_put_c(&path, '/');
    encode_percent(str_z(name ? name : ""), true, &path);
    cli_hold_url(h, url, buf_z(&path));
    if (!name)
        cli_http_param(url, "recurse", NULL);
    buf_fini(&path);
}

void cli_hold_url_number(struct buf *url, const char *name, uint64_t n)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
    cli_http_param(url, name, text);
}

/* Does it, frees url. Another status than 200, or 404 of a GET, is an error. */
int cli_hold_request(struct cli_hold *h, const char *method, struct buf *url,
                     const struct str *body, struct cli_reply *ret, struct error *err)
{
    int status = cli_http_do(h->http, method, buf_str(url), body, ret, err);

    buf_fini(url);
    if (status == 0 && ret->status != 200 && !(ret->status == 404 && method[0] == 'G'))
        status = error_set(err, ERR_INVALID, "Unexpected response code: %d (%.*s)", ret->status,
                           STR_ARG(str_trim(buf_str(&ret->body))));
    return status;
}

/* A change that answers true or false. */
int cli_hold_change(struct cli_hold *h, const char *method, struct buf *url, struct str body,
                    bool *ret, struct error *err)
{
    struct cli_reply reply;
    int status = cli_hold_request(h, method, url, method[0] == 'P' ? &body : NULL, &reply, err);

    *ret = status == 0 && str_has_prefix(buf_str(&reply.body), STR_LIT("true"));
    cli_reply_fini(&reply);
    return status;
}
