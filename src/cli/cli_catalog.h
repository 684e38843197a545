/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco catalog datacenters|nodes|services`.
 */
#ifndef DISCO_CLI_CLI_CATALOG_H
#define DISCO_CLI_CLI_CATALOG_H

#include "cli/cli_command.h"

int cli_catalog_datacenters(struct cli *c);
int cli_catalog_nodes(struct cli *c);
int cli_catalog_services(struct cli *c);

#endif
