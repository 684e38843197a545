/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a query template makes of the name it was asked by. Pure.
 *
 *     ${name.full} ${name.prefix} ${name.suffix} ${match(N)} ${agent.segment}, and $${ for a plain
 * ${
 *
 * consul: agent/consul/prepared_query/template.go, of whose language (HIL) this is what its
 * documentation names.
 */
#ifndef DISCO_STATE_QUERY_TEMPLATE_H
#define DISCO_STATE_QUERY_TEMPLATE_H

#include "base/mem.h"
#include "state/query.h"

/* Type, expression and all texts, as they would be filled in for an empty name. err: as Consul
 * words it, behind "failed compiling template: ". */
int query_template_check(const struct query *q, struct error *err) MUST_USE;
/* The query for this name; texts that were filled in live in the arena. A query that is no template
 * stays as it is. */
int query_template_render(const struct query *q, struct str name, struct arena *arena,
                          struct query *ret) MUST_USE;

#endif
