/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of the HTTP door, opened before there is a second thread. Each worker's door takes
 * those of its number (and sets their fd to -1).
 */
#ifndef DISCO_HTTP_HTTP_LISTEN_H
#define DISCO_HTTP_HTTP_LISTEN_H

#include "http/http.h"

struct http_listener {
    int fd; /* listening; -1 once taken */
    int worker_i;
    bool is_unix;
};
struct http_listeners {
    struct http_listener *items;
    size_t n;
    char *unix_path; /* unlinked at the end, or NULL */
};

#endif
