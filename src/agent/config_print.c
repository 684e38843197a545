/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/config_finish.h"

static const char *kind_of(const struct config_option *o)
{
    static const char *const kinds[] = {
        [CONFIG_BOOL] = "true or false", [CONFIG_INT] = "number",      [CONFIG_TEXT] = "text",
        [CONFIG_DURATION] = "duration",  [CONFIG_LIST] = "list",       [CONFIG_PAIRS] = "object",
        [CONFIG_LEVEL] = "log level",    [CONFIG_MODE] = "octal mode", [CONFIG_ANY] = "any",
        [CONFIG_JSON] = "objects"};
    return kinds[o->type];
}

static bool is_shown(const struct config_option *o)
{
    return o->use == CONFIG_WORKS || (o->flag && str_eq_z(str_z(o->flag), "config-dir"));
}

void config_print_help(struct buf *out)
{
    buf_put_z(out, "Usage: disco agent [options]\n\n"
                   "  Starts the agent and runs until it is told to stop. Flags take one or two\n"
                   "  dashes, and their value after a space or an equals sign.\n\n"
                   "Options\n");
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        if (!o->flag || !is_shown(o))
            continue;
        buf_putf(out, "\n  -%s%s\n     %s.", o->flag, o->type == CONFIG_BOOL ? "" : "=<value>",
                 o->help);
        if (o->preset && o->type != CONFIG_BOOL)
            buf_putf(out, " Default: %s.", o->preset);
        buf_put_c(out, '\n');
    }
    buf_put_z(out, "\nOnly in configuration files\n\n");
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        if (o->key && !o->flag && is_shown(o))
            buf_putf(out, "  %-42s %s%s%s\n", o->key, o->help, o->preset ? "; default " : "",
                     o->preset ? o->preset : "");
    }
    buf_put_z(out, "\nFor compatibility with Consul these flags are accepted without effect:\n ");
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        if (o->flag && (o->use == CONFIG_IGNORED || o->use == CONFIG_NOTED) && !is_shown(o))
            buf_putf(out, " -%s", o->flag);
    }
    buf_put_z(out, "\nand these are refused in this version:\n ");
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        if (o->flag && o->use == CONFIG_REFUSED)
            buf_putf(out, " -%s", o->flag);
    }
    buf_put_c(out, '\n');
}

static void markdown_row(const struct config_option *o, struct buf *out)
{
    buf_putf(out, "| %s%s%s | %s%s%s | %s | %s%s%s | %s | %s |\n", o->key ? "`" : "",
             o->key ? o->key : "", o->key ? "`" : "", o->flag ? "`-" : "", o->flag ? o->flag : "",
             o->flag ? "`" : "", kind_of(o), o->preset ? "`" : "", o->preset ? o->preset : "",
             o->preset ? "`" : "", o->reload ? "yes" : "", o->help);
}

void config_print_markdown(struct buf *out)
{
    static const char *const titles[] = {[CONFIG_WORKS] = "Options",
                                         [CONFIG_IGNORED] = "Accepted without effect",
                                         [CONFIG_NOTED] = "Accepted without effect, with a warning",
                                         [CONFIG_REFUSED] = "Refused, unless at the default"};
    buf_put_z(out, "# Options of the agent\n\n"
                   "Made from the table in src/agent/config_table.c; do not edit.\n");
    for (int use = CONFIG_WORKS; use <= CONFIG_REFUSED; use++) {
        buf_putf(out,
                 "\n## %s\n\n| key in files | flag | kind | default | reload | |\n"
                 "|---|---|---|---|---|---|\n",
                 titles[use]);
        for (size_t i = 0; i < config_table_n; i++) {
            if ((int)config_table[i].use == use)
                markdown_row(&config_table[i], out);
        }
    }
}

/* Hyphens of options are minus signs in roff. */
static void man_text(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '-' || *text == '\\')
            buf_put_c(out, '\\');
        buf_put_c(out, *text);
    }
}

void config_print_man(struct buf *out)
{
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        if (!is_shown(o))
            continue;
        buf_put_z(out, ".TP\n.B ");
        if (o->flag) {
            buf_put_z(out, "\\-");
            man_text(o->flag, out);
        }
        if (o->key)
            buf_putf(out, "%s%s%s", o->flag ? " (" : "", o->key, o->flag ? ")" : "");
        buf_put_c(out, '\n');
        man_text(o->help, out);
        buf_put_c(out, '.');
        if (o->preset) {
            buf_put_z(out, " Default: ");
            man_text(o->preset, out);
            buf_put_c(out, '.');
        }
        if (o->reload)
            buf_put_z(out, " Taken over at a reload.");
        buf_put_c(out, '\n');
    }
}

void config_render(const struct config *c, struct jwrite *w)
{
    const struct config_impl *impl = c->impl;
    jwrite_object(w);
    for (size_t i = 0; i < config_table_n; i++) {
        const struct config_option *o = &config_table[i];
        const struct config_value *v = &impl->values[i];
        if (o->use != CONFIG_WORKS || !o->key)
            continue;
        jwrite_name(w, o->key);
        if (o->type == CONFIG_BOOL) {
            jwrite_bool(w, v->number != 0);
        } else if (o->type == CONFIG_INT) {
            jwrite_i64(w, v->number);
        } else {
            struct buf text;
            buf_init(&text, 0);
            config_value_format(o, v, &text);
            jwrite_str(w, buf_str(&text));
            buf_fini(&text);
        }
    }
    jwrite_close(w);
}
