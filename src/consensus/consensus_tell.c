/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "consensus/consensus_core.h"

static const char *const suffrages[] = {[RAFT_VOTER] = "Voter", [RAFT_LEARNER] = "Nonvoter"};

static void tell_configuration(const struct consensus *c)
{
    const struct raft_configuration *conf = raft_get_configuration(c->raft);
    struct buf servers;

    buf_init(&servers, 0);
    buf_put_c(&servers, '[');
    for (uint32_t i = 0; i < conf->n; i++)
        buf_putf(&servers, "%s{Suffrage:%s ID:%s Address:%s}", i ? " " : "",
                 suffrages[conf->servers[i].suffrage], conf->servers[i].name,
                 conf->servers[i].address);
    buf_put_c(&servers, ']');
    log_info(CONSENSUS_SUBSYSTEM, "initial configuration: index=%" PRIu64 " servers=\"%s\"",
             conf->index, buf_z(&servers));
    buf_fini(&servers);
}

static const char *name_of(const struct consensus *c, uint64_t id)
{
    const struct raft_server *s = raft_configuration_find(raft_get_configuration(c->raft), id);
    return s ? s->name : "";
}

static const char *address_of(const struct consensus *c, uint64_t id)
{
    const struct raft_server *s = raft_configuration_find(raft_get_configuration(c->raft), id);
    return s ? s->address : "";
}

void consensus_tell(void *data, enum raft_trace_kind kind, uint64_t a, uint64_t b)
{
    struct consensus *c = data;
    const char *self = c->conf.server_address;
    struct raft_facts f;

    switch (kind) {
    case RAFT_TRACE_FOLLOWER:
        log_info(CONSENSUS_SUBSYSTEM,
                 "entering follower state: follower=\"Node at %s [Follower]\" leader=%s", self,
                 address_of(c, a));
        break;
    case RAFT_TRACE_TIMEOUT:
        log_warn(CONSENSUS_SUBSYSTEM,
                 "heartbeat timeout reached, starting election: last-leader=%s", address_of(c, a));
        break;
    case RAFT_TRACE_PRE_VOTE:
        log_debug(CONSENSUS_SUBSYSTEM, "entering pre-vote state: term=%" PRIu64, a);
        break;
    case RAFT_TRACE_CANDIDATE:
        log_info(CONSENSUS_SUBSYSTEM,
                 "entering candidate state: node=\"Node at %s [Candidate]\" term=%" PRIu64, self,
                 a);
        log_debug(CONSENSUS_SUBSYSTEM, "votes: needed=%" PRIu64, b);
        break;
    case RAFT_TRACE_VOTE:
        raft_get_facts(c->raft, &f);
        log_debug(CONSENSUS_SUBSYSTEM, "vote granted: from=%s term=%" PRIu64 " tally=%" PRIu64,
                  name_of(c, a), f.term, b);
        break;
    case RAFT_TRACE_WON:
        log_info(CONSENSUS_SUBSYSTEM, "election won: tally=%" PRIu64, a);
        break;
    case RAFT_TRACE_LEADER:
        log_info(CONSENSUS_SUBSYSTEM, "entering leader state: leader=\"Node at %s [Leader]\"",
                 self);
        break;
    case RAFT_TRACE_NO_QUORUM:
        log_warn(CONSENSUS_SUBSYSTEM, "failed to contact quorum of nodes, stepping down");
        break;
    case RAFT_TRACE_NOT_VOTER:
        log_debug(CONSENSUS_SUBSYSTEM, "not part of stable configuration, aborting election");
        break;
    case RAFT_TRACE_CONFIGURATION:
        if (c->starting) {
            c->starting = false;
            tell_configuration(c);
            break;
        }
        log_debug(CONSENSUS_SUBSYSTEM, "configuration in effect: index=%" PRIu64, a);
        break;
    }
}
