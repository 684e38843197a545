/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The /v1 endpoints as functions from request to reply; no HTTP library in
 * sight, no socket, no thread. A door (http/, later rpc/) makes a call, starts
 * it, and is told once when the reply is there.
 *
 * What an endpoint is made of, its kind, checks and functions, stands in one row of the
 * table of route.c (see route.h).
 */
#ifndef DISCO_API_API_H
#define DISCO_API_API_H

#include "agent/agent.h"
#include "agent/read.h"
#include "agent/write.h"
#include "api/param.h"
#include "base/mem.h"

#define API_PATH_SIZE_MAX      ((size_t)256 * 1024) /* decoded; above: 414 */
#define API_BODY_SIZE_MAX      ((size_t)64 * 1024 * 1024)
#define API_STREAM_BACKLOG_MAX ((size_t)1024 * 1024) /* bytes a slow reader may lag behind */

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
    const char *name; /* as Consul writes it: "X-Consul-Index" */
    struct str value;
};
#define API_HEADERS_MAX 32

struct api_request { /* all borrowed from the door, until api_start has returned */
    enum api_method method;
    struct str method_text;
    struct str path;  /* raw, still percent-encoded, without the query */
    struct str query; /* raw, without '?' */
    struct str body;
    bool has_body_length; /* Content-Length was given */
    bool is_unix;         /* came over a unix socket */
    struct str token_header /* X-Consul-Token */, authorization, namespace_header, cache_control;
    struct str accept, if_none_match, forwarded_for;
    bool accepts_gzip;
    struct addr remote; /* of a TCP client */
    /* of another agent: its node, client's address, query row, datacenter if it translates */
    struct str agent, source, prepared, translating;
};

struct api_reply {
    int status; /* 200 by default */
    struct api_header headers[API_HEADERS_MAX];
    int header_n;
    struct buf body; /* owned by the call */
    bool is_json;    /* Content-Type application/json */
    bool is_stream;  /* the door keeps the connection open: see api_stream_start */
};

struct api_call;
struct api_route;
struct api_ship;
struct api_token;

/* What a door adds for replies without an end. On the worker's thread. */
struct api_stream_door {
    /* Bytes to send, copied; false: the client is more than API_STREAM_BACKLOG_MAX behind, and
     * these bytes were dropped. */
    bool (*push)(struct api_call *c, struct str bytes);
    /* The reply is over. */
    void (*end)(struct api_call *c);
};

/* One request on its way. Made by the door with api_call_new, freed by the door with
 * api_call_free once `done` has come (or api_start returned true). */
struct api_call {
    struct env *env;
    struct arena arena;     /* lives as the call */
    struct arena run_arena; /* emptied before each run of a view: a parked read may run for ever */
    struct api_request request;
    struct api_reply reply;
    const struct api_route *route;
    struct str path, rest; /* decoded once, any bytes; of it, what follows the route's path */
    struct param params;
    struct str token; /* from the query, the header or the bearer */
    bool pretty;
    void (*done)(struct api_call *c); /* the door's, as is this: */
    void *door;
    const struct api_stream_door *stream_door;
    /* A stream's endpoint: the client left, or the agent stops. After it nothing may be pushed. */
    void (*stream_closed)(struct api_call *c);
    void *scratch; /* the endpoint's, in arena */
    int kind;      /* enum api_kind of the route; a check may change it */
    int base_header_n;
    struct instant started;
    bool is_found, is_failure; /* an execution has instances; private */
    bool is_quiet;             /* not worth a "Request finished" line */
    bool is_shipped, is_final; /* another agent sent it here; and it goes no further */
    struct api_ship *ship;     /* it is run elsewhere; in arena */
    struct api_token *ask;     /* what its token permits is asked first; in arena */
    union {
        struct read read;
        struct ask ask;
    } work;
};

struct api_call *api_call_new(struct env *env);
void api_call_free(struct api_call *c);
/* True: the reply is there now and done will not be called. False: done comes later. */
bool api_start(struct api_call *c);
/* The client left. A parked read ends at once (done comes before this returns); anything else
 * finishes unheard: done still comes, later. Harmless when done has come. */
void api_cancel(struct api_call *c);
bool api_is_parked(const struct api_call *c);
/* For api_ship.c and who goes on after a read (route.h): the reply is there now. */
void api_finish_later(struct api_call *c);
void api_token_known(struct api_call *c, bool may_go_on); /* for api_token.c */

/* ---- for endpoints ---- */
/* A text/plain error reply, bodies as Consul words them; returns false. */
bool api_fail(struct api_call *c, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The HTTP status and body of an error code, one table; `text` (may be NULL) replaces its words.
 * Returns false. */
bool api_fail_code(struct api_call *c, int code, const char *text);
/* name: static text. value: borrowed until the reply is sent: arena or static text. */
void api_header(struct api_call *c, const char *name, struct str value);
void api_header_u64(struct api_call *c, const char *name, uint64_t value);
/* A writer on the reply's body, emptied first, that honours ?pretty; marks the reply as JSON. */
struct jwrite api_json(struct api_call *c);
void api_true(struct api_call *c, bool value);       /* body `true` or `false` */
void api_empty(struct api_call *c, int status);      /* 404, or what is given, without a body */
struct str api_asked_node(const struct api_call *c); /* the name of that agent's node */
/* The client's address, a proxy's word on it (X-Forwarded-For) first; before the work begins. */
struct str api_source_ip(const struct api_call *c, char dst[ADDR_TEXT_MAX]);
struct str api_keep(struct api_call *c, struct str s); /* lives as long as the call */
struct str api_printf(struct api_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* An endpoint of kind API_LOCAL (or the `done` of one of kind API_CORE) turns its reply into a
 * stream: status and headers go out, the connection stays. Then, on the worker's thread, the
 * endpoint calls api_stream_push and api_stream_end until stream_closed has come. stream_closed
 * comes exactly once, also after api_stream_end. */
void api_stream_start(struct api_call *c, void (*closed)(struct api_call *c));
bool api_stream_push(struct api_call *c, struct str bytes);
void api_stream_end(struct api_call *c);

#endif
