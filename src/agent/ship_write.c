/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Request: [token, command]. Answer: [status, index, result's status, body, text].
 */
#include "agent/ship_write.h"

void ship_write_encode(struct str token, struct str command, struct buf *out)
{
    pack_array(out, 2);
    pack_bin(out, token);
    pack_bin(out, command);
}

int ship_write_take(const struct ship *s, uint64_t *ret_index, struct result *ret_result)
{
    struct unpack u = unpack_make(buf_str(&s->answer));
    if (s->status)
        return s->status;
    if (unpack_array(&u) != 5)
        return ERR_CORRUPT;
    int64_t status = unpack_int(&u);
    *ret_index = unpack_uint(&u);
    int64_t outcome = unpack_int(&u);
    struct str body = unpack_str(&u), text = unpack_str(&u);
    if (u.bad || status > 0 || status < INT32_MIN || outcome > 0 || outcome < INT32_MIN)
        return ERR_CORRUPT;
    ret_result->status = (int)outcome;
    buf_put_str(&ret_result->body, body);
    (void)str_copy_z(str_take(text, sizeof ret_result->text - 1), ret_result->text,
                     sizeof ret_result->text);
    return (int)status;
}
