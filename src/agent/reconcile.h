/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the catalog should say of the members of the LAN pool (consul: leader.go,
 * handleAliveMember and the like): the node, its check serfHealth, and for
 * servers the service consul. Pure: a member and a view in, at most one command
 * out. The leader asks again until nothing is left to do.
 */
#ifndef DISCO_AGENT_RECONCILE_H
#define DISCO_AGENT_RECONCILE_H

#include "agent/member.h"
#include "state/view.h"

/* consul: serfCheckID */
#define RECONCILE_CHECK_ID "serfHealth"

enum reconcile_act {
    RECONCILE_NOTHING,
    RECONCILE_JOINED, /* a node came, or came back */
    RECONCILE_FAILED, /* serfHealth becomes critical */
    RECONCILE_LEFT,   /* deregistered */
    RECONCILE_REAPED, /* deregistered: gossip has forgotten it */
};

struct reconcile_self {
    struct str node, datacenter;
};

/* Is the member one that the catalog of this datacenter shows? */
bool reconcile_is_ours(const struct reconcile_self *self, const struct member *m);
/* The command (COMMAND_CATALOG_*) that brings the catalog one step nearer to m. */
enum reconcile_act reconcile_member(struct view *v, const struct reconcile_self *self,
                                    const struct member *m, struct buf *command);
/* The node has a check serfHealth, and no member bears its name any more. */
enum reconcile_act reconcile_reaped(struct view *v, const struct reconcile_self *self,
                                    struct str node, struct buf *command);
/* Names of the nodes that gossip once told of (they have a check serfHealth), in order. */
void reconcile_each_known(struct view *v, void (*each)(void *data, struct str node), void *data);
/* Writes meta of a server's service consul as a packed map. */
void reconcile_pack_server_meta(const struct member *m, struct buf *out);

#endif
