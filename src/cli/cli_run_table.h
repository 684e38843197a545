/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of the commands that run other programs, and their flags; the table is in cli.c.
 */
#ifndef DISCO_CLI_CLI_RUN_TABLE_H
#define DISCO_CLI_CLI_RUN_TABLE_H

#include "cli/cli_keeper.h"
#include "cli/cli_lock.h"
#include "cli/cli_watch.h"

/* clang-format off */
static const struct cli_flag lock_flags[] = {
    {"child-exit-code", CLI_FLAG_BOOL, NULL, "Exit with status 2 when the child fails"},
    {"monitor-retry",   CLI_FLAG_UINT, "<n>", "How often to ask again, a second apart, when the agent fails while the lock is held; default 3"},
    {"n",               CLI_FLAG_UINT, "<limit>", "How many may hold it at a time; default 1. All must give the same"},
    {"name",            CLI_FLAG_TEXT, "<string>", "Name of the session; default: the command and the prefix"},
    {"pass-stdin",      CLI_FLAG_BOOL, NULL, "Give stdin to the child; without: /dev/null"},
    {"shell",           CLI_FLAG_BOOL, NULL, "The child is a line for a shell, the default; -shell=false: a program and its arguments"},
    {"timeout",         CLI_FLAG_TEXT, "<duration>", "The same as -try, which counts when both are given"},
    {"try",             CLI_FLAG_TEXT, "<duration>", "How long to wait for the lock at most; without: for ever"},
    {"verbose",         CLI_FLAG_BOOL, NULL, "Say what is being done"},
};
static const struct cli_flag watch_flags[] = {
    {"definition",  CLI_FLAG_TEXT, "<JSON|@FILE|->", "The watch as in the configuration's watches, its handler included; instead of the other flags"},
    {"key",         CLI_FLAG_TEXT, "<string>", "With -type=key: the key"},
    {"name",        CLI_FLAG_TEXT, "<string>", "With -type=event: only events of this name"},
    {"passingonly", CLI_FLAG_TEXT, "<true|false>", "With -type=service: only instances that pass their checks"},
    {"prefix",      CLI_FLAG_TEXT, "<string>", "With -type=keyprefix: what the keys begin with"},
    {"service",     CLI_FLAG_TEXT, "<string>", "With -type=service or checks: the service"},
    {"shell",       CLI_FLAG_BOOL, NULL, "The child is a line for a shell, the default; -shell=false: a program and its arguments"},
    {"state",       CLI_FLAG_TEXT, "<string>", "With -type=checks: passing, warning, critical or any"},
    {"tag",         CLI_FLAG_LIST, "<string>", "With -type=service: only instances with this tag; may be repeated"},
    {"type",        CLI_FLAG_TEXT, "<string>", "What to watch: key, keyprefix, services, nodes, service, checks, event"},
};

#define CLI_RUN_COMMANDS                                                                           \
    {"hold", "COMMAND...", "Run an agent and keep its mount while it is started again",            \
     "For where there is no systemd. Runs the command (disco agent ...), starts it again when it is killed\n" \
     "or fails, and gives it what it had handed over, so that files of its mount stay open. SIGUSR2\n" \
     "restarts it; SIGTERM, SIGINT and SIGQUIT end it and this program.",                           \
     NULL, 0, 0, cli_keeper},                                                                       \
    {"lock", "PREFIX CHILD...", "Run a program while a lock of the cluster is held",                \
     "The lock is the key PREFIX/.lock. Signals go to the child; when the lock is lost it gets SIGTERM,\n" \
     "and SIGKILL five seconds later. CONSUL_LOCK_HELD is set in its environment.",                 \
     lock_flags, sizeof(lock_flags) / sizeof(*lock_flags), CLI_API | CLI_DC, cli_lock},             \
    {"watch", "[CHILD...]", "Wait for changes and tell a program of each",                          \
     "The child runs once at the beginning and after each change, with the document as JSON on its stdin\n" \
     "and CONSUL_INDEX in its environment; when it fails the watch ends with status 1. Without a child\n" \
     "the document is printed once. While the agent is away it is asked again, at most a minute apart.", \
     watch_flags, sizeof(watch_flags) / sizeof(*watch_flags), CLI_API | CLI_DC, cli_watch},
/* clang-format on */

#endif
