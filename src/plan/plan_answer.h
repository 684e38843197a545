/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a watch has heard: answers go in, and what a handler is to be told comes out, or nothing
 * when it is what was told before.
 */
#ifndef DISCO_PLAN_PLAN_ANSWER_H
#define DISCO_PLAN_PLAN_ANSWER_H

#include "plan/plan.h"

struct plan_answer {
    uint64_t index;   /* to wait beyond; 0: ask at once */
    struct buf told;  /* the last document, compact JSON */
    struct buf event; /* id of the last event that was told */
    bool has_told;
};

void plan_answer_init(struct plan_answer *a);
void plan_answer_fini(struct plan_answer *a);
/* The answer to plan_url(p, a->index): its status (200; or 404, of keys), X-Consul-Index and body.
 * 1: a->told is new; 0: it is not; ERR_INVALID: the answer cannot be read, nothing changes. */
int plan_answer_take(struct plan_answer *a, const struct plan *p, int status, uint64_t index,
                     struct str body) MUST_USE;
/* The question failed: the next one is asked at once, since the agent may have lost its indexes. */
void plan_answer_fail(struct plan_answer *a);
/* a->told for people: indented by four spaces. */
void plan_answer_pretty(const struct plan_answer *a, struct buf *out);

#endif
