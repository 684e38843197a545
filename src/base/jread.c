/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jansson keeps integers as int64 and reals as double, but Consul's Flags is
 * a uint64, and its tests use values above INT64_MAX. So every literal that is not
 * a plain short integer is set aside: the text handed to jansson has the real
 * number k.5 in its place, k being its position in a list of literals. Then
 * each real that jansson yields stands for exactly one literal; nobody can
 * forge one, since reals of the document itself are set aside too. Documents
 * without such literals (nearly all) are parsed in place.
 *
 * jansson's tree is then turned into ours, in one arena: it is quicker to
 * walk, its objects can be iterated by position, and a number holds 65 bits.
 */
#include "base/jread.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define DIGITS_PLAIN_MAX 18 /* any integer of so many digits is an int64 */
#define LITERAL_SIZE_MAX 400
#define PARSE_FLAGS      (JSON_DECODE_ANY | JSON_ALLOW_NUL)

struct member {
    struct str name;
    struct jvalue *value;
};
struct jvalue {
    enum jread_type type;
    union {
        bool boolean;
        struct {
            bool is_integer, is_negative;
            uint64_t magnitude; /* of an integer */
            double real;
        } number;
        struct str string; /* jansson's memory */
        struct {
            struct jvalue *items;
            size_t n;
        } array;
        struct {
            struct member *members;
            size_t n;
        } object;
    } u;
};

struct document {
    struct jvalue root; /* first, so that the root's address is the document's */
    json_t *tree;
    struct arena arena;
};

struct literals {
    struct buf text; /* the document with its literals replaced */
    struct str *list;
    size_t n, cap;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_at(struct str s, size_t i)
{
    size_t from = i;

    while (i < s.n && is_digit(s.p[i]))
        i++;
    return i - from;
}

/* Bytes at the start of s that a number may consist of. */
static size_t number_run(struct str s)
{
    size_t n = 0;

    while (n < s.n && (is_digit(s.p[n]) || (s.p[n] && strchr("+-.eE", s.p[n]))))
        n++;
    return n;
}

/* Bytes of the JSON number (RFC 8259 6) that s begins with, 0 if none; *ret_plain: jansson's own
 * integer holds it. */
static size_t number_size(struct str s, bool *ret_plain)
{
    size_t i = s.n && s.p[0] == '-', n = digits_at(s, i), sign;

    if (n == 0 || (n > 1 && s.p[i] == '0'))
        return 0;
    *ret_plain = n <= DIGITS_PLAIN_MAX;
    i += n;
    if (i < s.n && s.p[i] == '.') {
        n = digits_at(s, i + 1);
        if (n == 0)
            return 0;
        *ret_plain = false;
        i += 1 + n;
    }
    if (i < s.n && (s.p[i] | 0x20) == 'e') {
        sign = i + 1 < s.n && (s.p[i + 1] == '+' || s.p[i + 1] == '-');
        n = digits_at(s, i + 1 + sign);
        if (n == 0)
            return 0;
        *ret_plain = false;
        i += 1 + sign + n;
    }
    return i;
}

static size_t string_size(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return s.n;
}

static void set_aside(struct literals *l, struct str literal)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 8;
        l->list = mem_realloc(l->list, l->cap * sizeof(*l->list));
    }
    buf_putf(&l->text, "%zu.5", l->n);
    l->list[l->n++] = literal;
}

/* Fills l->text only when there is a literal to set aside. */
static void collect_literals(struct str text, struct literals *l)
{
    size_t copied = 0, i = 0;

    while (i < text.n) {
        struct str rest = str_drop(text, i);
        bool plain = true;
        size_t size = 1;

        if (rest.p[0] == '"') {
            size = string_size(rest);
        } else if (rest.p[0] == '-' || is_digit(rest.p[0])) {
            size = number_run(rest);
            if (number_size(str_take(rest, size), &plain) != size)
                plain = true; /* no number: jansson finds that too */
        }
        if (!plain && size > LITERAL_SIZE_MAX) {
            l->text.failed = true;
        } else if (!plain) {
            buf_put(&l->text, text.p + copied, i - copied);
            set_aside(l, str_take(rest, size));
            copied = i + size;
        }
        i += size;
    }
    if (l->n)
        buf_put_str(&l->text, str_drop(text, copied));
}

