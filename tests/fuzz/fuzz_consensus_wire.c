/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What servers say beside Raft's messages: what is read encodes to the same bytes. */
#include "base/mem.h"
#include "consensus/consensus_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hello(struct str in)
{
    struct consensus_wire_hello h, again;
    struct buf out;

    if (consensus_wire_get_hello(in, &h) < 0)
        return;
    buf_init(&out, 0);
    consensus_wire_put_hello(&out, &h);
    ASSERT(str_eq(buf_str(&out), str_take(in, out.n)));
    ASSERT(consensus_wire_get_hello(buf_str(&out), &again) == 0);
    ASSERT(memcmp(&h, &again, sizeof h) == 0);
    buf_fini(&out);
}

static void reply(struct str in, enum consensus_wire_kind kind)
{
    struct consensus_wire_reply r;
    struct buf out;

    if (consensus_wire_get_reply(in, kind, &r) < 0)
        return;
    buf_init(&out, 0);
    consensus_wire_put_reply(&out, kind, &r);
    ASSERT(str_eq(buf_str(&out), in));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_make(data, size);

    hello(in);
    reply(in, CONSENSUS_WIRE_RESULT);
    reply(in, CONSENSUS_WIRE_INDEX);
    return 0;
}
