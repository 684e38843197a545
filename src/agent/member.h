/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A member of the gossip pool as Consul's tags describe it: client, server, or
 * something else that merely gossips. Pure.
 */
#ifndef DISCO_AGENT_MEMBER_H
#define DISCO_AGENT_MEMBER_H

#include "base/addr.h"
#include "state/catalog.h"

#define MEMBER_TAGS_MAX    32
#define MEMBER_VERSION_MAX 32

/* serf: MemberStatus, and one more */
enum member_status {
    MEMBER_NONE,
    MEMBER_ALIVE,
    MEMBER_LEAVING,
    MEMBER_LEFT,
    MEMBER_FAILED,
    MEMBER_REAPED, /* no longer remembered */
};
const char *member_status_text(enum member_status s); /* "alive" */

enum member_role { MEMBER_OTHER, MEMBER_CLIENT, MEMBER_SERVER };

struct member {
    /* given */
    struct str name;  /* in the WAN pool with ".DC" at its end */
    struct addr addr; /* of its gossip */
    enum member_status status;
    uint8_t vsn[6]; /* protocol min, max, current; delegate min, max, current */
    const struct pair *tags;
    size_t tag_n;
    /* read from the tags; texts borrow from them */
    enum member_role role;
    struct str id, dc, segment;
    struct str short_name; /* without ".DC" */
    struct addr rpc;       /* a server's own port on its address */
    int64_t expect, raft_vsn;
    uint16_t wan_join_port; /* 0: none */
    bool bootstrap, read_replica;
    char version[MEMBER_VERSION_MAX]; /* x.y.z of its build */
};

/* STR_NONE when there is no such tag. */
struct str member_tag(const struct member *m, const char *name);
/* Fills the second half from the first. What looks like a server but lacks what makes one is
 * MEMBER_OTHER (consul: metadata.IsConsulServer). */
void member_read_tags(struct member *m);

#endif
