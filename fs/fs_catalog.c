/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_catalog.h"

#include <errno.h>

#include "fs/fs_instance.h"
#include "fs/fs_path.h"
#include "state/health.h"

static const char *const SERVICE_FILES[] = {"nodes", "healthy", "json", NULL};
static const char *const NODE_FILES[] = {"address", "status", "id", NULL};
static const char *const NODE_DIRS[] = {"meta", "services", "checks", NULL};

static bool has_service(struct view *v, struct str service);
static bool has_tag(struct view *v, struct str service, struct str tag);
static bool has_item(struct view *v, struct str node, enum fs_kind kind, struct str item);
static int list_node_dir(struct view *v, const struct fs_node *dir, struct fs_list *list);
static int read_instances(struct view *v, const struct fs_node *file, struct buf *out);
static int read_node(struct view *v, const struct fs_node *file, struct buf *out);
static const char *pick(const char *const *names, struct str name);
static void add_label(struct fs_list *list, struct str text, int what);

/* `text` becomes a, then b; both are borrowed from it, so it is filled before they are taken. */
static void found(struct buf *text, enum fs_kind kind, struct str a, struct str b,
                  struct fs_found *ret)
{
    buf_put_str(text, a);
    buf_put_str(text, b);
    ret->node = (struct fs_node){kind, str_make(text->p, a.n), str_make(text->p + a.n, b.n)};
}

static int lookup_name(struct view *v, enum fs_kind kind, struct str label, struct buf *text,
                       struct fs_found *ret)
{
    struct catalog_node node;
    str_lower(label, text->p);
    bool is_there = kind == FS_SERVICE ? has_service(v, buf_str(text))
                                       : catalog_node_get(v, buf_str(text), &node);
    ret->node = (struct fs_node){kind, buf_str(text), STR_NONE};
    return is_there ? 0 : -ENOENT;
}

static int lookup_in_service(const struct fs_tree *t, struct view *v, const struct fs_node *dir,
                             struct str name, struct buf *text, struct fs_found *ret)
{
    const char *file = pick(SERVICE_FILES, name);
    if (!has_service(v, dir->a) || (file && str_eq_z(name, "json") && !t->service_json))
        return -ENOENT;
    if (file)
        found(text, FS_SERVICE_FILE, dir->a, str_z(file), ret);
    else if (str_eq_z(name, "tags"))
        found(text, FS_SERVICE_TAGS, dir->a, STR_NONE, ret);
    else if (str_eq_z(name, "instances"))
        found(text, FS_INSTANCES, dir->a, STR_NONE, ret);
    else
        return -ENOENT;
    return 0;
}

static int lookup_in_node(struct view *v, const struct fs_node *dir, struct str name,
                          struct buf *text, struct fs_found *ret)
{
    struct catalog_node node;
    const char *file = pick(NODE_FILES, name), *sub = pick(NODE_DIRS, name);
    if (!catalog_node_get(v, dir->a, &node) || (!file && !sub))
        return -ENOENT;
    found(text, file ? FS_NODE_FILE : FS_NODE_DIR, dir->a, str_z(file ? file : sub), ret);
    return 0;
}

static enum fs_kind item_kind(struct str dir)
{
    return str_eq_z(dir, "meta")       ? FS_NODE_META
           : str_eq_z(dir, "services") ? FS_NODE_SERVICE
                                       : FS_NODE_CHECK;
}

