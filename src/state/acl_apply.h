/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What changes of tokens, policies and roles have in common. Private to acl_apply*.c. All that
 * return int give 0, or ERR_INVALID with the result's text.
 */
#ifndef DISCO_STATE_ACL_APPLY_H
#define DISCO_STATE_ACL_APPLY_H

#include "state/acl.h"
#include "state/indexes.h"

bool acl_apply_read(struct str body, enum acl_put *ret_how, struct str *ret_row);
/* Words a UUID that is none, as go-memdb does. what: "token". */
int acl_apply_check_id(struct apply *a, struct str id, const char *what);
void acl_apply_touch(struct apply *a, enum indexes_table table);
bool acl_apply_find_policy(struct view *v, struct str id, struct str name, struct str *ret_id,
                           struct str *ret_name);
bool acl_apply_find_role(struct view *v, struct str id, struct str name, struct str *ret_id,
                         struct str *ret_name);
/* Gives every link both its id and its name; what: "policy", "role". */
int acl_apply_links(struct apply *a, struct str links, const char *what,
                    bool (*find)(struct view *v, struct str id, struct str name, struct str *ret_id,
                                 struct str *ret_name),
                    struct buf *out);
/* what: "token", "role". */
int acl_apply_check_identities(struct apply *a, struct str services, struct str nodes,
                               const char *what);
int acl_apply_delete_token(struct apply *a, struct str id);
/* The management policy, where it is missing. */
void acl_apply_builtin_policy(struct apply *a);

#endif
