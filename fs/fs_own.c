/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_own.h"

#include <errno.h>

#include "fs/fs_path.h"

#define SUFFIX STR_LIT(".json")

int fs_own_id(struct str name, struct buf *id)
{
    if (!str_has_suffix(name, SUFFIX) || name.n == SUFFIX.n)
        return -ENOENT;
    int r = fs_path_label_parse(str_take(name, name.n - SUFFIX.n), id);
    return r == ERR_INVALID ? -ENOENT : r;
}

void fs_own_file_name(struct str id, struct buf *name)
{
    if (fs_path_label(id, name) && name->n + SUFFIX.n <= FS_PATH_NAME_MAX)
        buf_put_str(name, SUFFIX);
    else
        buf_clear(name);
}
