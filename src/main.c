/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "agent/config.h"
#include "cli/cli.h"

static const struct cli_hooks cli_hooks = {
    .validate = config_validate,
    .agent_help = config_print_help,
    .config_markdown = config_print_markdown,
    .config_man = config_print_man,
};

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "agent") == 0) {
        fprintf(stderr, "==> this build has no agent\n");
        return 1;
    }
    return cli_run(argc, argv, &cli_hooks);
}
