/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions for a prepared query that found nothing here: other datacenters are asked with the
 * query itself (agent/failover.h), and answer with a packet as dns_ship.h says.
 */
#ifndef DISCO_DNS_DNS_FAILOVER_H
#define DISCO_DNS_DNS_FAILOVER_H

#include "dns/dns_worker.h"

/* row: the query's (copied). The pending question is finished with what comes back, or with what is
 * known here. */
void dns_failover_start(struct dns_pending *p, struct str row);

#endif
