/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_history.h"

#include <errno.h>

#include "fs/fs_path.h"
#include "state/history.h"

/* The one way to write a number. */
static bool parse_index(struct str text, uint64_t *ret)
{
    uint64_t index = 0;
    if (text.n == 0 || text.n > 19 || (text.p[0] == '0' && text.n > 1))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        index = index * 10 + (uint64_t)(text.p[i] - '0');
    }
    *ret = index;
    return true;
}

static bool index_of(struct view *v, const struct fs_node *node, uint64_t *ret)
{
    return parse_index(node->a, ret) && history_has(v, *ret);
}

static bool stop(void *data, struct str key)
{
    *(bool *)data = true;
    return false;
}

struct inside { /* of a cut component */
    struct str prefix;
    struct buf name;
    bool found;
};
static bool on_inside(void *data, struct str key)
{
    struct inside *in = data;
    struct fs_path_step step;
    in->found = fs_path_step(in->prefix, key, &in->name, &step);
    return !in->found;
}

static bool has_dir(struct view *v, uint64_t index, struct str prefix)
{
    bool found = false;
    if (prefix.n == 0)
        return true;
    if (prefix.p[prefix.n - 1] == '/') {
        history_keys(v, index, prefix, STR_LIT(""), stop, &found);
        return found;
    }
    struct inside in = {.prefix = prefix};
    buf_init(&in.name, 0);
    history_keys(v, index, prefix, STR_LIT(""), on_inside, &in);
    buf_fini(&in.name);
    return in.found;
}

/* text has the key or prefix; the index goes behind it, for ret->node to borrow. */
static void found_at(enum fs_kind kind, struct str index, struct buf *text, struct fs_found *ret)
{
    size_t n = text->n;
    buf_put_str(text, index);
    ret->node = (struct fs_node){kind, str_drop(buf_str(text), n), str_take(buf_str(text), n)};
}

static int lookup_key(struct view *v, uint64_t index, const struct fs_node *dir, struct str name,
                      struct buf *text, struct fs_found *ret)
{
    enum fs_path_kind kind;
    struct kv_entry e;
    int r = fs_path_parse(dir->b, name, text, &kind);
    if (r < 0)
        return r == -ENAMETOOLONG ? r : -ENOENT;
    if (kind != FS_PATH_VALUE) {
        if (kind != FS_PATH_CONTINUED)
            buf_put_c(text, '/');
        if (has_dir(v, index, buf_str(text))) {
            ret->version = index;
            found_at(FS_SNAPSHOT_DIR, dir->a, text, ret);
            return 0;
        }
        if (kind != FS_PATH_PLAIN)
            return -ENOENT;
        text->n--;
    }
    if (text->n == 0 || !history_get(v, index, buf_str(text), &e))
        return -ENOENT;
    ret->version = e.modify_index;
    ret->size = e.value.n;
    found_at(FS_SNAPSHOT_FILE, dir->a, text, ret);
    return 0;
}

int fs_history_lookup(struct view *v, const struct fs_node *dir, struct str name, struct buf *text,
                      struct fs_found *ret)
{
    uint64_t index;
    if (dir->kind == FS_SNAPSHOTS) {
        if (str_eq_z(name, "latest")) {
            ret->node = (struct fs_node){FS_SNAPSHOT_LATEST, STR_NONE, STR_NONE};
            return 0;
        }
        if (!parse_index(name, &index) || !history_has(v, index))
            return -ENOENT;
        ret->version = index;
        found_at(FS_SNAPSHOT, name, text, ret);
        return 0;
    }
    if (!index_of(v, dir, &index))
        return -ENOENT;
    if (dir->kind == FS_SNAPSHOT_DIR)
        return lookup_key(v, index, dir, name, text, ret);
    if (!str_eq_z(name, "kv"))
        return -ENOENT;
    ret->version = index;
    found_at(FS_SNAPSHOT_DIR, dir->a, text, ret);
    return 0;
}

static void on_index(void *data, uint64_t index)
{
    struct buf name;
    buf_init(&name, 0);
    buf_putf(&name, "%llu", (unsigned long long)index);
    fs_list_add(data, buf_str(&name), FS_LIST_TREE);
    buf_fini(&name);
}

struct listing {
    struct view *v;
    uint64_t index;
    struct str prefix;
    struct fs_list *list;
    struct buf name;
};
static bool on_key(void *data, struct str key)
{
    struct listing *l = data;
    struct fs_path_step step;
    struct kv_entry e;
    bool is_tree = key.n > l->prefix.n && key.p[key.n - 1] == '/';
    if (!fs_path_step(l->prefix, is_tree ? str_take(key, key.n - 1) : key, &l->name, &step))
        return true; /* cut elsewhere: it shows in another directory */
    if (key.n == l->prefix.n && history_get(l->v, l->index, key, &e) && e.value.n == 0 &&
        e.flags == 0)
        return true; /* the marker of a directory */
    fs_list_add(l->list, buf_str(&l->name),
                is_tree || step.continued ? FS_LIST_TREE : FS_LIST_VALUE);
    return true;
}

int fs_history_list(struct view *v, const struct fs_node *dir, struct fs_list *list)
{
    struct listing l = {.v = v, .prefix = dir->b, .list = list};
    if (dir->kind == FS_SNAPSHOTS) {
        history_indexes(v, FS_HISTORY_LISTED_MAX, on_index, list);
        fs_list_add(list, STR_LIT("latest"), FS_LIST_VALUE);
        return 0;
    }
    if (!index_of(v, dir, &l.index))
        return -ENOENT;
    if (dir->kind == FS_SNAPSHOT) {
        fs_list_add(list, STR_LIT("kv"), FS_LIST_TREE);
        return 0;
    }
    buf_init(&l.name, 0);
    history_keys(v, l.index, dir->b, STR_LIT("/"), on_key, &l);
    buf_fini(&l.name);
    return 0;
}

bool fs_history_entry(struct view *v, const struct fs_node *file, struct kv_entry *ret)
{
    uint64_t index;
    return index_of(v, file, &index) && history_get(v, index, file->b, ret);
}

int fs_history_read(struct view *v, const struct fs_node *file, struct buf *out)
{
    struct kv_entry e;
    uint64_t oldest, newest;
    if (file->kind == FS_SNAPSHOT_LATEST) {
        history_range(v, &oldest, &newest);
        buf_putf(out, "%llu", (unsigned long long)newest);
        return 0;
    }
    if (!fs_history_entry(v, file, &e))
        return -ENOENT;
    buf_put_str(out, e.value);
    return 0;
}
