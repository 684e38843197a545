/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the log is made of: entries, and the configurations that some of them
 * carry.
 *
 * An entry is one allocation from proposal to apply, reference counted; all
 * references are taken and dropped on the core's thread. It costs its bytes
 * and 40 more, and one pointer in the log.
 */
#ifndef DISCO_RAFT_RAFT_ENTRY_H
#define DISCO_RAFT_RAFT_ENTRY_H

#include "base/addr.h"
#include "base/buf.h"

/* Numbers are on disk and on the wire: for ever. */
enum raft_entry_kind {
    RAFT_ENTRY_NOOP = 0,    /* the start of a term */
    RAFT_ENTRY_COMMAND = 1, /* bytes for the state machine */
    RAFT_ENTRY_CONFIGURATION = 2,
    RAFT_ENTRY_KINDS
};
/* The largest command (COMMAND_SIZE_MAX) and some room. */
#define RAFT_ENTRY_SIZE_MAX ((size_t)49 * 1024 * 1024)

struct raft_entry {
    uint64_t index, term;
    uint32_t refs;
    uint32_t size;
    uint8_t kind;
    char bytes[];
};

/* One reference, the caller's. size at most RAFT_ENTRY_SIZE_MAX; index and term are the log's to
 * set, or the restorer's. */
struct raft_entry *raft_entry_new(enum raft_entry_kind kind, struct str bytes);
struct raft_entry *raft_entry_ref(struct raft_entry *e);
void raft_entry_unref(struct raft_entry *e); /* accepts NULL */
struct str raft_entry_str(const struct raft_entry *e);

/* ---- configurations (dissertation 4) ---- */
#define RAFT_SERVERS_MAX     31
#define RAFT_SERVER_NAME_MAX 40

enum raft_suffrage {
    RAFT_VOTER = 0,
    RAFT_LEARNER = 1, /* gets the log, does not vote (4.2.1) */
};
struct raft_server {
    uint64_t id; /* raft_server_id(name); what messages and votes carry */
    enum raft_suffrage suffrage;
    char name[RAFT_SERVER_NAME_MAX];
    char address[ADDR_TEXT_MAX];
};
struct raft_configuration {
    uint64_t index; /* of its entry; 0: none yet */
    uint32_t n;
    struct raft_server servers[RAFT_SERVERS_MAX];
};

/* 64 bits of the name's SHA-256, never 0. Two servers whose ids are equal are not let into one
 * configuration. */
uint64_t raft_server_id(struct str name);
const struct raft_server *raft_configuration_find(const struct raft_configuration *c, uint64_t id);
uint32_t raft_configuration_voters(const struct raft_configuration *c);
bool raft_configuration_is_voter(const struct raft_configuration *c, uint64_t id);
/* Adds or replaces; ERR_TOO_LARGE when full, ERR_INVALID when a text is too long or the id is
 * another's. */
int raft_configuration_put(struct raft_configuration *c, struct str name, struct str address,
                           enum raft_suffrage suffrage) MUST_USE;
bool raft_configuration_del(struct raft_configuration *c, uint64_t id);
void raft_configuration_encode(const struct raft_configuration *c, struct buf *out);
/* ERR_CORRUPT on anything but what encode writes; index is left 0. */
int raft_configuration_decode(struct str bytes, struct raft_configuration *ret) MUST_USE;

#endif
