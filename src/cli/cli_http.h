/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small blocking HTTP/1.1 client over TCP or a unix socket, for a program
 * that asks one thing and ends. One connection, kept between requests; bodies
 * by length, chunked, or until the end. Why not a library: doc/decisions.
 *
 * Errors are worded as people know them: `Get "http://host:port/path": dial
 * tcp host:port: connect: connection refused`.
 */
#ifndef DISCO_CLI_CLI_HTTP_H
#define DISCO_CLI_CLI_HTTP_H

#include "base/buf.h"

#define CLI_HTTP_HEAD_MAX  65536
#define CLI_HTTP_ANSWER_MS 660000 /* the longest blocking read is 10 minutes and its jitter */

struct cli_http;

struct cli_reply {
    int status;
    uint64_t index; /* X-Consul-Index, or 0 */
    struct buf body;
};

/* address: host:port, http://host:port, tcp://host:port, unix:///path. token and auth
 * ("user:password") may be NULL. Does not connect yet. */
int cli_http_open(const char *address, const char *token, const char *auth, struct cli_http **ret,
                  struct error *err) MUST_USE;
/* On a connected socket, which is the client's from then on; it cannot connect again (tests). */
struct cli_http *cli_http_adopt(int fd);
void cli_http_close(struct cli_http *h); /* accepts NULL */

/* method is "GET", "PUT", "DELETE"; url begins with "/v1/"; body NULL: none. *ret is the caller's
 * (cli_reply_fini) also after a failure. */
int cli_http_do(struct cli_http *h, const char *method, struct str url, const struct str *body,
                struct cli_reply *ret, struct error *err) MUST_USE;
/* The same, but a body with status 200 is given to `each` as it comes, without a time limit, until
 * it ends or `each` returns false. */
int cli_http_stream(struct cli_http *h, const char *method, struct str url,
                    bool (*each)(void *data, struct str bytes), void *data, struct cli_reply *ret,
                    struct error *err) MUST_USE;
void cli_reply_fini(struct cli_reply *r);
/* When fd becomes readable while an answer is awaited, the wait ends with -EINTR (fd is not read).
 * -1: none. */
void cli_http_set_interrupt(struct cli_http *h, int fd);
/* From now on a request that takes long says on this terminal how far it is; -1: none. */
void cli_http_set_progress(struct cli_http *h, int terminal);
/* The token of the requests that follow; NULL or "": none. */
void cli_http_set_token(struct cli_http *h, const char *token);

/* Adds "?name=value" or "&name=value", encoded; value NULL: the name alone. */
void cli_http_param(struct buf *url, const char *name, const char *value);

#endif