static void convert_literal(struct jvalue *v, struct str literal)
{
    char z[LITERAL_SIZE_MAX + 1];
    bool negative = literal.p[0] == '-';

    ASSERT(str_copy_z(literal, z, sizeof(z)));
    v->u.number.is_negative = negative;
    v->u.number.is_integer = str_to_u64(str_drop(literal, negative), &v->u.number.magnitude) == 0;
    v->u.number.real = strtod(z, NULL);
}

static void convert(struct document *d, const struct literals *l, json_t *j, struct jvalue *v);

static void convert_array(struct document *d, const struct literals *l, json_t *j, struct jvalue *v)
{
    size_t n = json_array_size(j);

    v->u.array.n = n;
    v->u.array.items = arena_alloc(&d->arena, n * sizeof(struct jvalue));
    for (size_t i = 0; i < n; i++)
        convert(d, l, json_array_get(j, i), &v->u.array.items[i]);
}

static void convert_object(struct document *d, const struct literals *l, json_t *j,
                           struct jvalue *v)
{
    struct member *m = arena_alloc(&d->arena, json_object_size(j) * sizeof(*m));

    v->u.object.n = json_object_size(j);
    v->u.object.members = m;
    for (void *i = json_object_iter(j); i; i = json_object_iter_next(j, i), m++) {
        m->name = str_z(json_object_iter_key(i));
        m->value = arena_new(&d->arena, struct jvalue);
        convert(d, l, json_object_iter_value(i), m->value);
    }
}

/* jansson has bounded the depth (JSON_PARSER_MAX_DEPTH, 2048). */
static void convert(struct document *d, const struct literals *l, json_t *j, struct jvalue *v)
{
    switch (json_typeof(j)) {
    case JSON_NULL:
        v->type = JREAD_NULL;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        v->type = JREAD_BOOL;
        v->u.boolean = json_is_true(j);
        break;
    case JSON_STRING:
        v->type = JREAD_STRING;
        v->u.string = str_make(json_string_value(j), json_string_length(j));
        break;
    case JSON_INTEGER:
        v->type = JREAD_NUMBER;
        v->u.number.is_integer = true;
        v->u.number.is_negative = json_integer_value(j) < 0;
        v->u.number.magnitude = (uint64_t)llabs(json_integer_value(j));
        v->u.number.real = (double)json_integer_value(j);
        break;
    case JSON_REAL:
        v->type = JREAD_NUMBER;
        ASSERT(json_real_value(j) >= 0 && json_real_value(j) < (double)l->n);
        convert_literal(v, l->list[(size_t)json_real_value(j)]);
        break;
    case JSON_ARRAY:
        v->type = JREAD_ARRAY;
        convert_array(d, l, j, v);
        break;
    case JSON_OBJECT:
        v->type = JREAD_OBJECT;
        convert_object(d, l, j, v);
        break;
    }
}

/* The error is worded from the document as it was given, so that its position is right. */
static int fail(struct str text, struct error *err)
{
    json_error_t e = {0};
    json_t *tree = json_loadb(text.p, text.n, PARSE_FLAGS, &e);

    json_decref(tree);
    if (tree) /* a literal longer than any number needs */
        return error_set(err, ERR_INVALID, "a number is too long");
    return error_set(err, ERR_INVALID, "%s at line %d, column %d", e.text, e.line, e.column);
}

int jread_parse(struct str text, struct jvalue **ret, struct error *err)
{
    struct literals l = {0};
    struct document *d;
    struct str easy;
    json_t *tree;
    int r = 0;

    if (text.n == 0)
        text = STR_LIT(""); /* with an address: jansson refuses NULL without a word */
    collect_literals(text, &l);
    easy = l.n ? buf_str(&l.text) : text;
    tree = l.text.failed ? NULL : json_loadb(easy.p, easy.n, PARSE_FLAGS, NULL);
    if (!tree) {
        r = fail(text, err);
        goto out;
    }
    d = mem_new(struct document);
    d->tree = tree;
    convert(d, &l, tree, &d->root);
    *ret = &d->root;
out:
    buf_fini(&l.text);
    mem_free(l.list);
    return r;
}

