/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words of errors are those of Go's flag and strconv packages where Consul's
 * users know them, so that what they search for finds the same page.
 */
#include "agent/config_value.h"

#include <stdio.h>

#include "base/jcopy.h"
#include "base/mem.h"

#define NANOSECONDS ((struct duration){1})

static int bool_from_text(struct str text, int64_t *ret, struct error *err);
static int int_from_text(const struct config_option *o, struct str text, int64_t *ret,
                         struct error *err);
static int mode_from_text(struct str text, int64_t *ret, struct error *err);
static int range_check(const struct config_option *o, int64_t number, struct error *err);
static int list_from_json(const struct jvalue *j, struct config_list *l, struct error *err);
static int objects_from_json(const struct jvalue *j, struct config_list *l, struct error *err);
static int pairs_from_json(const struct jvalue *j, struct config_pairs *p, struct error *err);
static int scalar_from_json(const struct config_option *o, const struct jvalue *j,
                            struct config_value *v, struct error *err);
static void list_fini(struct config_list *l);
static void list_copy(struct config_list *dst, const struct config_list *src);

int config_value_from_text(const struct config_option *o, struct str text, struct config_value *v,
                           struct error *err)
{
    int rc = 0;
    int64_t number = 0;
    struct duration d;
    enum log_level level;
    switch (o->type) {
    case CONFIG_BOOL:
        rc = bool_from_text(text, &number, err);
        break;
    case CONFIG_INT:
        rc = int_from_text(o, text, &number, err);
        break;
    case CONFIG_MODE:
        rc = mode_from_text(text, &number, err);
        break;
    case CONFIG_DURATION:
        rc = duration_parse(text, (struct duration){0}, &d);
        if (rc)
            return error_set(err, rc, "invalid duration: \"%.*s\": time: invalid duration \"%.*s\"",
                             STR_ARG(text), STR_ARG(text));
        number = d.ns;
        break;
    case CONFIG_LEVEL:
        if (log_level_parse(text, &level) || level == LOG_OFF)
            return error_set(err, ERR_INVALID,
                             "Invalid log level: %.*s. Valid log levels are: "
                             "[TRACE DEBUG INFO WARN ERR ERROR]",
                             STR_ARG(text));
        number = level;
        break;
    case CONFIG_LIST:
        config_value_list_add(&v->list, text);
        break;
    case CONFIG_PAIRS: {
        size_t colon = str_find(text, ':', 0);
        config_value_pairs_set(&v->pairs, str_take(text, colon), str_drop(text, colon + 1));
        break;
    }
    case CONFIG_TEXT:
        mem_free(v->text);
        v->text = str_dup_z(text);
        break;
    case CONFIG_JSON:
    case CONFIG_ANY:
        break;
    }
    if (rc)
        return rc;
    v->number = number;
    v->set = true;
    return 0;
}

int config_value_from_json(const struct config_option *o, const struct jvalue *j,
                           struct config_value *v, struct error *err)
{
    int rc;
    if (jread_type(j) == JREAD_NULL)
        return 0; /* as if the key were not there */
    if (o->type == CONFIG_LIST)
        rc = list_from_json(j, &v->list, err);
    else if (o->type == CONFIG_PAIRS)
        rc = pairs_from_json(j, &v->pairs, err);
    else if (o->type == CONFIG_JSON)
        rc = objects_from_json(j, &v->list, err);
    else if (o->type == CONFIG_ANY)
        rc = 0;
    else
        rc = scalar_from_json(o, j, v, err);
    if (!rc)
        v->set = true;
    return rc;
}

/* Go's decoder is weak on purpose (consul: mapstructure WeaklyTypedInput): "8500" is a number, 1 is
 * true, a list of one is its element. */
static int scalar_from_json(const struct config_option *o, const struct jvalue *j,
                            struct config_value *v, struct error *err)
{
    struct str text;
    bool flag;
    int64_t number;
    if (jread_type(j) == JREAD_ARRAY && jread_count(j) == 1)
        j = jread_at(j, 0);
    if (!jread_str(j, &text) && jread_type(j) == JREAD_STRING)
        return config_value_from_text(o, text, v, err);
    if (jread_type(j) == JREAD_BOOL && !jread_bool(j, &flag) && o->type == CONFIG_BOOL) {
        v->number = flag;
        return 0;
    }
    if (jread_type(j) == JREAD_NUMBER) {
        if (jread_i64(j, &number))
            return error_set(err, ERR_INVALID, "expected a whole number");
        if (o->type == CONFIG_TEXT || o->type == CONFIG_MODE) {
            char digits[24];
            int n = snprintf(digits, sizeof digits, "%lld", (long long)number);
            return config_value_from_text(o, str_make(digits, (size_t)n), v, err);
        }
        if (o->type == CONFIG_INT || o->type == CONFIG_DURATION || o->type == CONFIG_BOOL) {
            int rc = range_check(o, number, err);
            if (!rc)
                v->number = o->type == CONFIG_BOOL ? number != 0 : number;
            return rc;
        }
    }
    static const char *const wanted[] = {
        [CONFIG_BOOL] = "true or false", [CONFIG_INT] = "a number",
        [CONFIG_TEXT] = "a text",        [CONFIG_DURATION] = "a duration",
        [CONFIG_LIST] = "a list",        [CONFIG_PAIRS] = "an object",
        [CONFIG_LEVEL] = "a log level",  [CONFIG_MODE] = "an octal mode",
        [CONFIG_ANY] = "a value",        [CONFIG_JSON] = "an object"};
    return error_set(err, ERR_INVALID, "expected %s", wanted[o->type]);
}

