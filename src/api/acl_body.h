/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tokens, policies and roles have in common as JSON. Private to api_acl*.c.
 */
#ifndef DISCO_API_ACL_BODY_H
#define DISCO_API_ACL_BODY_H

#include "api/api_acl.h"
#include "base/jread.h"
#include "state/acl.h"

/* What is decoded from a body, for its errors: "Token decoding failed: ...". */
struct acl_body {
    struct api_call *c;
    const char *noun; /* "Token" */
    struct jvalue *root;
};
/* The body as an object that has only members of `names` (NULL at its end). False: 400 was said.
 * An empty body is an object without members. */
bool acl_body_open(struct acl_body *b, struct api_call *c, const char *noun,
                   const char *const *names);
void acl_body_close(struct acl_body *b);
bool acl_body_fail(struct acl_body *b, const char *what);
/* Texts are copied into the call. */
bool acl_body_str(struct acl_body *b, const char *name, struct str *ret);
bool acl_body_bool(struct acl_body *b, const char *name, bool *ret);
/* "Policies", "Roles": a packed array of [id, name]. */
bool acl_body_links(struct acl_body *b, const char *name, struct str *ret);
bool acl_body_services(struct acl_body *b, struct str *ret);
bool acl_body_nodes(struct acl_body *b, struct str *ret);
bool acl_body_texts(struct acl_body *b, const char *name, struct str *ret);

/* Members, left out when there is nothing in them. v: names are looked up anew, and those that are
 * gone left out; NULL: as they stand. */
void acl_body_put_policies(struct jwrite *w, struct view *v, struct str links);
void acl_body_put_roles(struct jwrite *w, struct view *v, struct str links);
void acl_body_put_services(struct jwrite *w, struct str services);
void acl_body_put_nodes(struct jwrite *w, struct str nodes);
void acl_body_put_texts(struct jwrite *w, const char *name, struct str texts);
/* "Hash": changes with what is hashed, and with nothing else. */
void acl_body_put_hash(struct jwrite *w, const struct str *parts, size_t n);
void acl_body_put_time(struct jwrite *w, const char *name, int64_t wall_ns);
/* Does a packed list of links hold the id? */
bool acl_body_has_link(struct str links, struct str id);

/* For views: may the caller see ACLs? False: the reply is made. */
bool acl_body_may_read(struct api_call *c, struct view *v);
/* "ACL not found", 403. */
int acl_body_missing(struct api_call *c);

#endif
