/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli_flags.h"

static int flags_set(struct cli_flag_value *v, const char *text, struct error *err);
static int flags_set_bool(struct cli_flag_value *v, const char *text, struct error *err);

void cli_flags_add(struct cli_flags *f, const struct cli_flag *flags, size_t n)
{
    ASSERT(f->n + n <= CLI_FLAGS_MAX);
    for (size_t i = 0; i < n; i++)
        f->values[f->n++] = (struct cli_flag_value){.flag = &flags[i]};
}

int cli_flags_parse(struct cli_flags *f, int argc, char **argv, int *ret_used, bool *ret_help,
                    struct error *err)
{
    int i = 0;
    *ret_help = false;
    for (; i < argc; i++) {
        const char *arg = argv[i];
        if (arg[0] != '-' || arg[1] == '\0')
            break;
        if (strcmp(arg, "--") == 0) {
            i++;
            break;
        }
        const char *name = arg + (arg[1] == '-' ? 2 : 1);
        if (*name == '\0' || *name == '-' || *name == '=')
            return error_set(err, ERR_INVALID, "bad flag syntax: %s", arg);
        struct str rest = str_z(name), key = str_split(&rest, '=');
        const char *text = rest.p;

        struct cli_flag_value *v = NULL;
        for (size_t k = 0; k < f->n && !v; k++)
            if (str_eq_z(key, f->values[k].flag->name))
                v = &f->values[k];
        if (!v && (str_eq_z(key, "h") || str_eq_z(key, "help"))) {
            *ret_help = true;
            return 0;
        }
        if (!v)
            return error_set(err, ERR_INVALID, "flag provided but not defined: -%.*s",
                             STR_ARG(key));
        if (!text && v->flag->type != CLI_FLAG_BOOL) {
            if (i + 1 == argc)
                return error_set(err, ERR_INVALID, "flag needs an argument: -%s", v->flag->name);
            text = argv[++i];
        }
        int status = flags_set(v, text, err);
        if (status < 0)
            return status;
    }
    *ret_used = i;
    return 0;
}

static int flags_set(struct cli_flag_value *v, const char *text, struct error *err)
{
    v->given = true;
    switch (v->flag->type) {
    case CLI_FLAG_BOOL:
        return flags_set_bool(v, text, err);
    case CLI_FLAG_TEXT:
        v->text = text;
        return 0;
    case CLI_FLAG_UINT:
        if (str_to_u64(str_z(text), &v->number) < 0)
            return error_set(err, ERR_INVALID, "invalid value \"%s\" for flag -%s: parse error",
                             text, v->flag->name);
        return 0;
    case CLI_FLAG_LIST:
        if (v->item_n == CLI_FLAGS_LIST_MAX)
            return error_set(err, ERR_TOO_LARGE, "flag -%s is given more than %d times",
                             v->flag->name, CLI_FLAGS_LIST_MAX);
        v->items[v->item_n++] = text;
        return 0;
    }
    return 0;
}

/* What Go's strconv.ParseBool takes. */
static int flags_set_bool(struct cli_flag_value *v, const char *text, struct error *err)
{
    static const char *const on[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const off[] = {"0", "f", "F", "false", "FALSE", "False"};

    v->on = true;
    if (!text)
        return 0;
    for (size_t i = 0; i < sizeof(on) / sizeof(*on); i++)
        if (strcmp(text, on[i]) == 0)
            return 0;
    v->on = false;
    for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++)
        if (strcmp(text, off[i]) == 0)
            return 0;
    return error_set(err, ERR_INVALID, "invalid boolean value \"%s\" for -%s: parse error", text,
                     v->flag->name);
}

const struct cli_flag_value *cli_flags_find(const struct cli_flags *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->values[i].flag->name, name) == 0)
            return &f->values[i];
    return NULL;
}

const struct cli_flag_value *cli_flags_get(const struct cli_flags *f, const char *name)
{
    const struct cli_flag_value *v = cli_flags_find(f, name);
    ASSERT(v);
    return v;
}

bool cli_flags_is_on(const struct cli_flags *f, const char *name)
{
    const struct cli_flag_value *v = cli_flags_find(f, name);
    return v && v->on;
}

const char *cli_flags_text(const struct cli_flags *f, const char *name)
{
    const struct cli_flag_value *v = cli_flags_find(f, name);
    return v ? v->text : NULL;
}
