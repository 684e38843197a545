/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of endpoints. A new endpoint is one row in route.c and one function in the noun's file.
 *
 *   API_READ    `view` is run over a view on the worker, again after each change while it blocks
 *   API_WRITE   `prepare` makes a command; `finish` renders its result
 *   API_CORE    `core` is run on the core thread, over the agent; with ask->later set it may answer
 *               in its own time (ask_answer); with a `view`, that makes the reply afterwards
 *   API_LOCAL   `local` answers at once from configuration and published values
 *
 * `check` (optional, any kind) looks at the request once, before the work: it may parse the body
 * into c->scratch, change c->kind, or answer (api_fail, return false).
 */
#ifndef DISCO_API_ROUTE_H
#define DISCO_API_ROUTE_H

#include "api/api.h"

enum api_kind { API_READ, API_WRITE, API_CORE, API_LOCAL };

enum api_flag {
    API_QUERY = 1, /* index, wait and consistency are parsed; bad ones are 400 */
    API_DC = 2,    /* another ?dc is 500 "No path to datacenter" */
    API_NS = 4,    /* ?ns= is 400: an Enterprise feature */
    API_META_ERROR =
        8, /* errors carry X-Consul-Index, Knownleader and Lastcontact (Go: defer setMeta) */
    API_CONSISTENCY = 16,  /* X-Consul-Effective-Consistency */
    API_NO_INDEX = 32,     /* a read whose reply has no X-Consul-Index */
    API_NO_META = 64,      /* nor the other two */
    API_SERVER = 128,      /* kind API_CORE: about the cluster, so a client agent asks a server */
    API_LEADER = 256,      /* only the leader can answer */
    API_ANY_TOKEN = 512,   /* a read that says itself that there is no such token */
    API_OWN = 1024,        /* a read of what this agent itself holds: no leader, no other agent */
    API_CACHED = 4096,     /* ?cached is told X-Cache and Age */
    API_SAYS_RIGHT = 2048, /* a denial names the right that is missing */
};
/* What the caller's token must permit before the work begins; reads and commands are looked at by
 * the state itself (state/policy). */
enum api_right {
    API_RIGHT_STATE, /* the state sees to it: reads and writes only */
    API_RIGHT_OPEN,  /* nothing to protect, or the endpoint sees to it itself */
    API_RIGHT_TOKEN, /* a token that is given must exist */
    API_RIGHT_AGENT_READ,
    API_RIGHT_AGENT_WRITE,
    API_RIGHT_OPERATOR_READ,
    API_RIGHT_OPERATOR_WRITE,
    API_RIGHT_KEYRING_READ,
    API_RIGHT_KEYRING_WRITE,
    API_RIGHT_MANAGEMENT, /* acl:write */
};
#define API_USUAL (API_QUERY | API_DC | API_NS)

struct api_route {
    enum api_method method;
    const char *path; /* one that ends in '/' takes any rest: c->rest */
    enum api_kind kind;
    unsigned flags;
    enum api_right right;
    /* Where the methods depend on the rest of the path, in all rows of it; before any other look
     * at the request. False: the reply is made. */
    bool (*methods)(struct api_call *c);
    bool (*check)(struct api_call *c); /* false: the reply is made */
    /* Fills the reply; called again while it blocks, each time with an empty reply. Temporary
     * memory comes from c->run_arena. Returns 0 or an error code. */
    int (*view)(struct api_call *c, struct view *v, uint64_t *ret_index);
    /* API_READ, after the last run of `view`, when that succeeded. True: the reply is made later,
     * and api_finish_later tells. */
    bool (*go_on)(struct api_call *c);
    bool (*prepare)(struct api_call *c, struct buf *command);        /* false: the reply is made */
    void (*finish)(struct api_call *c, const struct result *result); /* NULL: `true` */
    void (*core)(struct api_call *c, struct agent *agent); /* c->request.body may be used */
    void (*local)(struct api_call *c);
};

/* The row for a decoded path and a method. NULL: none takes the path (*ret_any NULL), or none of
 * those that do takes the method (*ret_any is one of them). */
const struct api_route *route_find(struct str path, enum api_method method,
                                   const struct api_route **ret_any);
/* Go's ServeMux: a path that lacks only its final slash. */
bool route_lacks_slash(struct str path);
/* "OPTIONS,GET,PUT": the methods of a path. */
void route_allow(const struct api_route *any, struct buf *out);
/* All rows, for tests and documentation. */
const struct api_route *route_table(size_t *ret_n);
/* doc/api.md. */
void route_print_markdown(struct buf *out);

#endif
