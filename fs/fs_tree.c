/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The top of the tree and the keys below kv/. Services and nodes are in fs_catalog.c.
 *
 * A key that is also the beginning of others is two things of one name: the tree shows as NAME,
 * the value as NAME%v. The marker of a directory (the key DIR/, empty, no flags) is what mkdir and
 * Consul's own UI write for an empty folder; it opens as DIR/% and is not listed.
 */
#include "fs/fs_tree.h"

#include <errno.h>

#include "fs/fs_catalog.h"
#include "fs/fs_history.h"
#include "fs/fs_own.h"
#include "fs/fs_path.h"
#include "state/catalog.h"
#include "state/kv.h"
#include "state/session.h"

static const char *const FACTS[] = {"members", "leader", "index", NULL};
static const char *const STATUS_FACTS[] = {"leader",       "peers",   "last_contact",
                                           "quorum",       "term",    "applied_index",
                                           "commit_index", "metrics", NULL};

static int lookup_kv(struct view *v, struct str prefix, struct str name, struct buf *text,
                     struct fs_found *ret);
static int list_kv(struct view *v, struct str prefix, struct fs_list *list);
static int lookup_top(struct str name, struct fs_found *ret);
static int lookup_own_service(const struct fs_tree *t, struct view *v, struct str name,
                              struct buf *text, struct fs_found *ret);
static bool on_own_service(void *data, const struct catalog_service *s);
static int lookup_lock(struct view *v, struct str name, struct buf *text, struct fs_found *ret);
static bool on_locked(void *data, const struct kv_entry *e);
static int read_lock(struct view *v, struct str key, struct buf *out);
static bool is_hidden_marker(const struct kv_entry *e);

int fs_tree_lookup(const struct fs_tree *t, struct view *v, const struct fs_node *dir,
                   struct str name, struct buf *text, struct fs_found *ret)
{
    memset(ret, 0, sizeof(*ret));
    buf_clear(text);
    switch (dir->kind) {
    case FS_ROOT:
        return lookup_top(name, ret);
    case FS_KV_DIR:
        return lookup_kv(v, dir->a, name, text, ret);
    case FS_AGENT:
        ret->node = (struct fs_node){FS_AGENT_SERVICES, STR_LIT(""), STR_NONE};
        return str_eq_z(name, "services") ? 0 : -ENOENT;
    case FS_AGENT_SERVICES:
        return lookup_own_service(t, v, name, text, ret);
    case FS_LOCKS:
        return lookup_lock(v, name, text, ret);
    case FS_EVENTS: /* each name is there */
        if (fs_path_label_parse(name, text) < 0 || text->n == 0)
            return name.n > FS_PATH_NAME_MAX ? -ENAMETOOLONG : -ENOENT;
        ret->node = (struct fs_node){FS_EVENT, buf_str(text), STR_NONE};
        return 0;
    case FS_STATUS:
        for (size_t i = 0; STATUS_FACTS[i]; i++)
            if (str_eq_z(name, STATUS_FACTS[i])) {
                buf_put_z(text, "status/");
                buf_put_z(text, STATUS_FACTS[i]);
                ret->node = (struct fs_node){FS_FACT, buf_str(text), STR_NONE};
                return 0;
            }
        return -ENOENT;
    case FS_SNAPSHOTS:
    case FS_SNAPSHOT:
    case FS_SNAPSHOT_DIR:
        return fs_history_lookup(v, dir, name, text, ret);
    default:
        return fs_catalog_lookup(t, v, dir, name, text, ret);
    }
}

int fs_tree_list(const struct fs_tree *t, struct view *v, const struct fs_node *dir,
                 struct fs_list *list)
{
    struct catalog_node own;
    uint64_t index;
    switch (dir->kind) {
    case FS_ROOT:
        fs_list_add(list, STR_LIT("kv"), FS_LIST_TREE);
        fs_list_add(list, STR_LIT("services"), FS_LIST_TREE);
        fs_list_add(list, STR_LIT("nodes"), FS_LIST_TREE);
        fs_list_add(list, STR_LIT("status"), FS_LIST_TREE);
        fs_list_add(list, STR_LIT("locks"), FS_LIST_TREE);
        fs_list_add(list, STR_LIT("agent"), FS_LIST_TREE);
        fs_list_add(list, STR_LIT("events"), FS_LIST_TREE);
        for (size_t i = 0; FACTS[i]; i++)
            fs_list_add(list, str_z(FACTS[i]), FS_LIST_VALUE);
        return 0;
    case FS_KV_DIR:
        return list_kv(v, dir->a, list);
    case FS_AGENT:
        fs_list_add(list, STR_LIT("services"), FS_LIST_TREE);
        return 0;
    case FS_AGENT_SERVICES:
        catalog_node_services(v, str_z(t->node_name), &own, on_own_service, list, &index);
        return 0;
    case FS_LOCKS:
        kv_locked(v, on_locked, list);
        return 0;
    case FS_EVENTS: /* the mount knows them (fs_event.h) */
        return 0;
    case FS_STATUS:
        for (size_t i = 0; STATUS_FACTS[i]; i++)
            fs_list_add(list, str_z(STATUS_FACTS[i]), FS_LIST_VALUE);
        return 0;
    case FS_SNAPSHOTS:
    case FS_SNAPSHOT:
    case FS_SNAPSHOT_DIR:
        return fs_history_list(v, dir, list);
    default:
        return fs_catalog_list(t, v, dir, list);
    }
}

