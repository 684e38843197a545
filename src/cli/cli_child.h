/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command that runs another program: signals it gets are passed on, and it learns of the end of
 * its child, of signals and of deadlines in one wait. `fd` is readable while there is such news, so
 * that it can interrupt the wait for an answer (cli_http_set_interrupt).
 */
#ifndef DISCO_CLI_CLI_CHILD_H
#define DISCO_CLI_CLI_CHILD_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"

struct cli_child {
    int fd;          /* of news */
    int signals;     /* private */
    int pidfd;       /* -1: none runs */
    pid_t pid;       /* 0: none runs */
    int exit_status; /* of the last one, as of waitpid */
};

enum cli_child_news {
    CLI_CHILD_TIMEOUT, /* nothing happened */
    CLI_CHILD_ENDED,   /* exit_status is set */
    CLI_CHILD_SIGNAL,  /* one that ends programs; the child, if one runs, has it too */
};

struct cli_child_plan {
    char *const *argv;       /* NULL at the end */
    const char *name, *text; /* a variable of its environment */
    struct str input;        /* its stdin; p NULL: /dev/null */
    bool pass_stdin;         /* ... or ours */
    bool dies_with_us;       /* SIGTERM when this process is killed */
};

/* From now on signals are news. */
int cli_child_open(struct cli_child *c, struct error *err) MUST_USE;
void cli_child_close(struct cli_child *c);
/* None runs. A program that is not there is an error. */
int cli_child_start(struct cli_child *c, const struct cli_child_plan *plan,
                    struct error *err) MUST_USE;
enum cli_child_news cli_child_wait(struct cli_child *c, struct duration limit);
/* The signal (0: it was told already), and SIGKILL after the grace; returns when it has ended. */
void cli_child_kill(struct cli_child *c, int signo, struct duration grace);
/* "exit status 3", "signal: killed", as Go words it; n is at least 64. */
void cli_child_format_end(const struct cli_child *c, char *dst, size_t n);
/* The vector of a command: with a shell `$SHELL -c "words joined"`, else the words. The texts are
 * borrowed but for *ret_joined, which is the caller's (mem_free), as is the vector. */
char **cli_child_argv(int n, char **words, bool shell, char **ret_joined);

#endif
