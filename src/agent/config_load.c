/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Merge order is Consul's: defaults, what -dev presets, lists given by flags,
 * files and directories in the order of the arguments (a directory's files in
 * the order of their names), then everything else given by flags. A later
 * scalar replaces, lists append, maps take over name by name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_finish.h"

#define FILE_SIZE_MAX ((size_t)16 << 20)
#define PATH_TEXT_MAX 256

static struct config *empty_config(void);
static int flags_parse(int argc, char *const *argv, struct config_value *flags, bool *ret_help,
                       struct error *err);
static int build(const struct config_value *flags, struct config *c, struct error *err);
static void presets(struct config_impl *impl, bool dev);
static int source_read(struct config_impl *impl, const char *path, struct error *err);
static int directory_read(struct config_impl *impl, const char *path, struct error *err);
static int file_read(struct config_impl *impl, const char *path, struct error *err);
static void object_read(struct config_impl *impl, const struct jvalue *object, struct str prefix,
                        struct config_problems *p);

static struct config_value *values_new(void)
{
    return mem_alloc(config_table_n * sizeof(struct config_value));
}

static void values_free(struct config_value *values)
{
    for (size_t i = 0; values && i < config_table_n; i++)
        config_value_fini(&values[i]);
    mem_free(values);
}

static size_t place_of_flag(const char *flag)
{
    int i = config_table_find_flag(str_z(flag));
    ASSERT(i >= 0);
    return (size_t)i;
}

struct config *config_new(void)
{
    struct config *c = empty_config();
    presets(c->impl, false);
    if (config_finish_fields(c, NULL))
        ASSERT(!"the defaults are valid");
    return c;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    struct config_impl *impl = c->impl;
    struct config_value warnings = {.list = c->warnings};
    config_value_fini(&warnings);
    values_free(impl->values);
    arena_fini(&impl->arena);
    for (int i = 0; i < impl->argc; i++)
        mem_free(impl->argv[i]);
    mem_free(impl->argv);
    mem_free(impl);
    mem_free(c);
}

int config_load(int argc, char *const *argv, struct config **ret, bool *ret_help, struct error *err)
{
    struct config_value *flags = values_new();
    struct config *c = NULL;
    bool help = false;
    int rc = flags_parse(argc, argv, flags, &help, err);
    *ret_help = !rc && help;
    if (rc || help)
        goto out;
    c = empty_config();
    struct config_impl *impl = c->impl;
    impl->argv = mem_alloc((size_t)argc * sizeof(char *) + 1);
    for (; impl->argc < argc; impl->argc++)
        impl->argv[impl->argc] = mem_dup_z(argv[impl->argc]);
    rc = build(flags, c, err);
    if (!rc)
        rc = config_finish_check(c, err);
    if (!rc) {
        *ret = c;
        c = NULL;
    }
out:
    config_free(c);
    values_free(flags);
    return rc;
}

int config_validate(int path_n, char *const *paths, struct error *err)
{
    struct config_value *flags = values_new();
    struct config_value *files = &flags[place_of_flag("config-file")];
    struct config *c = empty_config();
    for (int i = 0; i < path_n; i++)
        config_value_list_add(&files->list, str_z(paths[i]));
    files->set = path_n > 0;
    int rc = build(flags, c, err);
    if (!rc)
        rc = config_finish_check(c, err);
    config_free(c);
    values_free(flags);
    return rc;
}

int config_reload(const struct config *old, struct config **ret, struct error *err)
{
    const struct config_impl *before = old->impl;
    struct config *c;
    bool help;
    int rc = config_load(before->argc, before->argv, &c, &help, err);
    if (rc)
        return rc;
    struct config_impl *now = c->impl;
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        if (o->reload || o->use != CONFIG_WORKS ||
            config_value_eq(&before->values[i], &now->values[i]))
            continue;
        struct buf line;
        buf_init(&line, 0);
        buf_putf(&line, "%s was changed; the change takes effect at the next start",
                 o->key ? o->key : o->flag);
        config_value_list_add(&c->warnings, buf_str(&line));
        buf_fini(&line);
        config_value_copy(&now->values[i], &before->values[i]);
    }
    /* Fields and derived texts again: they may have pointed to what was just replaced. */
    struct config_list warnings = c->warnings;
    c->warnings = (struct config_list){0};
    *c = (struct config){.impl = now, .warnings = warnings};
    rc = config_finish_fields(c, err);
    if (!rc && c->bootstrap_expect == 1)
        c->bootstrap = true;
    if (rc)
        config_free(c);
    else
        *ret = c;
    return rc;
}

bool config_is_same(const struct config *a, const struct config *b)
{
    const struct config_impl *x = a->impl, *y = b->impl;
    for (size_t i = 0; i < config_table_n; i++) {
        if (!config_value_eq(&x->values[i], &y->values[i]))
            return false;
    }
    return true;
}

