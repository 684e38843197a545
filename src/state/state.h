/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The replicated truth: the same commands in the same order give the same
 * rows on every server. Deterministic: no clock, no chance, no map order.
 *
 * Applying is total: any bytes yield a result; what fails changes nothing
 * but the applied index. state_apply_group is called by consensus/fsm.c alone, on the core.
 */
#ifndef DISCO_STATE_STATE_H
#define DISCO_STATE_STATE_H

#include "state/command.h"
#include "state/view.h"

/* The store's tables, in the order given to store_open. */
/* clang-format off */
#define STATE_TABLES(X)                                                          \
    X(TABLE_META)       /* "applied" -> u64; index rows: table and service indexes */ \
    X(TABLE_KV)         /* key -> entry */                                       \
    X(TABLE_TOMBSTONE)  /* key -> index of the delete */                         \
    X(TABLE_NODE)       /* lower(name) -> node */                                \
    X(TABLE_NODE_ID)    /* id -> lower(name) */                                  \
    X(TABLE_SERVICE)    /* lower(node), lower(id) -> instance */                 \
    X(TABLE_BY_SERVICE) /* lower(service), lower(node), lower(id) -> "" */       \
    X(TABLE_CHECK)      /* lower(node), lower(check id) -> check */              \
    X(TABLE_CHECK_BY_SERVICE) /* lower(service), lower(node), check id -> "" */  \
    X(TABLE_SESSION)    /* id -> session */                                      \
    X(TABLE_SESSION_BY_NODE)  /* lower(node), id -> "" */                        \
    X(TABLE_KV_BY_SESSION)    /* session id, key -> "" */                        \
    X(TABLE_SESSION_BY_CHECK) /* lower(node), lower(check id), session id -> "" */ \
    X(TABLE_CHECK_BY_INSTANCE) /* lower(node), lower(service id) or "", lower(check id) -> status, index */ \
    X(TABLE_ACL_TOKEN)       /* accessor -> token */                             \
    X(TABLE_ACL_SECRET)      /* secret -> accessor */                            \
    X(TABLE_ACL_POLICY)      /* id -> policy */                                  \
    X(TABLE_ACL_POLICY_NAME) /* name -> id */                                    \
    X(TABLE_ACL_ROLE)        /* id -> role */                                    \
    X(TABLE_ACL_ROLE_NAME)   /* name -> id */                                       \
    X(TABLE_QUERY)            /* id -> prepared query */                         \
    X(TABLE_QUERY_BY_NAME)    /* "n" (of a template "t"), lower(name) -> id */   \
    X(TABLE_QUERY_BY_SESSION) /* session id, id -> "" */                         \
    X(TABLE_COORDINATE)       /* lower(node), segment -> coordinate */           \
    /* This server's own (LOCAL_, see store.h); others stand above them. */      \
    X(LOCAL_HISTORY)          /* key, index -> the entry before, or "" */        \
    X(LOCAL_HISTORY_RING)     /* index, key -> ""; "" -> the oldest index known */
/* clang-format on */
enum state_table {
#define X(name) name,
    STATE_TABLES(X)
#undef X
        STATE_TABLE_N
};
extern const char *const state_table_names[STATE_TABLE_N];

/* What a command answers to its proposer. `status` is 0 or an error code; `body` is the command's
 * own msgpack (documented beside its apply), `text` words an error for a person. */
struct result {
    int status;
    struct buf body;
    char text[ERROR_TEXT_MAX];
};
void result_init(struct result *r);
void result_fini(struct result *r);

/* What an apply function is given. */
struct apply {
    struct store_txn *txn;
    struct view view;             /* over the transaction */
    uint64_t index;               /* of the log entry */
    struct change_batch *changes; /* added to; dropped by state_apply when the apply fails */
    struct result *result;
    size_t history_max;  /* bytes of what is replaced that are kept (history.h); 0: nothing is */
    bool rollback;       /* set by an apply that succeeded in finding that nothing may change */
    struct buf released; /* lock delays that begin: u64 ns, u32 size, key */
};
typedef int (*state_apply_fn)(struct apply *a, struct str body);

struct state;
struct state *state_new(struct store *store);
void state_free(struct state *s);
/* Applies n committed commands at `first` (greater than any index before) and on, in as few
 * transactions as can be; readers see all of one or nothing. Never fails as a whole: a command's
 * failure is in results[i].status. Returns negative only when the store itself failed (map full):
 * the status of those that found no room is ERR_STORAGE, and they changed nothing. */
int state_apply_group(struct state *s, uint64_t first, const struct str *commands, uint32_t n,
                      struct change_batch *changes, struct result *results);
/* The same for one command. */
int state_apply(struct state *s, uint64_t index, struct str command, struct change_batch *changes,
                struct result *result);
/* Called after a command has taken a key from a session that asked for a lock delay: the leader
 * refuses acquisitions of the key for so long (time is not the state's business). */
void state_set_lock_delay(struct state *s,
                          void (*on_delay)(void *data, struct str key, int64_t delay_ns),
                          void *data);
/* From now on what is replaced is kept, so many bytes of it; 0: nothing. */
void state_set_history(struct state *s, size_t bytes_max);
/* After a snapshot was loaded into the store. */
uint64_t state_applied_index(struct state *s);

/* ---- for the nouns ---- */
/* Words result->text, gives back `code`. */
int state_fail(struct apply *a, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* As Go's %q prints a string. */
void state_quote(struct buf *out, struct str s);

#endif