int fs_catalog_lookup(const struct fs_tree *t, struct view *v, const struct fs_node *dir,
                      struct str name, struct buf *text, struct fs_found *ret)
{
    struct buf label;
    buf_init(&label, 0);
    int r = fs_path_label_parse(name, &label);
    if (r < 0) {
        buf_fini(&label);
        return r == -ENAMETOOLONG ? r : -ENOENT;
    }
    struct str item = buf_str(&label);
    switch (dir->kind) {
    case FS_SERVICES:
    case FS_NODES:
        buf_put_str(text, item);
        r = lookup_name(v, dir->kind == FS_SERVICES ? FS_SERVICE : FS_NODE, item, text, ret);
        break;
    case FS_SERVICE:
        r = lookup_in_service(t, v, dir, name, text, ret);
        break;
    case FS_NODE:
        r = lookup_in_node(v, dir, name, text, ret);
        break;
    case FS_SERVICE_TAGS:
        found(text, FS_SERVICE_TAG, dir->a, item, ret);
        r = has_tag(v, dir->a, item) ? 0 : -ENOENT;
        break;
    case FS_NODE_DIR:
        found(text, item_kind(dir->b), dir->a, item, ret);
        r = has_item(v, dir->a, ret->node.kind, item) ? 0 : -ENOENT;
        break;
    default:
        r = fs_instance_is(dir->kind) ? fs_instance_lookup(v, dir, item, text, ret) : -ENOENT;
    }
    buf_fini(&label);
    return r;
}

static bool on_service(void *data, struct str name, struct str tags_packed)
{
    add_label(data, name, FS_LIST_TREE);
    return true;
}

static bool on_node(void *data, const struct catalog_node *n)
{
    add_label(data, n->name, FS_LIST_TREE);
    return true;
}

static bool on_tagged(void *data, const struct catalog_node *n, const struct catalog_service *s)
{
    struct unpack u = unpack_make(s->tags);
    for (uint32_t left = unpack_array(&u); left > 0 && !u.bad; left--)
        add_label(data, unpack_str(&u), FS_LIST_VALUE);
    return true;
}

int fs_catalog_list(const struct fs_tree *t, struct view *v, const struct fs_node *dir,
                    struct fs_list *list)
{
    struct catalog_node node;
    uint64_t index;
    switch (dir->kind) {
    case FS_SERVICES:
        catalog_services(v, on_service, list, &index);
        return 0;
    case FS_NODES:
        catalog_nodes(v, on_node, list, &index);
        return 0;
    case FS_SERVICE:
        if (!has_service(v, dir->a))
            return -ENOENT;
        for (size_t i = 0; SERVICE_FILES[i]; i++)
            if (t->service_json || strcmp(SERVICE_FILES[i], "json") != 0)
                fs_list_add(list, str_z(SERVICE_FILES[i]), FS_LIST_VALUE);
        fs_list_add(list, STR_LIT("tags"), FS_LIST_TREE);
        fs_list_add(list, STR_LIT("instances"), FS_LIST_TREE);
        return 0;
    case FS_SERVICE_TAGS:
        catalog_service_nodes(v, dir->a, on_tagged, list, &index);
        return 0;
    case FS_NODE:
        if (!catalog_node_get(v, dir->a, &node))
            return -ENOENT;
        for (size_t i = 0; NODE_FILES[i]; i++)
            fs_list_add(list, str_z(NODE_FILES[i]), FS_LIST_VALUE);
        for (size_t i = 0; NODE_DIRS[i]; i++)
            fs_list_add(list, str_z(NODE_DIRS[i]), FS_LIST_TREE);
        return 0;
    case FS_NODE_DIR:
        return list_node_dir(v, dir, list);
    default:
        return fs_instance_is(dir->kind) ? fs_instance_list(v, dir, list) : -ENOTDIR;
    }
}

int fs_catalog_read(const struct fs_tree *t, struct view *v, const struct fs_node *file,
                    struct buf *out)
{
    if (file->kind == FS_SERVICE_FILE && str_eq_z(file->b, "json"))
        return t->service_json && has_service(v, file->a) ? t->service_json(v, file->a, out)
                                                          : -ENOENT;
    if (file->kind == FS_SERVICE_FILE || file->kind == FS_SERVICE_TAG)
        return read_instances(v, file, out);
    if (fs_instance_is(file->kind))
        return fs_instance_read(v, file, out);
    return read_node(v, file, out);
}

void fs_catalog_put_field(struct buf *out, struct str field)
{
    if (field.n == 0)
        buf_put_c(out, '-');
    for (size_t i = 0; i < field.n; i++) {
        const char *escape = field.p[i] == '\t'   ? "\\t"
                             : field.p[i] == '\n' ? "\\n"
                             : field.p[i] == '\\' ? "\\\\"
                                                  : NULL;
        if (escape)
            buf_put_z(out, escape);
        else
            buf_put_c(out, field.p[i]);
    }
}

