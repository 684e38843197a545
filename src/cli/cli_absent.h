/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands of Consul's that disco does not have, each with the reason: whoever comes with scripts
 * made for it is told more than that there is no such command.
 */
#ifndef DISCO_CLI_CLI_ABSENT_H
#define DISCO_CLI_CLI_ABSENT_H

/* Why there is no such command; NULL: it is not one of Consul's either. argv[0] is its first word.
 */
const char *cli_absent_reason(int argc, char *const *argv);

#endif
