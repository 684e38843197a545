/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/api_cache.h"

#include "agent/recall.h"
#include "api/route.h"

/* consul: parseCacheControl. Whether the client wants it looked up anew. */
static bool parse(struct str rest, bool *ret_anew)
{
    *ret_anew = false;
    while (rest.p && rest.n) {
        struct str part = str_trim(str_split(&rest, ',')), number = part;
        struct str name = str_split(&number, '=');
        bool is_age = str_eq_nocase(name, STR_LIT("max-age"));
        int64_t seconds;

        if (str_eq_nocase(name, STR_LIT("must-revalidate")))
            *ret_anew = true;
        if (!number.p || (!is_age && !str_eq_nocase(name, STR_LIT("stale-if-error"))))
            continue;
        if (str_to_i64(number, &seconds))
            return false;
        /* Any other age is met: a hit is of age 0. */
        *ret_anew = *ret_anew || (is_age && seconds == 0);
    }
    return true;
}

bool api_cache_check(struct api_call *c)
{
    bool anew;

    if (!parse(c->request.cache_control, &anew))
        return api_fail(c, 400, "Invalid Cache-Control header.");
    return true;
}

bool api_cache_is_asked(const struct api_call *c)
{
    if (!c->route || !(c->route->flags & API_CACHED) || !c->env->config->http_use_cache ||
        !param_has(&c->params, "cached"))
        return false;
    /* Of the endpoints below /v1/query/ only one. */
    return !str_has_prefix(c->path, STR_LIT("/v1/query/")) ||
           str_has_suffix(c->path, STR_LIT("/execute"));
}

/* consul: the key of a cache entry is the request without what only says how to answer. */
static void put_question(const struct api_call *c, struct buf *out)
{
    static const char *const left_out[] = {"cached", "pretty", "index", "wait", "token", "stale"};

    buf_put_str(out, c->path);
    buf_put_c(out, '\0');
    buf_put_str(out, c->token);
    for (size_t i = 0; i < c->params.n; i++) {
        const struct param_pair *p = &c->params.pairs[i];
        bool counts = true;

        for (size_t k = 0; k < sizeof(left_out) / sizeof(left_out[0]); k++)
            counts = counts && !str_eq_z(p->name, left_out[k]);
        if (!counts)
            continue;
        buf_put_c(out, '\0');
        buf_put_str(out, p->name);
        buf_put_c(out, '=');
        buf_put_str(out, p->value);
    }
}

void api_cache_tell(struct api_call *c)
{
    struct buf question;
    bool anew, was_asked;

    if (c->ship || c->is_failure || c->reply.status != 200 || !c->env->recall ||
        !api_cache_is_asked(c))
        return;
    buf_init(&question, 0);
    put_question(c, &question);
    was_asked = recall_ask(c->env->recall, buf_str(&question), env_now(c->env));
    buf_fini(&question);
    if (!parse(c->request.cache_control, &anew) || anew || !was_asked) {
        api_header(c, "X-Cache", STR_LIT("MISS"));
        return;
    }
    api_header(c, "X-Cache", STR_LIT("HIT"));
    api_header(c, "Age", STR_LIT("0"));
}
