/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flags as Go's flag package reads them: one dash or two, `-flag value` or
 * `-flag=value`, booleans only with `=`; parsing stops at the first argument
 * that is no flag, or after "--". A flag given twice: the last one counts,
 * lists collect.
 */
#ifndef DISCO_CLI_CLI_FLAGS_H
#define DISCO_CLI_CLI_FLAGS_H

#include "base/buf.h"

#define CLI_FLAGS_MAX      24 /* of one command, all groups together */
#define CLI_FLAGS_LIST_MAX 64

enum cli_flag_type { CLI_FLAG_BOOL, CLI_FLAG_TEXT, CLI_FLAG_UINT, CLI_FLAG_LIST };

struct cli_flag {
    const char *name; /* without dashes */
    enum cli_flag_type type;
    const char *value; /* what stands for the value in help, "<string>"; NULL for booleans */
    const char *help;
};

struct cli_flag_value {
    const struct cli_flag *flag;
    bool given, on;
    uint64_t number;
    const char *text;
    const char *items[CLI_FLAGS_LIST_MAX];
    size_t item_n;
};
struct cli_flags {
    struct cli_flag_value values[CLI_FLAGS_MAX];
    size_t n;
};

void cli_flags_add(struct cli_flags *f, const struct cli_flag *flags, size_t n);
/* Reads flags from argv[0]; *ret_used is the number of arguments that were flags. *ret_help is set
 * for -h, -help and --help. Errors are worded as Go's. */
int cli_flags_parse(struct cli_flags *f, int argc, char **argv, int *ret_used, bool *ret_help,
                    struct error *err) MUST_USE;
/* By name, which must be one of the command's. */
const struct cli_flag_value *cli_flags_get(const struct cli_flags *f, const char *name);
/* NULL when the command has no such flag. */
const struct cli_flag_value *cli_flags_find(const struct cli_flags *f, const char *name);
bool cli_flags_is_on(const struct cli_flags *f, const char *name);
const char *cli_flags_text(const struct cli_flags *f, const char *name); /* NULL when not given */

#endif