static int object_add(const struct jvalue *j, struct config_list *l, struct error *err)
{
    struct buf text;
    if (jread_type(j) != JREAD_OBJECT)
        return error_set(err, ERR_INVALID, "expected an object, or a list of them");
    buf_init(&text, 0);
    int rc = jcopy_text(j, &text);
    if (rc)
        error_set(err, rc, "nested too deep");
    else
        config_value_list_add(l, buf_str(&text));
    buf_fini(&text);
    return rc;
}

static int objects_from_json(const struct jvalue *j, struct config_list *l, struct error *err)
{
    int rc = 0;
    if (jread_type(j) != JREAD_ARRAY)
        return object_add(j, l, err);
    for (size_t i = 0; !rc && i < jread_count(j); i++)
        rc = object_add(jread_at(j, i), l, err);
    return rc;
}

static int list_from_json(const struct jvalue *j, struct config_list *l, struct error *err)
{
    struct str text;
    if (jread_type(j) == JREAD_STRING && !jread_str(j, &text)) {
        config_value_list_add(l, text);
        return 0;
    }
    if (jread_type(j) != JREAD_ARRAY)
        return error_set(err, ERR_INVALID, "expected a list of texts");
    for (size_t i = 0; i < jread_count(j); i++) {
        const struct jvalue *item = jread_at(j, i);
        if (jread_type(item) != JREAD_STRING || jread_str(item, &text))
            return error_set(err, ERR_INVALID, "expected a list of texts");
        config_value_list_add(l, text);
    }
    return 0;
}

static int pairs_from_json(const struct jvalue *j, struct config_pairs *p, struct error *err)
{
    size_t pos = 0;
    struct str name, text;
    const struct jvalue *value;
    if (jread_type(j) == JREAD_ARRAY && jread_count(j) == 1)
        j = jread_at(j, 0);
    if (jread_type(j) != JREAD_OBJECT)
        return error_set(err, ERR_INVALID, "expected an object of texts");
    while (jread_next(j, &pos, &name, &value)) {
        int64_t number;
        char digits[24];
        if (jread_type(value) == JREAD_NUMBER && !jread_i64(value, &number)) {
            int n = snprintf(digits, sizeof digits, "%lld", (long long)number);
            text = str_make(digits, (size_t)n);
        } else if (jread_type(value) != JREAD_STRING || jread_str(value, &text)) {
            return error_set(err, ERR_INVALID, "expected a text at \"%.*s\"", STR_ARG(name));
        }
        config_value_pairs_set(p, name, text);
    }
    return 0;
}

static int bool_from_text(struct str text, int64_t *ret, struct error *err)
{
    /* Go: strconv.ParseBool */
    static const char *const words[] = {"1", "t", "T", "TRUE",  "true",  "True",
                                        "0", "f", "F", "FALSE", "false", "False"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq_z(text, words[i])) {
            *ret = i < 6;
            return 0;
        }
    }
    return error_set(err, ERR_INVALID, "strconv.ParseBool: parsing \"%.*s\": invalid syntax",
                     STR_ARG(text));
}

static int int_from_text(const struct config_option *o, struct str text, int64_t *ret,
                         struct error *err)
{
    int64_t number;
    if (str_to_i64(text, &number))
        return error_set(err, ERR_INVALID, "strconv.ParseInt: parsing \"%.*s\": invalid syntax",
                         STR_ARG(text));
    int rc = range_check(o, number, err);
    if (!rc)
        *ret = number;
    return rc;
}

static int range_check(const struct config_option *o, int64_t number, struct error *err)
{
    if (o->type != CONFIG_INT || (o->min == 0 && o->max == 0) ||
        (number >= o->min && number <= o->max))
        return 0;
    return error_set(err, ERR_INVALID, "cannot be %lld. Must be between %lld and %lld",
                     (long long)number, (long long)o->min, (long long)o->max);
}

static int mode_from_text(struct str text, int64_t *ret, struct error *err)
{
    int64_t mode = 0;
    for (size_t i = 0; i < text.n && text.n <= 5; i++) {
        if (text.p[i] < '0' || text.p[i] > '7')
            mode = INT32_MAX; /* found out below */
        mode = mode * 8 + (text.p[i] - '0');
    }
    if (text.n == 0 || text.n > 5 || mode > 0777)
        return error_set(err, ERR_INVALID, "\"%.*s\" is not an octal mode between 0 and 0777",
                         STR_ARG(text));
    *ret = mode;
    return 0;
}

