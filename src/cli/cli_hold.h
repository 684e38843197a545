/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Being one of at most so many: a lock or a semaphore among the keys, by the recipes of Consul's
 * client library, so that its programs, `consul lock`, and flock(2) on the mount's key file take
 * part. One thread: the session is renewed between waits, and no wait is longer than some seconds.
 *
 * consul: api.Lock, api.Semaphore
 */
#ifndef DISCO_CLI_CLI_HOLD_H
#define DISCO_CLI_CLI_HOLD_H

#include "cli/cli_child.h"
#include "cli/cli_http.h"

#define CLI_HOLD_LOCK_FLAGS      UINT64_C(0x2ddccbc058a50c18)
#define CLI_HOLD_SEMAPHORE_FLAGS UINT64_C(0xe0f69a2baa414de0)
#define CLI_HOLD_LIMIT_MAX       100000

struct cli_hold {
    struct cli_http *http;   /* the caller's */
    struct cli_child *child; /* the caller's: news interrupt waits */
    const char *datacenter;  /* or NULL */
    const char *prefix;      /* of the keys, without a slash at the end */
    uint64_t limit;          /* 1: a lock */
    char session[64];        /* "": none */
    struct instant until;
    uint64_t index;         /* private */
    struct instant renewed; /* private */
};

/* A session of this name; its TTL ends it when this process dies. */
int cli_hold_open(struct cli_hold *h, const char *name, struct error *err) MUST_USE;
/* Waits until it is held. ERR_TIMEOUT: not until then; -EINTR: a signal that ends programs;
 * ERR_CONFLICT: the key is something else. */
int cli_hold_take(struct cli_hold *h, struct instant until, struct error *err) MUST_USE;
/* Waits some seconds for a change. 0: still held; ERR_CLOSED: lost; -EINTR: there is news of the
 * child; else the agent could not be asked, which may pass. */
int cli_hold_look(struct cli_hold *h, struct error *err) MUST_USE;
/* Gives back what is held, and the session. */
int cli_hold_release(struct cli_hold *h, struct error *err) MUST_USE;
/* Deletes the key that nobody uses any more. ERR_BUSY: somebody does. */
int cli_hold_clean(struct cli_hold *h, struct error *err) MUST_USE;

#endif
