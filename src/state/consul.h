/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is in state.bin of a snapshot that Consul 1.9 made, as a dump of ours (restore.h), which
 * restore_apply then believes no more than any other.
 *
 * msgpack: a map {LastIndex}, then until the end one byte of a message type and one value each.
 *
 * Indexes above index_max are lowered to it: Consul's log may be longer than ours, and a key whose
 * index lies ahead of the log would hide changes from whoever waits.
 *
 * consul: agent/consul/fsm/snapshot_oss.go, agent/structs/structs.go
 */
#ifndef DISCO_STATE_CONSUL_H
#define DISCO_STATE_CONSUL_H

#include "state/catalog.h"

/* Of Consul's messages, what a snapshot has. */
enum consul_message {
    CONSUL_REGISTER = 0,
    CONSUL_KV = 2,
    CONSUL_SESSION = 3,
    CONSUL_LEGACY_ACL = 4,
    CONSUL_TOMBSTONE = 5,
    CONSUL_COORDINATES = 6,
    CONSUL_QUERY = 7,
    CONSUL_AUTOPILOT = 9,
    CONSUL_ACL_BOOTSTRAP = 11,
    CONSUL_INTENTION = 12,
    CONSUL_CA_ROOTS = 13,
    CONSUL_CA_PROVIDER = 14,
    CONSUL_CA_CONFIG = 15,
    CONSUL_INDEX = 16,
    CONSUL_TOKEN = 17,
    CONSUL_POLICY = 19,
    CONSUL_CONFIG_ENTRY = 22,
    CONSUL_ROLE = 23,
    CONSUL_BINDING_RULE = 25,
    CONSUL_AUTH_METHOD = 27,
    CONSUL_CHUNKING = 29,
    CONSUL_FEDERATION = 30,
    CONSUL_METADATA = 31,
    CONSUL_MAY_BE_IGNORED = 128 /* structs.IgnoreUnknownTypeFlag */
};

/* Begins it as Consul's does? */
bool consul_is_snapshot(struct str bytes);
/* left_out gets the words for what was not taken over, "" when all was: "2 intentions, 1 auth
 * method". ERR_INVALID or ERR_TOO_LARGE with err: nothing of `dump` is to be used. dump->failed:
 * too large. */
int consul_import(struct str bytes, uint64_t index_max, struct buf *dump, struct buf *left_out,
                  struct error *err) MUST_USE;

/* ---- private to consul*.c: one record, a map with the names of Go's fields ----
 * A field that is missing or nil is empty or 0; one of another type makes the record bad. What is
 * repacked lives in the record's parts until the next record. */
#define CONSUL_PARTS_MAX 12
#define CONSUL_PAIRS_MAX 256 /* Consul allows 64 of metadata */

struct consul_record {
    struct str map;     /* one whole value */
    uint64_t index_max; /* create and modify indexes are not higher, see consul_import.h */
    struct buf *parts;  /* CONSUL_PARTS_MAX of them */
    unsigned *part_n;   /* used */
    bool *bad;
};

/* The bytes of one whole value, taken from `u`. */
struct str consul_value(struct unpack *u);
/* The value of a field; STR_NONE when it is missing or nil. */
struct str consul_field(const struct consul_record *r, const char *name);
/* The same as a record of its own; its map is STR_NONE when missing. */
struct consul_record consul_sub(const struct consul_record *r, const char *name);
struct str consul_text(const struct consul_record *r, const char *name);
uint64_t consul_u64(const struct consul_record *r, const char *name);
int64_t consul_i64(const struct consul_record *r, const char *name);
double consul_double(const struct consul_record *r, const char *name);
bool consul_bool(const struct consul_record *r, const char *name);
/* encoding.BinaryMarshaler of Go's time.Time, as ns since 1970; the zero time is 0. */
int64_t consul_time(const struct consul_record *r, const char *name);
/* CreateIndex or ModifyIndex. */
uint64_t consul_index(const struct consul_record *r, const char *name);
/* Repacked as our rows have them. */
struct str consul_texts(const struct consul_record *r, const char *name);
struct pairs consul_pairs(const struct consul_record *r, const char *name);
/* An array of maps: for each, put(out, element). */
struct str consul_each(const struct consul_record *r, const char *name,
                       void (*put)(struct buf *out, const struct consul_record *element));
struct buf *consul_part(const struct consul_record *r);

/* ---- the tables that are made ---- */
enum consul_table {
    CONSUL_TO_META,
    CONSUL_TO_KV,
    CONSUL_TO_TOMBSTONE,
    CONSUL_TO_NODE,
    CONSUL_TO_SERVICE,
    CONSUL_TO_CHECK,
    CONSUL_TO_COORDINATE,
    CONSUL_TO_SESSION,
    CONSUL_TO_QUERY,
    CONSUL_TO_POLICY,
    CONSUL_TO_ROLE,
    CONSUL_TO_TOKEN,
    CONSUL_TABLES
};
enum consul_left { CONSUL_LEFT_PROXY = 200, CONSUL_LEFT_TOKEN, CONSUL_LEFT_POLICY };
struct consul_sink {
    struct buf rows[CONSUL_TABLES];
    struct buf key, row, last_node;
    size_t size;        /* of all rows */
    uint32_t left[256]; /* by message or enum consul_left */
};
/* Takes what stands in sink->key and sink->row. */
void consul_put(struct consul_sink *s, enum consul_table table);
void consul_take_register(struct consul_sink *s, const struct consul_record *r);
void consul_take_session(struct consul_sink *s, const struct consul_record *r);
void consul_take_query(struct consul_sink *s, const struct consul_record *r);
void consul_take_token(struct consul_sink *s, const struct consul_record *r);
void consul_take_policy(struct consul_sink *s, const struct consul_record *r);
void consul_take_role(struct consul_sink *s, const struct consul_record *r);

#endif
