/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a table of values to a configuration: fields filled, addresses and
 * names derived, everything checked in Consul's order and words.
 */
#ifndef DISCO_AGENT_CONFIG_FINISH_H
#define DISCO_AGENT_CONFIG_FINISH_H

#include "agent/config_table.h"
#include "base/mem.h"

/* What struct config's `impl` is. */
struct config_impl {
    struct config_value
        *values;        /* config_table_n of them; fields of struct config borrow from here */
    struct arena arena; /* derived texts and addresses */
    char **argv;        /* the arguments, for a reload; NULL: none */
    int argc;
};

/* Lines of one error that names several things (Go's multierror). Initialise with {0}. */
struct config_problems {
    struct buf text;
    int n;
};
void config_finish_problem(struct config_problems *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "N errors occurred: ..." and ERR_INVALID, or 0 when there are none; frees. */
int config_finish_problems(struct config_problems *p, struct error *err) MUST_USE;

/* Copies the values into the fields and derives the rest. */
int config_finish_fields(struct config *c, struct error *err) MUST_USE;
/* Everything that can be known to be wrong without opening anything. */
int config_finish_check(struct config *c, struct error *err) MUST_USE;

#endif
