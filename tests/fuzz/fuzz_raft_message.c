/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages from other servers: what decodes encodes to the same bytes. */
#include "base/mem.h"
#include "raft/raft_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_make(data, size);
    struct raft_message *m;
    struct buf out;

    if (raft_message_decode(in, &m) < 0)
        return 0;
    buf_init(&out, 0);
    raft_message_encode(m, &out);
    ASSERT(str_eq(buf_str(&out), in));
    buf_fini(&out);
    raft_message_free(m);
    return 0;
}
