/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state.bin of a Consul snapshot, any bytes: refused, or made into a dump that restoring takes
 * or refuses as a whole; what was taken can be dumped and restored once more. */
#include "state/consul.h"
#include "state/restore.h"
#include "tests/lib/state_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INDEX_MAX 50

static bool put(void *data, struct str bytes)
{
    buf_put_str(data, bytes);
    return true;
}

static void taken(struct world *w, struct str dump)
{
    struct buf command, own;

    buf_init(&command, 0);
    restore_encode(dump, &command);
    if (world_apply(w, &command) != 0)
        return;
    buf_init(&own, 0);
    (void)restore_dump(world_view(w), put, &own);
    buf_init(&command, 0);
    restore_encode(buf_str(&own), &command);
    ASSERT(world_apply(w, &command) == 0);
    buf_fini(&own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_make(data, size);
    struct buf dump, left;
    struct error err;
    struct world w;

    (void)consul_is_snapshot(bytes);
    buf_init(&dump, 0);
    buf_init(&left, 0);
    if (consul_import(bytes, INDEX_MAX, &dump, &left, &err) == 0) {
        ASSERT(restore_is_dump(buf_str(&dump)));
        world_open(&w);
        taken(&w, buf_str(&dump));
        world_close(&w);
    }
    buf_fini(&left);
    buf_fini(&dump);
    return 0;
}