void jread_free(struct jvalue *root)
{
    struct document *d = (struct document *)(void *)root;

    if (!d)
        return;
    arena_fini(&d->arena);
    json_decref(d->tree);
    mem_free(d);
}

enum jread_type jread_type(const struct jvalue *v)
{
    return v ? v->type : JREAD_NULL;
}

const struct jvalue *jread_get(const struct jvalue *object, const char *name)
{
    const struct jvalue *folded = NULL;

    if (jread_type(object) != JREAD_OBJECT)
        return NULL;
    for (size_t i = 0; i < object->u.object.n; i++) {
        const struct member *m = &object->u.object.members[i];

        if (str_eq_z(m->name, name))
            return m->value;
        if (str_eq_nocase(m->name, str_z(name)))
            folded = m->value; /* the last one wins, as with names that are alike */
    }
    return folded;
}

size_t jread_count(const struct jvalue *array_or_object)
{
    if (jread_type(array_or_object) == JREAD_ARRAY)
        return array_or_object->u.array.n;
    return jread_type(array_or_object) == JREAD_OBJECT ? array_or_object->u.object.n : 0;
}

const struct jvalue *jread_at(const struct jvalue *array, size_t i)
{
    if (jread_type(array) != JREAD_ARRAY || i >= array->u.array.n)
        return NULL;
    return &array->u.array.items[i];
}

bool jread_next(const struct jvalue *object, size_t *pos, struct str *ret_name,
                const struct jvalue **ret_value)
{
    const struct member *m;

    if (jread_type(object) != JREAD_OBJECT || *pos >= object->u.object.n)
        return false;
    m = &object->u.object.members[(*pos)++];
    *ret_name = m->name;
    *ret_value = m->value;
    return true;
}

int jread_str(const struct jvalue *v, struct str *ret)
{
    if (jread_type(v) == JREAD_NULL)
        return 0;
    if (v->type != JREAD_STRING)
        return ERR_INVALID;
    *ret = v->u.string;
    return 0;
}

int jread_bool(const struct jvalue *v, bool *ret)
{
    if (jread_type(v) == JREAD_NULL)
        return 0;
    if (v->type != JREAD_BOOL)
        return ERR_INVALID;
    *ret = v->u.boolean;
    return 0;
}

int jread_i64(const struct jvalue *v, int64_t *ret)
{
    if (jread_type(v) == JREAD_NULL)
        return 0;
    if (v->type != JREAD_NUMBER || !v->u.number.is_integer ||
        v->u.number.magnitude > (uint64_t)INT64_MAX + v->u.number.is_negative)
        return ERR_INVALID;
    *ret = v->u.number.is_negative ? (int64_t)(0 - v->u.number.magnitude)
                                   : (int64_t)v->u.number.magnitude;
    return 0;
}

int jread_u64(const struct jvalue *v, uint64_t *ret)
{
    if (jread_type(v) == JREAD_NULL)
        return 0;
    if (v->type != JREAD_NUMBER || !v->u.number.is_integer || v->u.number.is_negative)
        return ERR_INVALID;
    *ret = v->u.number.magnitude;
    return 0;
}

int jread_double(const struct jvalue *v, double *ret)
{
    if (jread_type(v) == JREAD_NULL)
        return 0;
    if (v->type != JREAD_NUMBER || !isfinite(v->u.number.real))
        return ERR_INVALID;
    *ret = v->u.number.real;
    return 0;
}

int jread_duration(const struct jvalue *v, struct duration *ret)
{
    if (jread_type(v) == JREAD_STRING)
        return duration_parse(v->u.string, (struct duration){0}, ret);
    return jread_i64(v, &ret->ns);
}