/* ---- instances of a service ---- */

static bool on_any_service(void *data, const struct catalog_node *n,
                           const struct catalog_service *s)
{
    *(bool *)data = true;
    return false;
}

static bool has_service(struct view *v, struct str service)
{
    bool found_one = false;
    uint64_t index;
    catalog_service_nodes(v, service, on_any_service, &found_one, &index);
    return found_one;
}

struct tag_search {
    struct str tag;
    bool found;
};

/* Exactly, unlike the API's filter: two tags that differ in case are two files. */
static bool tag_is_among(struct str tags_packed, struct str tag)
{
    struct unpack u = unpack_make(tags_packed);
    for (uint32_t left = unpack_array(&u); left > 0 && !u.bad; left--)
        if (str_eq(unpack_str(&u), tag))
            return true;
    return false;
}

static bool on_tag_search(void *data, const struct catalog_node *n, const struct catalog_service *s)
{
    struct tag_search *search = data;
    search->found = tag_is_among(s->tags, search->tag);
    return !search->found;
}

static bool has_tag(struct view *v, struct str service, struct str tag)
{
    struct tag_search search = {.tag = tag};
    uint64_t index;
    catalog_service_nodes(v, service, on_tag_search, &search, &index);
    return search.found;
}

struct instances {
    struct buf *out;
    struct str tag;
    bool healthy_only;
};

static void put_tags(struct buf *out, struct str tags_packed)
{
    struct unpack u = unpack_make(tags_packed);
    uint32_t n = unpack_array(&u);
    for (uint32_t i = 0; i < n && !u.bad; i++) {
        if (i > 0)
            buf_put_c(out, ',');
        fs_catalog_put_field(out, unpack_str(&u));
    }
    if (n == 0)
        buf_put_c(out, '-');
}

static bool on_instance(void *data, const struct health_instance *i)
{
    struct instances *all = data;
    const struct catalog_service *s = i->service;
    struct str address = s->address.n > 0 ? s->address : i->node->address;
    if (all->tag.p && !tag_is_among(s->tags, all->tag))
        return true;
    if (all->healthy_only) {
        bool is_v6 = str_find(address, ':', 0) < address.n;
        if (i->worst == HEALTH_PASSING)
            buf_putf(all->out, "%s%.*s%s:%lld\n", is_v6 ? "[" : "", STR_ARG(address),
                     is_v6 ? "]" : "", (long long)s->port);
        return true;
    }
    fs_catalog_put_field(all->out, i->node->name);
    buf_put_c(all->out, '\t');
    fs_catalog_put_field(all->out, address);
    buf_putf(all->out, "\t%lld\t%s\t", (long long)s->port, fs_catalog_status(i->worst));
    put_tags(all->out, s->tags);
    buf_put_c(all->out, '\n');
    return true;
}

static int read_instances(struct view *v, const struct fs_node *file, struct buf *out)
{
    struct instances all = {.out = out};
    uint64_t index;
    if (!has_service(v, file->a))
        return -ENOENT;
    if (file->kind == FS_SERVICE_TAG) {
        if (!has_tag(v, file->a, file->b))
            return -ENOENT;
        all.tag = file->b;
    } else {
        all.healthy_only = str_eq_z(file->b, "healthy");
    }
    health_service_nodes(v, file->a, on_instance, &all, &index);
    return 0;
}

/* ---- one node ---- */

static bool on_node_service(void *data, const struct catalog_service *s)
{
    add_label(data, s->id, FS_LIST_VALUE);
    return true;
}

static bool on_node_check(void *data, const struct health_check *c)
{
    add_label(data, c->check_id, FS_LIST_VALUE);
    return true;
}

