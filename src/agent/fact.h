/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server's log knows of itself and its peers, as lines of text: leader, status/leader,
 * status/peers, status/term, status/commit_index, status/applied_index and index.
 */
#ifndef DISCO_AGENT_FACT_H
#define DISCO_AGENT_FACT_H

#include "consensus/consensus.h"

/* False: there is no fact of this name. */
bool fact_of_log(const struct consensus *c, struct str name, struct buf *out);

#endif
