/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/txn_answers.h"

void txn_answers_init(struct txn_answers *s)
{
    *s = (struct txn_answers){0};
    buf_init(&s->results, TXN_RESULTS_SIZE_MAX);
    buf_init(&s->errors, 0);
}

bool txn_answers_fit(struct txn_answers *s, size_t op_i)
{
    struct buf text;

    if (!s->results.failed)
        return true;
    buf_init(&text, 0);
    buf_putf(&text, "the results are larger than %zu bytes", TXN_RESULTS_SIZE_MAX);
    txn_answers_error(s, op_i, buf_str(&text));
    buf_fini(&text);
    return false;
}

/* Errors, when there are any, are all that is told. */
void txn_answers_finish(struct txn_answers *s, struct buf *out)
{
    pack_array(out, 2);
    pack_array(out, s->error_n ? 0 : s->result_n);
    if (s->error_n == 0)
        buf_put_str(out, buf_str(&s->results));
    pack_array(out, s->error_n);
    buf_put_str(out, buf_str(&s->errors));
    if (s->errors.failed)
        out->failed = true;
    buf_fini(&s->results);
    buf_fini(&s->errors);
}

void txn_answers_error(struct txn_answers *s, size_t op_i, struct str text)
{
    pack_array(&s->errors, 2);
    pack_uint(&s->errors, op_i);
    pack_str(&s->errors, text);
    s->error_n++;
}