static int list_node_dir(struct view *v, const struct fs_node *dir, struct fs_list *list)
{
    struct catalog_node node;
    uint64_t index;
    if (!catalog_node_get(v, dir->a, &node))
        return -ENOENT;
    enum fs_kind kind = item_kind(dir->b);
    if (kind == FS_NODE_META) {
        struct pairs_iter i = pairs_begin(node.meta);
        struct str name, value;
        while (pairs_next(&i, &name, &value))
            add_label(list, name, FS_LIST_VALUE);
    } else if (kind == FS_NODE_SERVICE) {
        catalog_node_services(v, dir->a, &node, on_node_service, list, &index);
    } else {
        health_node_checks(v, dir->a, on_node_check, list, &index);
    }
    return 0;
}

struct check_read {
    struct str id;
    struct buf *out; /* NULL: only whether it is there */
    bool found;
    enum health_status worst;
};

static bool on_check(void *data, const struct health_check *c)
{
    struct check_read *read = data;
    enum health_status status = health_status_of(c->status);
    if (status > read->worst)
        read->worst = status;
    if (read->id.p && str_eq(c->check_id, read->id)) {
        read->found = true;
        if (read->out) {
            fs_catalog_put_field(read->out, c->status);
            buf_put_c(read->out, '\t');
            fs_catalog_put_field(read->out, c->output);
            buf_put_c(read->out, '\n');
        }
    }
    return true;
}

static int read_check(struct view *v, struct str node, struct str id, struct buf *out)
{
    struct check_read read = {.id = id, .out = out};
    uint64_t index;
    health_node_checks(v, node, on_check, &read, &index);
    return read.found ? 0 : -ENOENT;
}

static int read_node_service(struct view *v, struct str node, struct str id, struct buf *out)
{
    struct catalog_service s;
    if (!catalog_service_get(v, node, id, &s))
        return -ENOENT;
    if (!out)
        return 0;
    fs_catalog_put_field(out, s.name);
    buf_put_c(out, '\t');
    fs_catalog_put_field(out, s.address);
    buf_putf(out, "\t%lld\t", (long long)s.port);
    put_tags(out, s.tags);
    buf_put_c(out, '\n');
    return 0;
}

/* With `out` NULL: is it there? */
static int read_item(struct view *v, struct str node, enum fs_kind kind, struct str item,
                     struct buf *out)
{
    struct catalog_node n;
    struct str value;
    if (kind == FS_NODE_SERVICE)
        return read_node_service(v, node, item, out);
    if (kind == FS_NODE_CHECK)
        return read_check(v, node, item, out);
    if (!catalog_node_get(v, node, &n) || !pairs_get(n.meta, item, &value))
        return -ENOENT;
    if (out) {
        buf_put_str(out, value);
        buf_put_c(out, '\n');
    }
    return 0;
}

static bool has_item(struct view *v, struct str node, enum fs_kind kind, struct str item)
{
    return read_item(v, node, kind, item, NULL) == 0;
}

static int read_node(struct view *v, const struct fs_node *file, struct buf *out)
{
    struct catalog_node node;
    uint64_t index;
    if (file->kind != FS_NODE_FILE)
        return read_item(v, file->a, file->kind, file->b, out);
    if (!catalog_node_get(v, file->a, &node))
        return -ENOENT;
    if (str_eq_z(file->b, "address")) {
        buf_put_str(out, node.address);
    } else if (str_eq_z(file->b, "id")) {
        buf_put_str(out, node.id);
    } else {
        struct check_read read = {.worst = HEALTH_PASSING};
        health_node_checks(v, file->a, on_check, &read, &index);
        buf_put_z(out, fs_catalog_status(read.worst));
    }
    buf_put_c(out, '\n');
    return 0;
}

/* ---- small things ---- */

static const char *pick(const char *const *names, struct str name)
{
    for (size_t i = 0; names[i]; i++)
        if (str_eq_z(name, names[i]))
            return names[i];
    return NULL;
}

static void add_label(struct fs_list *list, struct str text, int what)
{
    struct buf name;
    buf_init(&name, 0);
    if (fs_path_label(text, &name))
        fs_list_add(list, buf_str(&name), what);
    buf_fini(&name);
}

const char *fs_catalog_status(enum health_status s)
{
    static const char *const texts[] = {"passing", "warning", "critical", "maintenance"};
    return texts[s];
}
