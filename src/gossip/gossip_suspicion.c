/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "gossip/gossip_suspicion.h"

#include <math.h>

#define PUSH_PULL_SCALE_FROM 32 /* memberlist: pushPullScaleThreshold */

void gossip_suspicion_init(struct gossip_suspicion *s, struct instant now, uint64_t accuser,
                           uint32_t wanted, int64_t min_ms, int64_t max_ms)
{
    s->start = now;
    s->min_ms = min_ms;
    s->max_ms = max_ms;
    s->wanted = wanted;
    s->known = 0;
    s->seen[0] = accuser;
}

bool gossip_suspicion_confirm(struct gossip_suspicion *s, uint64_t accuser)
{
    if (s->known >= s->wanted)
        return false;
    for (uint32_t i = 0; i <= s->known; i++) {
        if (s->seen[i] == accuser)
            return false;
    }
    s->seen[++s->known] = accuser;
    return true;
}

struct instant gossip_suspicion_deadline(const struct gossip_suspicion *s)
{
    int64_t ms = gossip_suspicion_total_ms(s->known, s->wanted, s->min_ms, s->max_ms);

    return instant_add(s->start, DURATION_MS(ms));
}

uint32_t gossip_suspicion_wanted(int mult, uint32_t n)
{
    int wanted = mult - 2; /* the accuser and the suspect confirm nothing */

    /* memberlist: in a pool so small, nobody is left who could confirm */
    if (wanted < 0 || (int64_t)n - 2 < wanted)
        return 0;
    return wanted > GOSSIP_SUSPICION_WANTED_MAX ? GOSSIP_SUSPICION_WANTED_MAX : (uint32_t)wanted;
}

int64_t gossip_suspicion_min_ms(int mult, uint32_t n, struct duration probe_interval)
{
    double scale = log10(n > 1 ? (double)n : 1.0);
    int64_t thousandths = (int64_t)((scale > 1.0 ? scale : 1.0) * 1000);

    return mult * thousandths * (probe_interval.ns / 1000) / 1000000;
}

int64_t gossip_suspicion_total_ms(uint32_t known, uint32_t wanted, int64_t min_ms, int64_t max_ms)
{
    double part, ms;

    if (wanted == 0)
        return min_ms;
    part = log((double)known + 1) / log((double)wanted + 1);
    /* in seconds, as memberlist computes, so that the rounding is the same */
    ms = floor(1000.0 *
               ((double)max_ms / 1000 - part * ((double)max_ms / 1000 - (double)min_ms / 1000)));
    return (int64_t)ms < min_ms ? min_ms : (int64_t)ms;
}

uint32_t gossip_suspicion_transmits(int mult, uint32_t n)
{
    return (uint32_t)mult * (uint32_t)ceil(log10((double)n + 1));
}

struct duration gossip_suspicion_push_pull(struct duration base, uint32_t n)
{
    if (n <= PUSH_PULL_SCALE_FROM)
        return base;
    return (struct duration){base.ns *
                             (int64_t)(ceil(log2((double)n) - log2(PUSH_PULL_SCALE_FROM)) + 1)};
}

uint32_t gossip_suspicion_health(uint32_t score, int64_t delta)
{
    int64_t next = (int64_t)score + delta;

    if (next < 0)
        return 0;
    return next > GOSSIP_HEALTH_MAX ? GOSSIP_HEALTH_MAX : (uint32_t)next;
}
