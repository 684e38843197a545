/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/dns_failover.h"

#include <libknot/libknot.h>

#include "agent/failover.h"
#include "base/mem.h"
#include "dns/dns_ship.h"
#include "state/query.h"

struct dns_failover {
    struct failover failover;
    struct dns_pending *pending;
    struct buf row;
    struct buf answer; /* the one that was taken */
};

static void put(struct failover *f, struct buf *body)
{
    struct dns_failover *d = LIST_ITEM(f, struct dns_failover, failover);

    dns_ship_put(d->pending, buf_str(&d->row), true, body);
}

/* Instances without an address of the type asked for are found, too. */
static bool take(struct failover *f, struct str answer)
{
    struct dns_failover *d = LIST_ITEM(f, struct dns_failover, failover);

    if (answer.n < KNOT_WIRE_HEADER_SIZE || answer.n > DNS_ANSWER_SIZE_MAX ||
        knot_wire_get_rcode((const uint8_t *)answer.p) != KNOT_RCODE_NOERROR)
        return false;
    buf_put_str(&d->answer, answer);
    return true;
}

static void on_done(struct failover *f)
{
    struct dns_failover *d = LIST_ITEM(f, struct dns_failover, failover);

    if (f->is_found)
        dns_worker_finish(d->pending, (const uint8_t *)d->answer.p, d->answer.n);
    else
        dns_worker_finish_here(d->pending);
    buf_fini(&d->row);
    buf_fini(&d->answer);
    mem_free(d);
}

void dns_failover_start(struct dns_pending *p, struct str row)
{
    struct dns_failover *d = mem_new(struct dns_failover);
    struct query q;

    d->pending = p;
    buf_init(&d->row, 0);
    buf_init(&d->answer, 0);
    buf_put_str(&d->row, row);
    ASSERT(query_read(buf_str(&d->row), &q)); /* dns_service.c made it */
    d->failover = (struct failover){.kind = SHIP_DNS,
                                    .nearest = q.failover_nearest,
                                    .listed = q.failover_datacenters,
                                    .put = put,
                                    .take = take,
                                    .done = on_done};
    failover_start(p->worker->env, &d->failover);
}
