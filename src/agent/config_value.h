/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One option's description and one option's value: read from text (flags,
 * defaults) or JSON (files), merged, compared, written back as text. Pure.
 */
#ifndef DISCO_AGENT_CONFIG_VALUE_H
#define DISCO_AGENT_CONFIG_VALUE_H

#include "agent/config.h"
#include "base/jread.h"

enum config_type {
    CONFIG_BOOL,
    CONFIG_INT,
    CONFIG_TEXT,
    CONFIG_DURATION,
    CONFIG_LIST,  /* texts; a later source appends */
    CONFIG_PAIRS, /* text to text; a later source adds and replaces by name */
    CONFIG_LEVEL, /* enum log_level */
    CONFIG_MODE,  /* octal file mode */
    CONFIG_JSON,  /* objects, one or a list of them, kept as JSON texts; a later source appends */
    CONFIG_ANY,   /* an object or array whose feature is not there: kept as "given or not" */
};
enum config_use {
    CONFIG_WORKS,
    CONFIG_IGNORED, /* accepted, with no effect that anybody would miss */
    CONFIG_NOTED,   /* accepted, no effect, said once in the log */
    CONFIG_REFUSED, /* accepted at its default only; else "not available in this version" */
};
#define CONFIG_NO_FIELD ((size_t)-1)

struct config_option {
    const char *key;  /* path in files, Consul's; NULL: flag only */
    const char *flag; /* NULL: file only */
    enum config_type type;
    enum config_use use;
    bool reload;
    size_t offset;      /* of the field in struct config, or CONFIG_NO_FIELD */
    const char *preset; /* default as text; NULL: empty, false, 0 */
    int64_t min, max;   /* CONFIG_INT: the range; both 0: any */
    const char *help;
};

struct config_value {
    bool set;       /* by some source; else it is the default */
    int64_t number; /* bool, int, level, mode; nanoseconds */
    char *text;     /* owned */
    struct config_list list;
    struct config_pairs pairs;
};

/* The value replaces (scalars) or adds to (lists, pairs) what v holds. Errors are worded without
 * the option's name: "invalid duration: ...". A pair in text is "name:value". */
int config_value_from_text(const struct config_option *o, struct str text, struct config_value *v,
                           struct error *err) MUST_USE;
int config_value_from_json(const struct config_option *o, const struct jvalue *j,
                           struct config_value *v, struct error *err) MUST_USE;
/* src over dst; src is left as it is. Nothing happens when src was not set. */
void config_value_merge(const struct config_option *o, struct config_value *dst,
                        const struct config_value *src);
/* dst becomes a copy of src, `set` included. */
void config_value_copy(struct config_value *dst, const struct config_value *src);
bool config_value_eq(const struct config_value *a, const struct config_value *b);
void config_value_fini(struct config_value *v); /* leaves an unset value */
/* As a person would write it: lists with commas, durations in Go's notation. */
void config_value_format(const struct config_option *o, const struct config_value *v,
                         struct buf *out);

void config_value_list_add(struct config_list *l, struct str text);
void config_value_pairs_set(struct config_pairs *p, struct str name, struct str value);
/* NULL when absent. */
const char *config_value_pairs_get(const struct config_pairs *p, struct str name);

#endif