void config_value_merge(const struct config_option *o, struct config_value *dst,
                        const struct config_value *src)
{
    if (!src->set)
        return;
    dst->set = true;
    dst->number = src->number;
    if (src->text) {
        mem_free(dst->text);
        dst->text = mem_dup_z(src->text);
    }
    for (size_t i = 0; i < src->list.n; i++)
        config_value_list_add(&dst->list, str_z(src->list.items[i]));
    for (size_t i = 0; i < src->pairs.n; i++)
        config_value_pairs_set(&dst->pairs, str_z(src->pairs.names[i]),
                               str_z(src->pairs.values[i]));
}

void config_value_copy(struct config_value *dst, const struct config_value *src)
{
    config_value_fini(dst);
    dst->set = src->set;
    dst->number = src->number;
    dst->text = mem_dup_z(src->text);
    list_copy(&dst->list, &src->list);
    for (size_t i = 0; i < src->pairs.n; i++)
        config_value_pairs_set(&dst->pairs, str_z(src->pairs.names[i]),
                               str_z(src->pairs.values[i]));
}

static bool list_eq(char *const *a, char *const *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(a[i], b[i]) != 0)
            return false;
    }
    return true;
}

bool config_value_eq(const struct config_value *a, const struct config_value *b)
{
    return a->number == b->number && str_eq(str_z(a->text), str_z(b->text)) &&
           a->list.n == b->list.n && a->pairs.n == b->pairs.n &&
           list_eq(a->list.items, b->list.items, a->list.n) &&
           list_eq(a->pairs.names, b->pairs.names, a->pairs.n) &&
           list_eq(a->pairs.values, b->pairs.values, a->pairs.n);
}

void config_value_fini(struct config_value *v)
{
    mem_free(v->text);
    list_fini(&v->list);
    for (size_t i = 0; i < v->pairs.n; i++) {
        mem_free(v->pairs.names[i]);
        mem_free(v->pairs.values[i]);
    }
    mem_free(v->pairs.names);
    mem_free(v->pairs.values);
    *v = (struct config_value){0};
}

void config_value_format(const struct config_option *o, const struct config_value *v,
                         struct buf *out)
{
    switch (o->type) {
    case CONFIG_BOOL:
        buf_put_z(out, v->number ? "true" : "false");
        break;
    case CONFIG_INT:
        buf_putf(out, "%lld", (long long)v->number);
        break;
    case CONFIG_MODE:
        buf_putf(out, "%04llo", (unsigned long long)v->number);
        break;
    case CONFIG_DURATION:
        duration_format((struct duration){v->number}, out);
        break;
    case CONFIG_LEVEL:
        buf_put_z(out, log_level_name((enum log_level)v->number));
        break;
    case CONFIG_TEXT:
        buf_put_z(out, v->text ? v->text : "");
        break;
    case CONFIG_LIST:
        for (size_t i = 0; i < v->list.n; i++)
            buf_putf(out, "%s%s", i ? "," : "", v->list.items[i]);
        break;
    case CONFIG_PAIRS:
        for (size_t i = 0; i < v->pairs.n; i++)
            buf_putf(out, "%s%s:%s", i ? "," : "", v->pairs.names[i], v->pairs.values[i]);
        break;
    case CONFIG_JSON: /* may hold tokens */
    case CONFIG_ANY:
        buf_put_z(out, v->set ? "(given)" : "");
        break;
    }
}

void config_value_list_add(struct config_list *l, struct str text)
{
    l->items = mem_realloc(l->items, (l->n + 1) * sizeof(char *));
    l->items[l->n++] = str_dup_z(text);
}

static void list_copy(struct config_list *dst, const struct config_list *src)
{
    for (size_t i = 0; i < src->n; i++)
        config_value_list_add(dst, str_z(src->items[i]));
}

static void list_fini(struct config_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        mem_free(l->items[i]);
    mem_free(l->items);
    *l = (struct config_list){0};
}

/* First place whose name is not less than `name`. */
static size_t pairs_place(const struct config_pairs *p, struct str name)
{
    size_t i = 0;
    while (i < p->n && str_cmp(str_z(p->names[i]), name) < 0)
        i++;
    return i;
}

void config_value_pairs_set(struct config_pairs *p, struct str name, struct str value)
{
    size_t i = pairs_place(p, name);
    if (i < p->n && str_eq(str_z(p->names[i]), name)) {
        mem_free(p->values[i]);
        p->values[i] = str_dup_z(value);
        return;
    }
    p->names = mem_realloc(p->names, (p->n + 1) * sizeof(char *));
    p->values = mem_realloc(p->values, (p->n + 1) * sizeof(char *));
    memmove(p->names + i + 1, p->names + i, (p->n - i) * sizeof(char *));
    memmove(p->values + i + 1, p->values + i, (p->n - i) * sizeof(char *));
    p->names[i] = str_dup_z(name);
    p->values[i] = str_dup_z(value);
    p->n++;
}

const char *config_value_pairs_get(const struct config_pairs *p, struct str name)
{
    size_t i = pairs_place(p, name);
    return i < p->n && str_eq(str_z(p->names[i]), name) ? p->values[i] : NULL;
}
