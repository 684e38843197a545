/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of options, in the order of --help.
 *
 * To add an option: a field in struct config (config.h) and a row in
 * config_table.c. Flags, file keys, defaults, ranges, merge, reload, --help,
 * the man page and doc/config.md follow from the row.
 */
#ifndef DISCO_AGENT_CONFIG_TABLE_H
#define DISCO_AGENT_CONFIG_TABLE_H

#include "agent/config_value.h"

extern const struct config_option config_table[];
extern const size_t config_table_n;

/* What -dev presets, between the defaults and the files. */
struct config_table_preset {
    const char *key, *text;
};
extern const struct config_table_preset config_table_dev[];
extern const size_t config_table_dev_n;

/* Place in the table, or -1. Key paths are found as Go's decoder finds them, ASCII case ignored. */
int config_table_find_key(struct str path);
int config_table_find_flag(struct str flag);
/* Is there an option below this path ("dns_config" of "dns_config.node_ttl")? */
bool config_table_is_group(struct str path);

#endif
