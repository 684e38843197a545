/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /v1/query: prepared queries. How they are read from a body is in api_query_body.c, how they are
 * run in api_query_run.c.
 */
#ifndef DISCO_API_API_QUERY_H
#define DISCO_API_API_QUERY_H

#include "api/api.h"
#include "state/query.h"

int api_query_list(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_query_create(struct api_call *c, struct buf *command);
void api_query_created(struct api_call *c, const struct result *result);

/* Below /v1/query/: ID, NAME/execute, NAME/explain. */
bool api_query_methods(struct api_call *c);
bool api_query_check(struct api_call *c);
int api_query_read(struct api_call *c, struct view *v, uint64_t *ret_index);
bool api_query_go_on(struct api_call *c);
bool api_query_update(struct api_call *c, struct buf *command);
bool api_query_delete(struct api_call *c, struct buf *command);
void api_query_done(struct api_call *c, const struct result *result);

/* ---- for api_query.c ---- */
/* The query as it came, but for the id; texts live as long as the JSON or the call. False: the
 * reply is made. */
struct jvalue;
bool api_query_take(struct api_call *c, const struct jvalue *root, struct query *ret,
                    struct str *ret_id);
enum api_query_what { API_QUERY_ROW, API_QUERY_EXECUTE, API_QUERY_EXPLAIN };
struct api_query_request { /* c->scratch, made by api_query_check */
    enum api_query_what what;
    struct str key; /* id or name */
    size_t limit;
    size_t failovers; /* sent with a query: the how manieth datacenter this is */
    bool connect;
    struct str source; /* the client's address */
    struct str kept;   /* the row, when nothing was found and it may be looked for elsewhere */
};
int api_query_execute(struct api_call *c, struct view *v);
int api_query_explain(struct api_call *c, struct view *v);
int api_query_not_found(struct api_call *c);

/* ---- for api_query_run.c ---- */
bool api_query_put(void *data, const struct query *q); /* data: struct jwrite * */
void api_query_put_dns(struct jwrite *w, const struct query *q);

#endif
