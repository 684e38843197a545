/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With libcurl, loaded when it is needed (see check/web_uv.c): the command line's own client speaks
 * to the agent only, and knows neither TLS nor proxies.
 */
#include "cli/cli_tell.h"

#include <dlfcn.h>
#include <stdio.h>

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define LIBRARY "libcurl.so.4"

/* clang-format off */
#define FUNCTIONS(X) \
    X(easy_cleanup) X(easy_getinfo) X(easy_init) X(easy_perform) X(easy_setopt) X(easy_strerror) \
    X(slist_append) X(slist_free_all)
/* clang-format on */
struct library {
#define X(name) __typeof__(&curl_##name) name;
    FUNCTIONS(X)
#undef X
};

static int load(struct library *l, struct error *err)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL); /* never closed */

    if (!handle)
        return error_set(err, ERR_UNSUPPORTED, LIBRARY " cannot be loaded");
#define X(name) *(void **)&l->name = dlsym(handle, "curl_" #name);
    FUNCTIONS(X)
#undef X
#define X(name) &&l->name
    if (!(true FUNCTIONS(X)))
        return error_set(err, ERR_UNSUPPORTED, LIBRARY " lacks a function");
#undef X
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
    (void)bytes, (void)data;
    return size * n;
}

static struct curl_slist *add_header(const struct library *l, struct curl_slist *list,
                                     struct str name, struct str value)
{
    struct buf line;

    buf_init(&line, 0);
    buf_put_str(&line, name);
    buf_put_z(&line, value.n ? ": " : ";"); /* libcurl's notation for an empty one */
    buf_put_str(&line, value);
    struct str text = buf_str(&line);
    if (str_find(text, '\n', 0) == text.n && str_find(text, '\r', 0) == text.n)
        list = l->slist_append(list, buf_z(&line));
    buf_fini(&line);
    return list;
}

static struct curl_slist *headers_make(const struct library *l, const struct plan *p,
                                       uint64_t index)
{
    struct curl_slist *list = NULL;
    char number[24];

    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)index);
    list = add_header(l, list, STR_LIT("Content-Type"), STR_LIT("application/json"));
    list = add_header(l, list, STR_LIT("X-Consul-Index"), str_z(number));
    list = add_header(l, list, STR_LIT("Expect"), STR_NONE);
    for (size_t i = 0; i < p->header_n; i++)
        list = add_header(l, list, p->headers[i].name, p->headers[i].value);
    return list;
}

int cli_tell(const struct plan *p, uint64_t index, struct str body, struct error *err)
{
    struct library l;
    char why[CURL_ERROR_SIZE] = "";
    struct buf path, method;
    long code = 0;
    int status = load(&l, err);
    CURL *easy = status == 0 ? l.easy_init() : NULL;

    if (!easy)
        return status < 0 ? status : error_set(err, ERR_UNSUPPORTED, LIBRARY " does not start");
    struct curl_slist *headers = headers_make(&l, p, index);
    buf_init(&path, 0);
    buf_init(&method, 0);
    buf_put_str(&path, p->path);
    buf_put_str(&method, p->method);
    l.easy_setopt(easy, CURLOPT_URL, buf_z(&path));
    l.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    l.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
    l.easy_setopt(easy, CURLOPT_POSTFIELDS, body.p ? body.p : "");
    l.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, buf_z(&method));
    l.easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    l.easy_setopt(easy, CURLOPT_USERAGENT, "Consul Watch"); /* consul: the same */
    l.easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)duration_ms(p->timeout));
    l.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    l.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    l.easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
    l.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, p->skip_verify ? 0L : 1L);
    l.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, p->skip_verify ? 0L : 2L);
    CURLcode rc = l.easy_perform(easy);
    l.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    if (rc)
        status = error_set(err, ERR_INVALID, "%s %s: %s", buf_z(&method), buf_z(&path),
                           why[0] ? why : l.easy_strerror(rc));
    else if (code < 200 || code > 299)
        status = error_set(err, ERR_INVALID, "%s %s: HTTP status %ld", buf_z(&method), buf_z(&path),
                           code);
    l.slist_free_all(headers);
    l.easy_cleanup(easy);
    buf_fini(&path);
    buf_fini(&method);
    return status;
}
