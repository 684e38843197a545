/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "state/command.h"

void command_begin(struct buf *out, enum command_id id)
{
    buf_put_u8(out, COMMAND_VERSION);
    buf_put_u8(out, (uint8_t)id);
}

const char *command_name(uint8_t id)
{
    switch (id) {
#define X(name, number, apply)                                                                     \
    case number:                                                                                   \
        return #name;
        COMMAND_TABLE(X)
#undef X
    }
    return "?";
}

int command_split(struct str bytes, uint8_t *ret_id, struct str *ret_body)
{
    if (bytes.n < 2 || bytes.n > COMMAND_SIZE_MAX || (uint8_t)bytes.p[0] != COMMAND_VERSION)
        return ERR_INVALID;
    *ret_id = (uint8_t)bytes.p[1];
    *ret_body = str_drop(bytes, 2);
    return 0;
}