int fs_tree_read(const struct fs_tree *t, struct view *v, const struct fs_node *file,
                 struct buf *out)
{
    ASSERT(!fs_node_is_dir(file->kind) && file->kind != FS_FACT && file->kind != FS_AGENT_SERVICE &&
           file->kind != FS_EVENT);
    if (file->kind == FS_KV_FILE) {
        struct kv_entry e;
        uint64_t index;
        if (!kv_get(v, file->a, &e, &index))
            return -ENOENT;
        buf_put_str(out, e.value);
        return 0;
    }
    if (fs_history_is(file->kind))
        return fs_history_read(v, file, out);
    if (file->kind == FS_LOCK)
        return read_lock(v, file->a, out);
    return fs_catalog_read(t, v, file, out);
}

/* ---- agent/services/: as the catalog has them, but for the agent's own ---- */

static bool is_shown(const struct catalog_service *s)
{
    return !str_eq_z(s->id, "consul");
}

static int lookup_own_service(const struct fs_tree *t, struct view *v, struct str name,
                              struct buf *text, struct fs_found *ret)
{
    struct catalog_service s;
    int r = fs_own_id(name, text);
    if (r < 0)
        return r;
    ret->node = (struct fs_node){FS_AGENT_SERVICE, buf_str(text), STR_NONE};
    bool is_there = catalog_service_get(v, str_z(t->node_name), buf_str(text), &s);
    return is_there && is_shown(&s) ? 0 : -ENOENT;
}

static bool on_own_service(void *data, const struct catalog_service *s)
{
    struct buf name;
    buf_init(&name, 0);
    fs_own_file_name(s->id, &name);
    if (name.n > 0 && is_shown(s))
        fs_list_add(data, buf_str(&name), FS_LIST_VALUE);
    buf_fini(&name);
    return true;
}

/* ---- locks/: the keys that are locked ---- */

static int lookup_lock(struct view *v, struct str name, struct buf *text, struct fs_found *ret)
{
    struct kv_entry e;
    uint64_t index;
    int r = fs_path_label_parse(name, text);
    if (r < 0)
        return r == -ENAMETOOLONG ? r : -ENOENT;
    ret->node = (struct fs_node){FS_LOCK, buf_str(text), STR_NONE};
    return text->n > 0 && kv_get(v, buf_str(text), &e, &index) && e.session.n > 0 ? 0 : -ENOENT;
}

static bool on_locked(void *data, const struct kv_entry *e)
{
    struct buf name;
    buf_init(&name, 0);
    if (fs_path_label(e->key, &name))
        fs_list_add(data, buf_str(&name), FS_LIST_VALUE);
    buf_fini(&name);
    return true;
}

static int read_lock(struct view *v, struct str key, struct buf *out)
{
    struct kv_entry e;
    struct session s;
    uint64_t index;
    if (!kv_get(v, key, &e, &index) || e.session.n == 0 || !session_get(v, e.session, &s, &index))
        return -ENOENT;
    fs_catalog_put_field(out, s.node);
    buf_put_c(out, '\t');
    fs_catalog_put_field(out, s.id);
    buf_put_c(out, '\t');
    fs_catalog_put_field(out, s.name);
    buf_put_c(out, '\n');
    return 0;
}

static int lookup_top(struct str name, struct fs_found *ret)
{
    static const struct {
        const char *name;
        enum fs_kind kind;
    } dirs[] = {{"kv", FS_KV_DIR},     {"services", FS_SERVICES}, {"nodes", FS_NODES},
                {"status", FS_STATUS}, {"locks", FS_LOCKS},       {"agent", FS_AGENT},
                {"events", FS_EVENTS}};
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        if (str_eq_z(name, dirs[i].name)) {
            ret->node = (struct fs_node){dirs[i].kind, STR_LIT(""), STR_NONE};
            return 0;
        }
    if (str_eq_z(name, ".snapshot")) { /* nor this: whoever copies all would copy each many times */
        ret->node = (struct fs_node){FS_SNAPSHOTS, STR_LIT(""), STR_NONE};
        return 0;
    }
    if (str_eq_z(name, ".changes")) { /* not listed: whoever reads all files would never end */
        ret->node = (struct fs_node){FS_CHANGES, STR_LIT(""), STR_NONE};
        return 0;
    }
    for (size_t i = 0; FACTS[i]; i++)
        if (str_eq_z(name, FACTS[i])) {
            ret->node = (struct fs_node){FS_FACT, str_z(FACTS[i]), STR_NONE};
            return 0;
        }
    return -ENOENT;
}

