/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `disco kv get|put|delete`, and what the other commands on keys share.
 */
#ifndef DISCO_CLI_CLI_KV_H
#define DISCO_CLI_CLI_KV_H

#include "base/jread.h"
#include "cli/cli_command.h"

int cli_kv_get(struct cli *c);
int cli_kv_put(struct cli *c);
int cli_kv_delete(struct cli *c);

/* The first argument, without one slash at its front, which people type out of habit (consul: kv
 * get); a key that does begin with a slash is given with two. Failures are said. */
int cli_kv_key(struct cli *c, bool may_be_empty, int arg_max, struct str *ret) MUST_USE;
void cli_kv_url(struct buf *url, struct str key); /* initialises url */

/* The answer of a question about keys. */
struct cli_kv_answer {
    struct cli_reply reply;
    struct jvalue *root; /* NULL: nothing to print (missing, failed, or printed as JSON already) */
    bool is_missing;     /* 404 */
};
/* Asks, frees url, and returns the exit status so far; failures are said. */
int cli_kv_fetch(struct cli *c, struct buf *url, struct cli_kv_answer *ret);
void cli_kv_answer_fini(struct cli_kv_answer *a);

#endif
