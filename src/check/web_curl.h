/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libcurl as it was loaded: private to web_uv.c, which runs it on the loop, and web_request_uv.c,
 * which makes the requests.
 */
#ifndef DISCO_CHECK_WEB_CURL_H
#define DISCO_CHECK_WEB_CURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "check/web.h"

/* clang-format off */
#define WEB_CURL_FUNCTIONS(X) \
    X(easy_cleanup) X(easy_getinfo) X(easy_init) X(easy_setopt) X(easy_strerror) \
    X(free) X(global_cleanup) X(global_init) X(multi_add_handle) X(multi_assign) \
    X(multi_cleanup) X(multi_info_read) X(multi_init) X(multi_remove_handle) X(multi_setopt) \
    X(multi_socket_action) X(slist_append) X(slist_free_all) X(url) X(url_cleanup) \
    X(url_get) X(url_set)
/* clang-format on */
struct curl {
#define X(name) __typeof__(&curl_##name) name;
    WEB_CURL_FUNCTIONS(X)
#undef X
};

/* NULL: it cannot be used, *ret_why says why. */
const struct curl *web_curl_get(struct web *w, const char **ret_why);
CURLM *web_curl_multi(struct web *w);
/* A transfer is over; frees it. */
void web_curl_done(CURL *easy, const struct curl *curl, CURLcode rc);

#endif
