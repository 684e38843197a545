/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Services and checks that were registered over the API as files, one each, named by the SHA-256 of
 * the id:
 *
 *     services/NAME      {"Token","Service":{definition},"Source":"remote"}
 *     checks/NAME        {"CheckID","Name","ServiceID","Type","ChkType":{definition},"Token",...}
 *     checks/state/NAME  {"CheckID","Status","Output"}: the last result
 *
 * A TTL check whose state is found begins a whole TTL anew: its clients could not report while the
 * agent was not there. (Consul drops a state that is older than the TTL: a false critical.)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/local_state.h"
#include "base/log.h"

#define LOG           "agent"
#define FILE_SIZE_MAX ((size_t)4 << 20)

static void write_file(struct local *l, enum local_folder folder, struct str id, struct buf *text)
{
    if (l->conf.disk.write)
        l->last_ticket = l->conf.disk.write(l->conf.disk.data, folder, id, buf_str(text));
    buf_fini(text);
}

static void put_text(struct jwrite *w, const char *name, struct str s)
{
    jwrite_name(w, name);
    jwrite_str(w, s);
}

void local_persist_remove(struct local *l, enum local_folder folder, struct str id)
{
    if (l->conf.disk.write && !l->closing)
        l->last_ticket = l->conf.disk.write(l->conf.disk.data, folder, id, STR_NONE);
}

void local_persist_service(struct local *l, const struct local_service *s)
{
    struct jwrite w;
    struct buf text;
    if (s->from_config)
        return;
    buf_init(&text, 0);
    jwrite_init(&w, &text, false);
    jwrite_object(&w);
    put_text(&w, "Token", s->token);
    jwrite_name(&w, "Service");
    jwrite_object(&w);
    local_render_service(&s->row, &w);
    jwrite_close(&w);
    put_text(&w, "Source", STR_LIT("remote"));
    jwrite_close(&w);
    jwrite_end(&w);
    write_file(l, LOCAL_SERVICES, s->row.id, &text);
}

void local_persist_check(struct local *l, const struct local_check *c)
{
    struct jwrite w;
    struct buf text;
    if (c->from_config)
        return;
    buf_init(&text, 0);
    jwrite_init(&w, &text, false);
    jwrite_object(&w);
    put_text(&w, "CheckID", c->row.check_id);
    put_text(&w, "Name", c->row.name);
    put_text(&w, "ServiceID", c->row.service_id);
    put_text(&w, "Type", c->row.type);
    put_text(&w, "Token", c->token);
    jwrite_name(&w, "ChkType");
    check_type_render(&c->type, &w);
    put_text(&w, "Source", STR_LIT("remote"));
    jwrite_close(&w);
    jwrite_end(&w);
    write_file(l, LOCAL_CHECKS, c->row.check_id, &text);
}

void local_persist_state(struct local *l, struct local_check *c)
{
    struct jwrite w;
    struct buf text;
    c->is_unsaved = false;
    if (l->closing || check_type_kind(&c->type) == CHECK_KIND_ALIAS)
        return;
    buf_init(&text, 0);
    jwrite_init(&w, &text, false);
    jwrite_object(&w);
    put_text(&w, "CheckID", c->row.check_id);
    put_text(&w, "Status", c->row.status);
    put_text(&w, "Output", c->row.output);
    jwrite_close(&w);
    jwrite_end(&w);
    write_file(l, LOCAL_STATES, c->row.check_id, &text);
}

/* ---- reading ---- */

static bool load_service(struct local *l, const struct jvalue *root)
{
    struct arena arena = {0};
    struct local_definition_service d;
    struct str token = STR_NONE;
    struct buf why;
    buf_init(&why, 0);
    bool ok = jread_str(jread_get(root, "Token"), &token) == 0 &&
              local_definition_service_parse(jread_get(root, "Service"), &arena, &d, &why);
    if (ok && !local_service_get(l, d.row.id)) {
        struct local_service *s = local_service_new(l, d.row.id);
        local_definition_copy(&d.row, &s->arena, &s->row);
        s->row.node = str_z(l->config->node_name);
        s->token = str_make(arena_dup(&s->arena, token.p ? token.p : "", token.n), token.n);
        local_dirty(l, &s->item);
    } else if (ok && local_service_get(l, d.row.id)->from_config) {
        local_persist_remove(l, LOCAL_SERVICES, d.row.id); /* consul: the file's definition wins */
    }
    buf_fini(&why);
    arena_fini(&arena);
    return ok;
}

