/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The /v1 endpoints as functions from request to reply; no HTTP library in
 * sight, no socket, no thread. A door (http/, later rpc/) makes a call, starts
 * it, and is told once when the reply is there.
 *
 * A route (route.c) says what kind of work the endpoint is:
 *
 *   API_READ    `view` is run over a view on the worker, again after each change while it blocks
 *   API_WRITE   `prepare` makes a command; `finish` renders its result
 *   API_CORE    `core` is run on the core thread, over the agent
 *   API_LOCAL   `local` answers at once from configuration and published values
 */
#ifndef DISCO_API_API_H
#define DISCO_API_API_H

#include "agent/agent.h"
#include "agent/read.h"
#include "agent/write.h"
#include "base/mem.h"

enum api_method {
    API_GET = 1,
    API_PUT = 2,
    API_POST = 4,
    API_DELETE = 8,
    API_HEAD = 16,
    API_OPTIONS = 32,
    API_OTHER = 64,
};

struct api_header {
    struct str name, value; /* value borrowed from arena, request or static text */
};
#define API_HEADERS_MAX 32

struct api_request { /* all borrowed from the door until the call is done */
    enum api_method method;
    struct str method_text;
    struct str path;  /* raw, still percent-encoded, without the query */
    struct str query; /* raw, without '?' */
    struct str body;
    bool has_body_length; /* Content-Length was given */
    struct str accept_encoding, token_header /* X-Consul-Token */, authorization, index_header;
    struct addr remote; /* family AF_UNIX for a socket */
};

struct api_reply {
    int status; /* 200 by default */
    struct api_header headers[API_HEADERS_MAX];
    int header_n;
    struct buf body; /* owned by the call */
    bool is_json;    /* Content-Type application/json; pretty was applied by the writer */
    /* Streaming (monitor): the door keeps the connection open; see api_monitor. */
    bool is_stream;
};

struct api_call;
struct api_route;

/* One request on its way. Made by the door with api_call_new, freed by the door with
 * api_call_free once `done` has come (or api_start returned true). */
struct api_call {
    struct env *env;
    struct arena arena; /* lives as the call */
    struct api_request request;
    struct api_reply reply;
    const struct api_route *route;
    struct str rest;      /* path after the route's prefix, raw */
    struct param *params; /* parsed query (param.h), in arena */
    struct str token;     /* from header, bearer or query */
    bool pretty;
    void (*done)(struct api_call *c); /* the door's */
    void *door;                       /* the door's */
    void *scratch;                    /* the endpoint's, in arena */
    union {
        struct read read;
        struct write write;
        struct ask ask;
    } work;
};

struct api_call *api_call_new(struct env *env);
void api_call_free(struct api_call *c);
/* True: the reply is there now and done will not be called. False: done comes later. */
bool api_start(struct api_call *c);
/* The client left. A parked read ends at once; anything else finishes unheard. done still comes
 * (or came). */
void api_cancel(struct api_call *c);

/* ---- for endpoints ---- */
/* A text/plain error reply (400, 404, 500 ... bodies as Consul words them); returns false. */
bool api_fail(struct api_call *c, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The HTTP status and body of an error code, one table. */
void api_fail_code(struct api_call *c, int code, const char *text);
void api_header(struct api_call *c, const char *name, struct str value);
/* A writer on the reply's body that honours ?pretty; marks the reply as JSON. The body is emptied
 * first, so that a run over a view may start afresh. */
struct jwrite api_json(struct api_call *c);
void api_true(struct api_call *c, bool value); /* body `true` or `false` */

#endif
