/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions passed on to the recursors: each to the first, to the next when
 * that one fails (SERVFAIL, REFUSED, NOTIMP) or is silent for
 * dns_config.recursor_timeout, once each. On the worker's loop.
 */
#ifndef DISCO_DNS_DNS_FORWARD_H
#define DISCO_DNS_DNS_FORWARD_H

#include "agent/env.h"

struct dns_forward;

/* One question under way; embedded in the caller's object, which lives until done. */
struct dns_forward_call {
    /* What the recursor answered, with the question's own ID, borrowed until done returns; empty
     * when nobody answered. Exactly once, never inside dns_forward_start. */
    void (*done)(struct dns_forward_call *c, struct str answer);
    /* private */
    struct dns_forward *forward;
    void *channel;
    uint16_t id;
    size_t question_n;
    bool has_edns;
    struct timer later;
    struct str kept; /* owned */
};

/* ERR_INVALID when a recursor is no address. */
int dns_forward_new(void *uv_loop, struct env *env, const struct config *config,
                    struct dns_forward **ret, struct error *err) MUST_USE;
/* Calls under way end with an empty answer; closed(data) comes once, in a later turn, after which
 * nothing of it is left. */
void dns_forward_close(struct dns_forward *f, void (*closed)(void *data), void *data);

/* `packet` is a valid question; it is copied. */
void dns_forward_start(struct dns_forward *f, struct dns_forward_call *c, struct str packet,
                       bool is_tcp);

#endif
