/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A service as it is defined: in a file, over the API, in the mount. Pure.
 *
 * consul: structs.ServiceDefinition, AgentRegisterService
 */
#ifndef DISCO_AGENT_LOCAL_DEFINITION_H
#define DISCO_AGENT_LOCAL_DEFINITION_H

#include "check/check_type.h"
#include "state/catalog.h"

#define LOCAL_DEFINITION_CHECKS_MAX 1024
#define LOCAL_DEFINITION_PAIRS_MAX  1024

struct local_definition_service { /* texts in the arena */
    struct catalog_service row;   /* without node */
    struct str token;
    struct check_type *checks;
    size_t check_n;
};

/* False: `why` has the words: what does not decode begins with "Request decode failed: ". */
bool local_definition_service_parse(const struct jvalue *v, struct arena *arena,
                                    struct local_definition_service *ret, struct buf *why);
/* The same for a check that is registered by itself (its name, its kind, its status). */
bool local_definition_check_parse(const struct jvalue *v, struct arena *arena,
                                  struct check_type *ret, struct buf *why);
/* May a check of this type be here? scripts: the agent's setting that counts for its source. */
bool local_definition_allows(const struct check_type *t, bool scripts, bool from_config,
                             struct buf *why);
/* service, services, check, checks of a configuration file; each list's items are JSON texts. */
struct config;
int local_definition_check_config(const struct config *c, struct error *err) MUST_USE;
/* A row's texts copied into the arena. */
void local_definition_copy(const struct catalog_service *s, struct arena *arena,
                           struct catalog_service *ret);

#endif
