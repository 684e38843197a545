/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers that came from other agents, kept for when they are asked for again
 * (dns_config.use_cache): fresh ones spare the way, old ones are better than
 * none when no server answers. One per worker; pure.
 *
 * A question is kept with all that its answer depends on; a newer one may take
 * its place, so what is kept is bounded.
 *
 * consul: agent/cache for DNS. Ours: a server is asked again when the answer is
 * older than cache_max_age, not in the background.
 */
#ifndef DISCO_DNS_DNS_RECALL_H
#define DISCO_DNS_DNS_RECALL_H

#include "base/clock.h"
#include "dns/dns_reply.h"

#define DNS_RECALL_SLOTS 1024
#define DNS_RECALL_SIZE_MAX                                                                        \
    ((size_t)4096) /* of a question and its answer; larger ones are not kept */
#define DNS_RECALL_AGE_MAX DURATION_S(72 * 3600) /* consul: how long an entry lives */

struct dns_recall;

struct dns_recall *dns_recall_new(uint64_t seed);
void dns_recall_free(struct dns_recall *r); /* accepts NULL */
/* SERVFAIL and the like are not kept. */
void dns_recall_put(struct dns_recall *r, struct str packet, bool is_tcp,
                    const struct dns_asker *asker, struct str answer, struct instant now);
/* An answer that is no older, with the packet's own id, into `out`, which has room for what the
 * packet takes. Returns its size, or 0. */
size_t dns_recall_get(const struct dns_recall *r, struct str packet, bool is_tcp,
                      const struct dns_asker *asker, struct duration age_max, struct instant now,
                      uint8_t *out);

#endif
