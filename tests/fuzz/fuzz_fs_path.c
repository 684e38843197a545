/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a key have one path that leads back; any bytes as a name are either refused or are
 * the one name of what they stand for.
 */
#include <stdint.h>

#include "fs/fs_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_key(struct str key)
{
    struct buf path, back;
    buf_init(&path, 0);
    buf_init(&back, 0);
    fs_path_encode(key, &path);
    ASSERT(fs_path_decode(buf_str(&path), &back) == 0);
    ASSERT(str_eq(buf_str(&back), key));
    buf_fini(&path);
    buf_fini(&back);
}

static void try_name(struct str dir, struct str name)
{
    struct buf key, again;
    enum fs_path_kind kind;
    struct fs_path_step step;
    buf_init(&key, 0);
    buf_init(&again, 0);
    if (fs_path_parse(dir, name, &key, &kind) == 0 && kind == FS_PATH_PLAIN) {
        ASSERT(fs_path_step(dir, buf_str(&key), &again, &step));
        ASSERT(str_eq(buf_str(&again), name));
    }
    if (fs_path_label_parse(name, &key) == 0) {
        ASSERT(fs_path_label(buf_str(&key), &again));
        ASSERT(str_eq(buf_str(&again), name));
    }
    buf_fini(&key);
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_make(data, size);
    if (size > 0 && size <= 4096)
        try_key(all);
    if (size > 0 && size <= 4096) {
        size_t cut = data[0] % size;
        try_name(str_take(all, cut), str_drop(all, cut));
        try_name(str_take(all, 0), all);
    }
    struct buf key;
    buf_init(&key, 0);
    int r = fs_path_decode(all, &key); /* any path: refused or decoded, never more than that */
    ASSERT(r <= 0);
    buf_fini(&key);
    return 0;
}