static struct config *empty_config(void)
{
    struct config *c = mem_new(struct config);
    struct config_impl *impl = mem_new(struct config_impl);
    impl->values = values_new();
    c->impl = impl;
    return c;
}

/* ---- flags ---- */

static int flag_set(struct str name, struct str value, bool has_value, struct config_value *flags,
                    struct error *err)
{
    if (str_eq_z(name, "config-dir"))
        name = STR_LIT("config-file"); /* one list: their common order is the merge order */
    size_t i = (size_t)config_table_find_flag(name);
    const struct config_option *o = &config_table[i];
    if (!has_value)
        value = STR_LIT("true");
    int rc = config_value_from_text(o, value, &flags[i], err);
    if (rc && o->type == CONFIG_BOOL)
        return error_wrap(err, "invalid boolean value \"%.*s\" for -%.*s", STR_ARG(value),
                          STR_ARG(name));
    if (rc && o->type != CONFIG_LEVEL)
        return error_wrap(err, "invalid value \"%.*s\" for flag -%.*s", STR_ARG(value),
                          STR_ARG(name));
    return rc;
}

/* Go: flag.FlagSet.parseOne */
static int flags_parse(int argc, char *const *argv, struct config_value *flags, bool *ret_help,
                       struct error *err)
{
    int i = 0;
    while (i < argc) {
        struct str arg = str_z(argv[i]);
        if (arg.n < 2 || arg.p[0] != '-')
            break;
        i++;
        if (str_eq_z(arg, "--"))
            break;
        arg = str_drop(arg, arg.p[1] == '-' ? 2 : 1);
        size_t equal = str_find(arg, '=', 0);
        struct str name = str_take(arg, equal), value = str_drop(arg, equal + 1);
        bool has_value = equal < arg.n;
        int option_i = config_table_find_flag(name);
        if (option_i < 0) {
            if (str_eq_z(name, "h") || str_eq_z(name, "help")) {
                *ret_help = true;
                return 0;
            }
            return error_set(err, CONFIG_ERR_USAGE, "flag provided but not defined: -%.*s",
                             STR_ARG(name));
        }
        if (!has_value && config_table[option_i].type != CONFIG_BOOL) {
            if (i == argc)
                return error_set(err, CONFIG_ERR_USAGE, "flag needs an argument: -%.*s",
                                 STR_ARG(name));
            value = str_z(argv[i++]);
            has_value = true;
        }
        int rc = flag_set(name, value, has_value, flags, err);
        if (rc)
            return rc;
    }
    if (i == argc)
        return 0;
    struct buf rest;
    buf_init(&rest, ERROR_TEXT_MAX);
    for (int k = i; k < argc; k++)
        buf_putf(&rest, "%s%s", k > i ? " " : "", argv[k]);
    int rc = error_set(err, ERR_INVALID, "Unexpected extra arguments: [%s]", buf_z(&rest));
    buf_fini(&rest);
    return rc;
}

/* ---- layers ---- */

static int build(const struct config_value *flags, struct config *c, struct error *err)
{
    struct config_impl *impl = c->impl;
    presets(impl, flags[place_of_flag("dev")].number != 0);
    /* consul: splitSlicesAndValues */
    for (size_t i = 0; i < config_table_n; i++) {
        if (config_table[i].type == CONFIG_LIST)
            config_value_merge(&config_table[i], &impl->values[i], &flags[i]);
    }
    const struct config_list *files = &flags[place_of_flag("config-file")].list;
    for (size_t i = 0; i < files->n; i++) {
        int rc = source_read(impl, files->items[i], err);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < config_table_n; i++) {
        if (config_table[i].type != CONFIG_LIST)
            config_value_merge(&config_table[i], &impl->values[i], &flags[i]);
    }
    return config_finish_fields(c, err);
}

static void preset(struct config_impl *impl, size_t i, const char *text)
{
    if (config_value_from_text(&config_table[i], str_z(text), &impl->values[i], NULL))
        ASSERT(!"the table's defaults are valid");
    impl->values[i].set = false;
}

static void presets(struct config_impl *impl, bool dev)
{
    for (size_t i = 0; i < config_table_n; i++) {
        if (config_table[i].preset)
            preset(impl, i, config_table[i].preset);
    }
    for (size_t i = 0; dev && i < config_table_dev_n; i++)
        preset(impl, (size_t)config_table_find_key(str_z(config_table_dev[i].key)),
               config_table_dev[i].text);
}

/* ---- files ---- */

/* "no such file or directory", as Go prints errno. */
static int open_failed(const char *path, int error_number, struct error *err)
{
    char why[128];
    snprintf(why, sizeof why, "%s", strerror(error_number));
    if (why[0] >= 'A' && why[0] <= 'Z')
        why[0] = (char)(why[0] - 'A' + 'a');
    return error_set(err, -error_number, "config: Open failed on %s. open %s: %s", path, path, why);
}