static bool may_run(struct local *l, const struct check_type *t)
{
    struct buf why;
    buf_init(&why, 0);
    bool ok = local_definition_allows(t, l->config->enable_script_checks, false, &why);
    if (!ok)
        log_warn(LOG, "a check that was registered before is left out: check=%.*s error=\"%.*s\"",
                 STR_ARG(t->name), STR_ARG(buf_str(&why)));
    buf_fini(&why);
    return ok;
}

static bool load_check(struct local *l, const struct jvalue *root)
{
    struct arena arena = {0};
    struct check_type t;
    struct error err = {0};
    struct str id = STR_NONE, name = STR_NONE, service_id = STR_NONE, type = STR_NONE;
    struct local_service *s = NULL;
    bool ok = jread_str(jread_get(root, "CheckID"), &id) == 0 && id.n > 0 &&
              jread_str(jread_get(root, "Name"), &name) == 0 &&
              jread_str(jread_get(root, "ServiceID"), &service_id) == 0 &&
              jread_str(jread_get(root, "Type"), &type) == 0 &&
              check_type_parse(jread_get(root, "ChkType"), &arena, &t, &err) == 0;
    bool is_maintenance = str_eq_z(type, "maintenance");
    if (ok && !is_maintenance)
        ok = check_type_validate(&t, &err) == 0;
    if (ok && service_id.n)
        s = local_service_get(l, service_id);
    if (ok && (s || service_id.n == 0) && !local_check_get(l, id) && may_run(l, &t)) {
        /* consul: "Default check to critical to avoid placing potentially unhealthy services into
         * the active pool"; its state, if it has one, comes next */
        if (!is_maintenance)
            t.status = STR_NONE;
        struct local_check *c = local_check_put(l, &t, id, name, s, false);
        if (is_maintenance)
            c->row.type = STR_LIT("maintenance");
    }
    arena_fini(&arena);
    return ok;
}

static bool load_state(struct local *l, const struct jvalue *root)
{
    struct str id = STR_NONE, text = STR_NONE, output = STR_NONE;
    enum check_status status;
    if (jread_str(jread_get(root, "CheckID"), &id) || jread_str(jread_get(root, "Status"), &text) ||
        jread_str(jread_get(root, "Output"), &output) || check_status_parse(text, &status))
        return false;
    struct local_check *c = local_check_get(l, id);
    if (c && !c->has_result)
        local_check_restore(c, status, output);
    return true;
}

static bool file_read(int dir_fd, const char *name, struct buf *out)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;
    if (fd < 0)
        return false;
    for (char *room; (room = buf_reserve(out, 65536)) != NULL;) {
        n = read(fd, room, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        out->n += (size_t)n;
    }
    close(fd);
    return n == 0 && !out->failed;
}

static void load_file(struct local *l, int dir_fd, const char *name, enum local_folder folder)
{
    struct jvalue *root = NULL;
    struct error err = {0};
    struct buf text;
    bool ok;
    buf_init(&text, FILE_SIZE_MAX);
    ok = file_read(dir_fd, name, &text) && jread_parse(buf_str(&text), &root, &err) == 0;
    if (ok)
        ok = folder == LOCAL_SERVICES ? load_service(l, root)
             : folder == LOCAL_CHECKS ? load_check(l, root)
                                      : load_state(l, root);
    if (!ok)
        log_warn(LOG, "a kept registration cannot be read and is left alone: file=%s", name);
    jread_free(root);
    buf_fini(&text);
}

static void load_folder(struct local *l, const char *path, enum local_folder folder)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    while (dir && (e = readdir(dir)) != NULL) {
        struct str name = str_z(e->d_name);
        struct stat st;
        if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st, 0) || !S_ISREG(st.st_mode))
            continue;
        if (str_has_suffix(name, STR_LIT(".tmp")))
            unlinkat(dirfd(dir), e->d_name, 0);
        else
            load_file(l, dirfd(dir), e->d_name, folder);
    }
    if (dir)
        closedir(dir);
}

void local_persist_load(struct local *l, const char *data_dir)
{
    static const char *const folders[LOCAL_FOLDERS] = {"services", "checks", "checks/state"};
    char path[PATH_MAX];
    for (int i = 0; i < LOCAL_FOLDERS; i++) {
        snprintf(path, sizeof path, "%s/%s", data_dir, folders[i]);
        load_folder(l, path, (enum local_folder)i);
    }
    MAP_FOREACH (&l->checks, e) {
        struct local_check *c = e->value;
        if (!c->from_config) /* those run already */
            local_check_run(c);
    }
    local_pump(l);
}
