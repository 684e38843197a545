/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_feed_line.h"

#include "fs/fs_path.h"
#include "state/kv.h"
#include "state/policy.h"

bool fs_feed_line_may_see(const struct view *v, const struct fs_feed_change *c)
{
    switch (c->what) {
    case FS_FEED_OVERFLOW:
        return true;
    case FS_FEED_SERVICE:
        return policy_allows(v, ACL_SERVICE, c->key, ACL_READ);
    case FS_FEED_NODE:
        return policy_allows(v, ACL_NODE, c->key, ACL_READ);
    case FS_FEED_RENAME:
        return policy_allows(v, ACL_KEY, c->key, ACL_READ) &&
               policy_allows(v, ACL_KEY, c->to, ACL_READ);
    default:
        return policy_allows(v, ACL_KEY, c->key, ACL_READ);
    }
}

static void put_key_path(struct view *v, struct str key, bool is_dir, struct buf *out)
{
    buf_put_z(out, "kv/");
    if (is_dir && key.n > 0)
        key.n--;
    fs_path_encode(key, out);
    if (is_dir)
        return;
    struct buf below; /* beside a tree of its name a value shows under its face */
    buf_init(&below, 0);
    buf_put_str(&below, key);
    buf_put_c(&below, '/');
    if (kv_any(v, buf_str(&below)))
        buf_put_z(out, "%v");
    buf_fini(&below);
}

void fs_feed_line_put(struct view *v, const struct fs_feed_change *c, struct buf *out)
{
    static const char *const words[] = {"create", "modify",  "delete", "mkdir",   "rmdir",
                                        "rename", "service", "node",   "overflow"};
    struct buf label;
    bool is_dir = c->what == FS_FEED_MKDIR || c->what == FS_FEED_RMDIR ||
                  (c->what == FS_FEED_RENAME && c->is_tree);
    buf_putf(out, "%llu\t%s\t", (unsigned long long)c->index, words[c->what]);
    if (c->what == FS_FEED_SERVICE || c->what == FS_FEED_NODE) {
        buf_init(&label, 0);
        buf_put_z(out, c->what == FS_FEED_SERVICE ? "services/" : "nodes/");
        if (fs_path_label(c->key, &label))
            buf_put_str(out, buf_str(&label));
        buf_fini(&label);
    } else if (c->what == FS_FEED_OVERFLOW) {
        buf_put_c(out, '-');
    } else {
        put_key_path(v, c->key, is_dir, out);
    }
    if (c->what == FS_FEED_RENAME) {
        buf_put_c(out, '\t');
        put_key_path(v, c->to, is_dir, out);
    }
    buf_put_c(out, '\n');
}