static int source_read(struct config_impl *impl, const char *path, struct error *err)
{
    struct stat st;
    if (stat(path, &st))
        return open_failed(path, errno, err);
    return S_ISDIR(st.st_mode) ? directory_read(impl, path, err) : file_read(impl, path, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int directory_read(struct config_impl *impl, const char *path, struct error *err)
{
    struct dirent **entries;
    int rc = 0, n = scandir(path, &entries, NULL, by_name);
    if (n < 0)
        return open_failed(path, errno, err);
    for (int i = 0; i < n; i++) {
        struct str name = str_z(entries[i]->d_name);
        char full[PATH_MAX];
        struct stat st;
        snprintf(full, sizeof full, "%s/%s", path, entries[i]->d_name);
        if (!rc && str_has_suffix(name, STR_LIT(".hcl")))
            rc = error_set(err, ERR_UNSUPPORTED, "config: %s: HCL is not available: write JSON",
                           full);
        /* consul: directories inside and empty files are passed over */
        if (!rc && str_has_suffix(name, STR_LIT(".json")) && stat(full, &st) == 0 &&
            !S_ISDIR(st.st_mode) && st.st_size > 0)
            rc = file_read(impl, full, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int file_bytes(const char *path, struct buf *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return open_failed(path, errno, err);
    for (;;) {
        char *room = buf_reserve(out, 4096);
        if (!room) {
            close(fd);
            return error_set(err, ERR_TOO_LARGE, "config: %s is larger than %zu bytes", path,
                             FILE_SIZE_MAX);
        }
        ssize_t n = read(fd, room, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            int error_number = errno;
            close(fd);
            return n ? open_failed(path, error_number, err) : 0;
        }
        out->n += (size_t)n;
    }
}

static int bytes_read(struct config_impl *impl, struct str bytes, struct error *err)
{
    struct jvalue *root = NULL;
    struct config_problems p = {0};
    int rc = jread_parse(bytes, &root, err);
    if (!rc && jread_type(root) != JREAD_OBJECT)
        rc = error_set(err, ERR_INVALID, "a JSON object is expected");
    if (!rc) {
        object_read(impl, root, STR_NONE, &p);
        rc = config_finish_problems(&p, err);
    }
    jread_free(root);
    return rc;
}

static int file_read(struct config_impl *impl, const char *path, struct error *err)
{
    struct buf bytes;
    if (str_has_suffix(str_z(path), STR_LIT(".hcl")))
        return error_set(err, ERR_UNSUPPORTED, "config: %s: HCL is not available: write JSON",
                         path);
    buf_init(&bytes, FILE_SIZE_MAX);
    int rc = file_bytes(path, &bytes, err);
    if (!rc) {
        rc = bytes_read(impl, buf_str(&bytes), err);
        if (rc)
            rc = error_wrap(err, "failed to parse %s", path);
    }
    buf_fini(&bytes);
    return rc;
}

int config_validate_text(struct str json, struct error *err)
{
    struct config *c = empty_config();
    presets(c->impl, false);
    int rc = bytes_read(c->impl, json, err);
    if (!rc)
        rc = config_finish_fields(c, err);
    if (!rc)
        rc = config_finish_check(c, err);
    config_free(c);
    return rc;
}

static void member_read(struct config_impl *impl, struct str path, const struct jvalue *value,
                        struct config_problems *p)
{
    struct error why = {0};
    int i = config_table_find_key(path);
    if (i >= 0) {
        if (config_value_from_json(&config_table[i], value, &impl->values[i], &why))
            config_finish_problem(p, "%s%s%s", config_table[i].key,
                                  str_has_prefix(str_z(why.text), STR_LIT("cannot")) ? " " : ": ",
                                  why.text);
        return;
    }
    if (!config_table_is_group(path)) {
        config_finish_problem(p, "invalid config key %.*s", STR_ARG(path));
        return;
    }
    if (jread_type(value) == JREAD_ARRAY && jread_count(value) == 1)
        value = jread_at(value, 0); /* consul: a list of one object is the object */
    if (jread_type(value) == JREAD_OBJECT)
        object_read(impl, value, path, p);
    else if (jread_type(value) != JREAD_NULL)
        config_finish_problem(p, "%.*s: expected an object", STR_ARG(path));
}

/* Recursion ends with the table's paths: only groups are entered. */
static void object_read(struct config_impl *impl, const struct jvalue *object, struct str prefix,
                        struct config_problems *p)
{
    size_t pos = 0;
    struct str name;
    const struct jvalue *value;
    while (jread_next(object, &pos, &name, &value)) {
        char path[PATH_TEXT_MAX];
        int n = snprintf(path, sizeof path, "%.*s%s%.*s", STR_ARG(prefix), prefix.n ? "." : "",
                         STR_ARG(name));
        if (n < 0 || (size_t)n >= sizeof path)
            n = (int)sizeof path - 1; /* longer than any key: not found under its first part */
        member_read(impl, str_make(path, (size_t)n), value, p);
    }
}
