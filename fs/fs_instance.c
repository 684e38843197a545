/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/fs_instance.h"

#include <errno.h>

#include "fs/fs_catalog.h"
#include "fs/fs_path.h"
#include "state/health.h"

static const char *const FILES[] = {"address", "port", "status", "tags", NULL};

struct instance {
    struct catalog_node node;
    struct catalog_service service;
    struct str item; /* behind the NUL */
};

static void add(struct fs_list *list, struct str text, int what)
{
    struct buf name;
    buf_init(&name, 0);
    if (fs_path_label(text, &name))
        fs_list_add(list, buf_str(&name), what);
    buf_fini(&name);
}

bool fs_instance_is(enum fs_kind kind)
{
    return kind == FS_INSTANCES || kind == FS_INSTANCE || kind == FS_INSTANCE_FILE ||
           kind == FS_INSTANCE_DIR || kind == FS_INSTANCE_META || kind == FS_INSTANCE_CHECK;
}

/* The colon may be part of a name: each is tried. */
static bool find(struct view *v, struct str service, struct str b, struct instance *ret)
{
    size_t end = str_find(b, '\0', 0);
    struct str name = str_take(b, end);
    ret->item = str_drop(b, end + 1);
    for (size_t at = str_find(name, ':', 0); at < name.n; at = str_find(name, ':', at + 1)) {
        struct str node = str_take(name, at), id = str_drop(name, at + 1);
        if (catalog_service_get(v, node, id, &ret->service) &&
            str_eq_nocase(ret->service.name, service) && catalog_node_get(v, node, &ret->node))
            return true;
    }
    return false;
}

struct check_search {
    struct str service_id, check_id;
    struct fs_list *list;
    struct buf *out;
    enum health_status worst;
    bool found;
};

static bool on_check(void *data, const struct health_check *c)
{
    struct check_search *s = data;
    enum health_status status = health_status_of(c->status);
    s->worst = status > s->worst ? status : s->worst;
    if (s->list)
        add(s->list, c->check_id, FS_LIST_VALUE);
    if (!s->check_id.p || !str_eq(c->check_id, s->check_id))
        return true;
    s->found = true;
    if (s->out) {
        fs_catalog_put_field(s->out, c->status);
        buf_put_c(s->out, '\t');
        fs_catalog_put_field(s->out, c->output);
        buf_put_c(s->out, '\n');
    }
    return true;
}

static bool has_item(struct view *v, const struct instance *i, enum fs_kind kind, struct str item)
{
    struct str value;
    if (kind == FS_INSTANCE_META)
        return pairs_get(i->service.meta, item, &value);
    struct check_search s = {.check_id = item};
    health_instance_checks(v, i->node.name, i->service.id, on_check, &s);
    return s.found;
}

int fs_instance_lookup(struct view *v, const struct fs_node *dir, struct str item, struct buf *text,
                       struct fs_found *ret)
{
    struct instance i;
    enum fs_kind kind = FS_INSTANCE;
    buf_put_str(text, dir->a);
    if (dir->kind == FS_INSTANCES) {
        if (!find(v, dir->a, item, &i))
            return -ENOENT;
        buf_put_str(text, item);
    } else {
        if (!find(v, dir->a, dir->b, &i))
            return -ENOENT;
        buf_put_str(text, str_take(dir->b, str_find(dir->b, '\0', 0)));
        buf_put_c(text, '\0');
        buf_put_str(text, item);
        if (dir->kind == FS_INSTANCE_DIR) {
            kind = str_eq_z(i.item, "meta") ? FS_INSTANCE_META : FS_INSTANCE_CHECK;
            if (!has_item(v, &i, kind, item))
                return -ENOENT;
        } else {
            kind = FS_INSTANCE_DIR;
            for (size_t k = 0; FILES[k]; k++)
                if (str_eq_z(item, FILES[k]))
                    kind = FS_INSTANCE_FILE;
            if (kind == FS_INSTANCE_DIR && !str_eq_z(item, "meta") && !str_eq_z(item, "checks"))
                return -ENOENT;
        }
    }
    ret->node = (struct fs_node){kind, str_make(text->p, dir->a.n),
                                 str_make(text->p + dir->a.n, text->n - dir->a.n)};
    return 0;
}

static bool on_instance(void *data, const struct catalog_node *n, const struct catalog_service *s)
{
    struct buf text;
    buf_init(&text, 0);
    buf_put_str(&text, n->name);
    buf_put_c(&text, ':');
    buf_put_str(&text, s->id);
    add(data, buf_str(&text), FS_LIST_TREE);
    buf_fini(&text);
    return true;
}

int fs_instance_list(struct view *v, const struct fs_node *dir, struct fs_list *list)
{
    struct instance i;
    uint64_t index;
    if (dir->kind == FS_INSTANCES) {
        catalog_service_nodes(v, dir->a, on_instance, list, &index);
        return 0;
    }
    if (!find(v, dir->a, dir->b, &i))
        return -ENOENT;
    if (dir->kind == FS_INSTANCE) {
        for (size_t k = 0; FILES[k]; k++)
            fs_list_add(list, str_z(FILES[k]), FS_LIST_VALUE);
        fs_list_add(list, STR_LIT("meta"), FS_LIST_TREE);
        fs_list_add(list, STR_LIT("checks"), FS_LIST_TREE);
    } else if (str_eq_z(i.item, "meta")) {
        struct pairs_iter p = pairs_begin(i.service.meta);
        struct str name, value;
        while (pairs_next(&p, &name, &value))
            add(list, name, FS_LIST_VALUE);
    } else {
        struct check_search s = {.list = list};
        health_instance_checks(v, i.node.name, i.service.id, on_check, &s);
    }
    return 0;
}

static void put_tags(struct str packed, struct buf *out)
{
    struct unpack u = unpack_make(packed);
    for (uint32_t left = unpack_array(&u); left > 0 && !u.bad; left--) {
        fs_catalog_put_field(out, unpack_str(&u));
        buf_put_c(out, '\n');
    }
}

static int read_file(struct view *v, const struct instance *i, struct buf *out)
{
    const struct catalog_service *s = &i->service;
    if (str_eq_z(i->item, "tags")) {
        put_tags(s->tags, out);
    } else if (str_eq_z(i->item, "port")) {
        buf_putf(out, "%lld\n", (long long)s->port);
    } else if (str_eq_z(i->item, "address")) {
        buf_put_str(out, s->address.n > 0 ? s->address : i->node.address);
        buf_put_c(out, '\n');
    } else {
        struct check_search search = {.worst = HEALTH_PASSING};
        health_instance_checks(v, i->node.name, s->id, on_check, &search);
        buf_put_z(out, fs_catalog_status(search.worst));
        buf_put_c(out, '\n');
    }
    return 0;
}

int fs_instance_read(struct view *v, const struct fs_node *file, struct buf *out)
{
    struct instance i;
    struct str value;
    if (!find(v, file->a, file->b, &i))
        return -ENOENT;
    if (file->kind == FS_INSTANCE_FILE)
        return read_file(v, &i, out);
    if (file->kind == FS_INSTANCE_META) {
        if (!pairs_get(i.service.meta, i.item, &value))
            return -ENOENT;
        buf_put_str(out, value);
        buf_put_c(out, '\n');
        return 0;
    }
    struct check_search s = {.check_id = i.item, .out = out};
    health_instance_checks(v, i.node.name, i.service.id, on_check, &s);
    return s.found ? 0 : -ENOENT;
}