static int lookup_kv(struct view *v, struct str prefix, struct str name, struct buf *text,
                     struct fs_found *ret)
{
    enum fs_path_kind kind;
    int r = fs_path_parse(prefix, name, text, &kind);
    if (r < 0)
        return r == -ENAMETOOLONG ? r : -ENOENT;
    if (kind == FS_PATH_CONTINUED) {
        ret->node = (struct fs_node){FS_KV_DIR, buf_str(text), STR_NONE};
        return fs_tree_has_dir(v, buf_str(text)) ? 0 : -ENOENT;
    }
    if (kind != FS_PATH_VALUE) {
        buf_put_c(text, '/');
        if (kv_any(v, buf_str(text))) {
            ret->node = (struct fs_node){FS_KV_DIR, buf_str(text), STR_NONE};
            return 0;
        }
        text->n--;
    }
    struct kv_entry e;
    uint64_t index;
    if (kind == FS_PATH_TREE || text->n == 0 || !kv_get(v, buf_str(text), &e, &index))
        return -ENOENT;
    ret->node = (struct fs_node){FS_KV_FILE, buf_str(text), STR_NONE};
    ret->version = e.modify_index;
    ret->size = e.value.n;
    return 0;
}

bool fs_tree_has_dir(struct view *v, struct str prefix)
{
    if (prefix.n == 0 || prefix.p[prefix.n - 1] == '/')
        return prefix.n == 0 || kv_any(v, prefix);
    /* The inside of a cut component: keys of the prefix that are cut elsewhere do not count. */
    struct buf name, from;
    struct kv_entry e;
    struct fs_path_step step;
    bool found = false;
    buf_init(&name, 0);
    buf_init(&from, 0);
    buf_put_str(&from, prefix);
    while (!found && kv_first(v, prefix, buf_str(&from), &e)) {
        found = fs_path_step(prefix, e.key, &name, &step);
        buf_clear(&from);
        buf_put_str(&from, e.key);
        buf_put_c(&from, '\0');
    }
    buf_fini(&name);
    buf_fini(&from);
    return found;
}

bool fs_tree_dir_is_empty(struct view *v, struct str prefix)
{
    struct kv_entry e;
    struct buf from;
    if (prefix.n > 0 && prefix.p[prefix.n - 1] != '/')
        return !fs_tree_has_dir(v, prefix);
    if (!kv_first(v, prefix, prefix, &e))
        return true;
    if (e.key.n > prefix.n || !is_hidden_marker(&e))
        return false;
    buf_init(&from, 0);
    buf_put_str(&from, prefix);
    buf_put_c(&from, '\0');
    bool more = kv_first(v, prefix, buf_str(&from), &e);
    buf_fini(&from);
    return !more;
}

static bool is_hidden_marker(const struct kv_entry *e)
{
    return e->value.n == 0 && e->flags == 0;
}

struct listing {
    struct view *v;
    struct str prefix;
    struct fs_list *list;
    struct buf name;
};

static bool on_child(void *data, struct str key, const struct kv_entry *e)
{
    struct listing *l = data;
    struct fs_path_step step;
    if (!fs_path_step(l->prefix, e ? key : str_take(key, key.n - 1), &l->name, &step))
        return true; /* cut elsewhere: it shows in another directory */
    if (e && key.n == l->prefix.n && is_hidden_marker(e))
        return true;
    if (!e || step.continued)
        fs_list_add(l->list, buf_str(&l->name), FS_LIST_TREE);
    else if (!str_eq(buf_str(&l->name), str_drop(key, l->prefix.n)))
        fs_list_add(l->list, buf_str(&l->name), FS_LIST_VALUE);
    else
        fs_list_add_value(l->list, buf_str(&l->name), e->modify_index, e->value.n);
    return true;
}

static int list_kv(struct view *v, struct str prefix, struct fs_list *list)
{
    struct listing l = {.v = v, .prefix = prefix, .list = list};
    buf_init(&l.name, 0);
    kv_children(v, prefix, on_child, &l);
    buf_fini(&l.name);
    return v->denied ? -EACCES : 0;
}
