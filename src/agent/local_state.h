/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the local services and checks are made of: for agent.c, which opens them, and the files of
 * local*.c, which change, keep and synchronise them.
 *
 * tidy: long because six files share these structures
 */
#ifndef DISCO_AGENT_LOCAL_STATE_H
#define DISCO_AGENT_LOCAL_STATE_H

#include "agent/local.h"
#include "agent/local_definition.h"
#include "base/map.h"
#include "consensus/consensus.h"

/* The services and checks that the catalog has of this node, as state/inventory.h packs them. */
struct local_fetch {
    void (*done)(struct local_fetch *f); /* maybe from inside */
    int status;
    struct buf bytes;
};

/* The way to the catalog: on a server its own state, on a client a server's. */
struct local_remote {
    void *data;
    void (*submit)(void *data, struct str token,
                   struct consensus_submit *s); /* done: maybe inside */
    void (*fetch)(void *data, struct local_fetch *f);
    struct str (*node_token)(void *data); /* for the node itself; NULL: none is needed */
    /* 0, ERR_DENIED or ERR_NO_TOKEN: may the token write this service, or node? NULL: all may. */
    int (*may)(void *data, struct str token, bool is_service, struct str name);
    size_t (*members)(void *data); /* of the cluster: how often to look follows it */
    /* The checks of a node as they stand in the catalog, for aliases; false: not from here. */
    bool (*node_checks)(void *data, struct str node,
                        bool (*each)(void *each_data, const struct health_check *c),
                        void *each_data);
};

/* DATA/services, DATA/checks, DATA/checks/state: one file for each, named by a hash of the id. */
enum local_folder { LOCAL_SERVICES, LOCAL_CHECKS, LOCAL_STATES, LOCAL_FOLDERS };
struct local_disk {
    void *data; /* NULL: nothing is kept */
    /* bytes.p NULL: the file goes. The bytes are copied. Returns a ticket: see local_written. */
    uint64_t (*write)(void *data, enum local_folder folder, struct str id, struct str bytes);
};

struct local_config {
    const struct config *config;
    const char *node_id;
    struct timers *timers;
    struct rng *rng;
    struct instant (*clock)(void);
    struct check_runner runner;
    struct local_remote remote;
    struct local_disk disk;
};

/* What is to be told to the catalog. */
struct local_item {
    struct list link; /* on `dirty` */
    uint64_t seq;     /* when it became dirty */
    bool is_service, is_dirty, is_flying;
};

struct local_service {
    struct local_item item;
    struct arena arena;
    struct catalog_service row;
    struct str token, definition; /* definition: of a file, compact JSON */
    struct list checks;           /* its own, deleted ones too */
    bool from_config, is_deleted, is_marked;
};

struct local_check {
    struct local_item item;
    struct list in_service;
    struct local *local;
    struct arena arena;
    struct health_check row; /* status and output follow the two below */
    struct check_type type;
    struct str token, definition;
    enum check_status status;
    struct buf output;
    struct check check;
    struct timer defer; /* output alone has changed: the catalog is told then */
    struct timer reap;  /* critical for too long */
    bool from_config, is_deleted, is_marked, is_stale;
    bool has_result, is_unsaved; /* something was reported; not yet in its file */
};

struct local {
    struct local_config conf;
    const struct config *config;
    struct map services, checks; /* by id */
    size_t alias_n;
    bool is_aliasing, alias_again;
    struct check_engine *engine;
    struct list wishes, watches;
    /* anti-entropy: local_sync.c */
    struct list dirty, flying; /* items; struct local_push */
    size_t flying_n;
    uint64_t seq;
    struct timer full_timer, retry_timer;
    bool is_waiting, was_refused, is_fetching, fetch_again, node_in_sync, closing;
    bool is_leaving; /* waits, too, and for nothing */
    struct duration retry_delay;
    struct local_fetch fetch;
    uint64_t written, last_ticket; /* of the disk */
};

struct local *local_new(const struct local_config *conf);
/* Answers all that wait, stops all checks, saves their last output. Before the workers stop, so
 * that nobody waits for them; then local_free when the log has answered. */
void local_close(struct local *l);
void local_free(struct local *l);
/* Definitions of the configuration in force, over what there is. */
void local_reload(struct local *l, const struct config *config);
/* What the disk holds up to this ticket is safe. */
void local_written(struct local *l, uint64_t ticket);
/* There is a leader, or a link to one: do not wait any longer. */
void local_poke(struct local *l);
/* This agent leaves: nothing is told to the catalog any more, and wishes do not wait for that. */
void local_leave(struct local *l);
/* Rows of these nodes or services changed: for aliases. */
void local_changes(struct local *l, const struct change_batch *changes);

/* ---- local_sync.c ---- */
void local_sync_init(struct local *l);
void local_sync_fini(struct local *l);
void local_dirty(struct local *l, struct local_item *item);
void local_pump(struct local *l);
void local_wishes_look(struct local *l);
void local_wish_start(struct local *l, struct local_wish *w);
void local_sync_failed(struct local *l, const char *why); /* again later */
void local_wish_refuse(struct local_wish *w, int status); /* w->text is set */
/* True: the token may write the service; service "": the node. Else the wish is refused. */
bool local_wish_may(struct local *l, struct local_wish *w, struct str token, struct str service);

/* ---- local_full.c ---- */
void local_full_init(struct local *l);
void local_full_fini(struct local *l);
void local_full_start(struct local *l);

/* ---- local.c ---- */
struct local_service *local_service_get(struct local *l, struct str id); /* not the deleted */
struct local_service *local_service_new(struct local *l, struct str id); /* any, emptied */
void local_service_remove(struct local *l, struct local_service *s);
void local_item_gone(struct local *l, struct local_item *item); /* deleted, and the catalog knows */
void local_watches_look(struct local *l, struct str service_id);

/* ---- local_check.c ---- */
struct local_check *local_check_get(struct local *l, struct str id);
/* Makes or replaces; its status stays when it was there. service: NULL or its service. */
struct local_check *local_check_put(struct local *l, const struct check_type *t, struct str id,
                                    struct str name, struct local_service *service,
                                    bool from_config);
void local_check_remove(struct local *l, struct local_check *c);
void local_check_update(struct local_check *c, enum check_status s, struct str output);
void local_check_restore(struct local_check *c, enum check_status s, struct str output);
void local_check_free(struct local_check *c);
void local_check_run(struct local_check *c); /* its runs begin */
void local_aliases_look(struct local *l);
void local_checks_save(struct local *l);

/* ---- local_render.c: the members of a definition, without checks and token ---- */
void local_render_service(const struct catalog_service *r, struct jwrite *w);

/* ---- local_persist.c ---- */
void local_persist_service(struct local *l, const struct local_service *s);
void local_persist_check(struct local *l, const struct local_check *c);
void local_persist_state(struct local *l, struct local_check *c);
void local_persist_remove(struct local *l, enum local_folder folder, struct str id);
/* Reads DATA/services and so on; what cannot be read is logged and left alone. */
void local_persist_load(struct local *l, const char *data_dir);

#endif
