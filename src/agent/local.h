/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The services and checks of this agent: registered over the API or the mount, defined in
 * configuration files, kept in the data directory, run by the check engine, and kept the same in
 * the catalog (anti-entropy). Core thread only; workers come by ask_core (agent/env.h).
 *
 * A wish is a change that somebody waits for. Embedded in the asker's object; its `done` comes
 * once, maybe from inside the call: when the change is on disk and the catalog has it (or cannot be
 * reached: then that is logged and tried again, and the wish is granted all the same, as in
 * Consul).
 *
 *     static void run(struct ask *a, struct agent *agent)
 *     {
 *         a->later = true;
 *         mine->wish.done = on_done;           // ask_answer(a)
 *         local_register(agent_local(agent), json, STR_NONE, 0, &mine->wish);
 *     }
 */
#ifndef DISCO_AGENT_LOCAL_H
#define DISCO_AGENT_LOCAL_H

#include "agent/config.h"
#include "base/jread.h"
#include "base/list.h"
#include "check/check.h"
#include "state/health.h"

struct local;

#define LOCAL_SERVICES_MAX 65536
#define LOCAL_CHECKS_MAX   131072
/* Of one definition's text. */
#define LOCAL_DEFINITION_SIZE_MAX ((size_t)1 << 20)

struct local_wish {
    void (*done)(struct local_wish *w);
    /* outputs, set before the functions below return when they refuse */
    int status;      /* 0; ERR_INVALID: the definition is wrong; ERR_DENIED, ERR_NO_TOKEN: the token
                      * does not permit it; ERR_NOT_FOUND; else it was refused */
    struct buf text; /* why; Consul's words. Freed by local_wish_fini */
    /* private */
    struct list link;
    uint64_t seq, ticket;
};
void local_wish_init(struct local_wish *w, void (*done)(struct local_wish *w));
void local_wish_fini(struct local_wish *w);

enum local_flag {
    LOCAL_REPLACE_CHECKS = 1, /* checks that the definition does not have go */
};

/* JSON text of a service as in PUT /v1/agent/service/register; local_register_value: parsed. */
void local_register(struct local *l, struct str json, struct str token, unsigned flags,
                    struct local_wish *w);
void local_register_value(struct local *l, const struct jvalue *v, struct str token, unsigned flags,
                          struct local_wish *w);
/* ERR_NOT_FOUND when there is no such service or check; nothing is changed then. */
void local_deregister(struct local *l, struct str service_id, struct str token,
                      struct local_wish *w);
/* A check as in PUT /v1/agent/check/register. */
void local_check_register(struct local *l, const struct jvalue *v, struct str token,
                          struct local_wish *w);
void local_check_deregister(struct local *l, struct str check_id, struct str token,
                            struct local_wish *w);
/* Of a TTL check; ERR_NOT_FOUND: there is none of this id. */
void local_check_report(struct local *l, struct str check_id, enum check_status s,
                        struct str output, struct str token, struct local_wish *w);
/* service_id "": the node. Reason "": Consul's default words. */
void local_maintenance(struct local *l, struct str service_id, bool enable, struct str reason,
                       struct str token, struct local_wish *w);

/* ---- questions ---- */
/* Borrowed until the next change. */
struct local_service_info {
    const struct catalog_service *row;
    struct str token;
    char hash[17]; /* of the content, hex */
};
bool local_service_find(struct local *l, struct str id, struct local_service_info *ret);
/* In the order of their ids. */
void local_services(struct local *l, void (*each)(void *data, const struct local_service_info *s),
                    void *data);
void local_checks(struct local *l, void (*each)(void *data, const struct health_check *c),
                  void *data);
/* The checks of one service, then the node's own. */
void local_service_checks(struct local *l, struct str service_id,
                          void (*each)(void *data, const struct health_check *c), void *data);
/* The definition of a service as JSON that local_register takes: what the mount shows. False: there
 * is none. */
bool local_definition(struct local *l, struct str service_id, struct jwrite *w);

/* Waits until the content of a service is not `hash` (or it is gone, or never was), or `at`. */
struct local_watch {
    void (*done)(struct local_watch *w); /* once; never from inside local_watch_start */
    struct str service_id, hash;         /* the owner's */
    struct instant at;
    /* private */
    struct local *local;
    struct list link;
    struct timer timer;
};
/* False: the content is another already, there is nothing to wait for. */
bool local_watch_start(struct local *l, struct local_watch *w);

struct local_counts {
    size_t services, checks, critical, dirty, running;
};
void local_get_counts(const struct local *l, struct local_counts *ret);

#endif
