/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The leader's list of members to look at: those that gossip told of, and all of them now and then.
 * What a look gives is reconcile.h's. Where the members come from is handed in.
 */
#ifndef DISCO_AGENT_LEADER_MEMBERS_H
#define DISCO_AGENT_LEADER_MEMBERS_H

#include "agent/config.h"
#include "agent/reconcile.h"

struct leader_members_source {
    void *data;
    bool (*find)(void *data, struct str name, struct member *ret,
                 struct pair tags[MEMBER_TAGS_MAX]);
    void (*each)(void *data, void (*each)(void *each_data, struct str name), void *each_data);
};

struct leader_members;
struct leader_members *leader_members_new(const struct leader_members_source *source,
                                          uint64_t seed);
void leader_members_free(struct leader_members *l); /* accepts NULL */
void leader_members_clear(struct leader_members *l);
/* To be looked at; in the order of the notes, each once. */
void leader_members_note(struct leader_members *l, struct str name);
/* All members, and the nodes that gossip once told of. */
void leader_members_note_all(struct leader_members *l, struct view *v);
bool leader_members_is_empty(const struct leader_members *l);
/* Looks at one after the other until one needs a command; that one stays the first, to be looked at
 * again when its command is done. Its name is for the log, valid until the next call. */
enum reconcile_act leader_members_next(struct leader_members *l, struct view *v,
                                       const struct config *c, struct buf *command,
                                       struct str *ret_name);
/* The command for the first one was refused: it is left until the next time it is noted. */
void leader_members_give_up(struct leader_members *l);

#endif
