/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * go-bexpr's grammar.peg by recursive descent. Where the PEG tries one
 * alternative after the other, so does this; the place of a syntax error is the
 * farthest one that was looked at, as there.
 */
#include "config.h"

#include "api/filter_parse.h"

#include "api/filter.h"
#include "base/buf.h"

struct parse {
    struct str text;
    size_t at, farthest;
    struct arena *arena;
    struct error *err;
    bool failed; /* for good: err is worded */
    int depth, match_n;
};

static struct filter_tree *parse_or(struct parse *p);

/* ---- letters ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

/* The next byte, NUL at the end. */
static char peek(const struct parse *p)
{
    return p->at < p->text.n ? p->text.p[p->at] : '\0';
}

static void note_failure(struct parse *p)
{
    if (p->at > p->farthest)
        p->farthest = p->at;
}

static bool fail_at(struct parse *p, size_t at, const char *rule, const char *why)
{
    size_t line = 1, column = 1;

    if (p->failed)
        return false;
    p->failed = true;
    for (size_t i = 0; i < at; i++) {
        column++;
        if (p->text.p[i] == '\n')
            line++, column = 1;
    }
    if (rule)
        error_set(p->err, ERR_INVALID, "%zu:%zu (%zu): rule \"%s\": %s", line, column, at, rule,
                  why);
    else
        error_set(p->err, ERR_INVALID, "%zu:%zu (%zu): %s", line, column, at, why);
    return false;
}

static bool skip_space(struct parse *p) /* true if there was any */
{
    size_t from = p->at;

    while (is_space(peek(p)))
        p->at++;
    return p->at > from;
}

static bool take(struct parse *p, const char *word)
{
    struct str w = str_z(word);

    if (!str_has_prefix(str_drop(p->text, p->at), w)) {
        note_failure(p);
        return false;
    }
    p->at += w.n;
    return true;
}

/* The words one after the other, white space before each; nothing is taken when one is missing. */
static bool take_words(struct parse *p, const char *first, const char *second, const char *third)
{
    const char *words[] = {first, second, third};
    size_t from = p->at;

    for (int i = 0; i < 3 && words[i]; i++) {
        if (!skip_space(p))
            note_failure(p);
        if (p->at == from || !is_space(p->text.p[p->at - 1]) || !take(p, words[i])) {
            p->at = from;
            return false;
        }
    }
    return true;
}

/* The same, with white space after the last. */
static bool take_words_space(struct parse *p, const char *first, const char *second)
{
    size_t from = p->at;

    if (take_words(p, first, second, NULL)) {
        if (skip_space(p))
            return true;
        note_failure(p);
    }
    p->at = from;
    return false;
}

/* ---- values ---- */

static bool unquote_escape(struct parse *p, size_t at, struct str *s, struct buf *out)
{
    static const char letters[] = "abfnrtv\\\"", bytes[] = "\a\b\f\n\r\t\v\\\"";
    const char *l = s->n > 1 && s->p[1] ? strchr(letters, s->p[1]) : NULL;

    if (l) {
        buf_put_c(out, bytes[l - letters]);
        *s = str_drop(*s, 2);
        return true;
    }
    if (s->n >= 4 && s->p[1] == 'x' && hex_value(s->p[2]) >= 0 && hex_value(s->p[3]) >= 0) {
        buf_put_c(out, (char)(hex_value(s->p[2]) * 16 + hex_value(s->p[3])));
        *s = str_drop(*s, 4);
        return true;
    }
    return fail_at(p, at, "string", "invalid syntax"); /* strconv.Unquote's words */
}

static bool unquote(struct parse *p, size_t at, struct str s, struct str *ret)
{
    struct buf out;

    if (str_find(s, '\\', 0) == s.n) {
        *ret = s;
        return true;
    }
    buf_init(&out, 0);
    while (s.n) {
        size_t plain = str_find(s, '\\', 0);
        buf_put_str(&out, str_take(s, plain));
        s = str_drop(s, plain);
        if (s.n && !unquote_escape(p, at, &s, &out))
            break;
    }
    *ret = str_make(arena_dup(p->arena, out.p, out.n), out.n);
    buf_fini(&out);
    return !p->failed;
}

static bool parse_string(struct parse *p, struct str *ret)
{
    char quote = peek(p);
    size_t from = p->at + 1, end = from;

    if (quote != '"' && quote != '`') {
        note_failure(p);
        return false;
    }
    while (end < p->text.n && p->text.p[end] != quote)
        end += quote == '"' && p->text.p[end] == '\\' ? 2 : 1;
    if (end >= p->text.n)
        return fail_at(p, p->text.n, "string", "Unterminated string literal");
    struct str inside = str_take(str_drop(p->text, from), end - from);
    if (quote == '"' ? !unquote(p, p->at, inside, &inside) : false)
        return false;
    p->at = end + 1;
    *ret = inside;
    return true;
}

static bool parse_number(struct parse *p, struct str *ret)
{
    size_t from = p->at;

    if (peek(p) == '-')
        p->at++;
    if (!is_digit(peek(p))) {
        note_failure(p);
        p->at = from;
        return false;
    }
    bool zero = peek(p) == '0';
    p->at++;
    while (!zero && is_digit(peek(p)))
        p->at++;
    if (peek(p) == '.') {
        p->at++;
        while (is_digit(peek(p)))
            p->at++;
    }
    if (p->at < p->text.n && !is_space(peek(p)) && peek(p) != ')') {
        note_failure(p);
        p->at = from;
        return false;
    }
    *ret = str_take(str_drop(p->text, from), p->at - from);
    return true;
}

static bool parse_identifier(struct parse *p, struct str *ret)
{
    size_t from = p->at;

    if (!is_letter(peek(p))) {
        note_failure(p);
        return false;
    }
    while (is_letter(peek(p)) || is_digit(peek(p)) || peek(p) == '_')
        p->at++;
    note_failure(p);
    *ret = str_take(str_drop(p->text, from), p->at - from);
    return true;
}

static bool parse_index(struct parse *p, struct str *ret)
{
    size_t from = p->at;

    p->at++; /* [ */
    skip_space(p);
    if (!parse_string(p, ret)) {
        if (!p->failed)
            fail_at(p, p->at, "index", "Invalid index");
        p->at = from;
        return false;
    }
    skip_space(p);
    return take(p, "]") || fail_at(p, p->at, "index", "Unclosed index expression");
}

static bool parse_selector(struct parse *p, struct filter_match *m)
{
    m->selector_n = 0;
    if (!parse_identifier(p, &m->selector[0]))
        return false;
    for (m->selector_n = 1;; m->selector_n++) {
        size_t from = p->at;
        if (peek(p) != '.' && peek(p) != '[')
            return true;
        if (m->selector_n == FILTER_SELECTOR_MAX)
            return fail_at(p, p->at, NULL, "selector is too deep");
        struct str *part = &m->selector[m->selector_n];
        if (peek(p) == '[') {
            if (!parse_index(p, part))
                return false;
            continue;
        }
        p->at++;
        if (!parse_identifier(p, part)) {
            p->at = from;
            return true;
        }
    }
}

static bool parse_value(struct parse *p, struct str *ret)
{
    size_t from = p->at;
    struct filter_match words;

    if (parse_selector(p, &words)) {
        *ret = str_take(str_drop(p->text, from), p->at - from);
        return true;
    }
    return !p->failed && (parse_number(p, ret) || (!p->failed && parse_string(p, ret)));
}

/* ---- comparisons ---- */

static bool parse_operator(struct parse *p, enum filter_op *ret)
{
    size_t from = p->at;

    skip_space(p);
    if (take(p, "==") || take(p, "!=")) {
        *ret = p->text.p[p->at - 2] == '=' ? FILTER_EQUAL : FILTER_NOT_EQUAL;
        skip_space(p);
        return true;
    }
    p->at = from;
    if (take_words_space(p, "contains", NULL))
        *ret = FILTER_IN;
    else if (take_words_space(p, "not", "contains"))
        *ret = FILTER_NOT_IN;
    else if (take_words_space(p, "matches", NULL))
        *ret = FILTER_MATCHES;
    else if (take_words_space(p, "not", "matches"))
        *ret = FILTER_NOT_MATCHES;
    else if (take_words(p, "is", "empty", NULL))
        *ret = FILTER_IS_EMPTY;
    else if (take_words(p, "is", "not", "empty"))
        *ret = FILTER_IS_NOT_EMPTY;
    else
        return false;
    return true;
}

static bool parse_selector_first(struct parse *p, struct filter_match *m)
{
    if (!parse_selector(p, m) || !parse_operator(p, &m->op))
        return false;
    if (m->op == FILTER_IS_EMPTY || m->op == FILTER_IS_NOT_EMPTY)
        return true;
    return parse_value(p, &m->value);
}

static bool parse_value_first(struct parse *p, struct filter_match *m)
{
    if (!parse_value(p, &m->value))
        return false;
    if (take_words_space(p, "in", NULL))
        m->op = FILTER_IN;
    else if (take_words_space(p, "not", "in"))
        m->op = FILTER_NOT_IN;
    else
        return false;
    return parse_selector(p, m) || fail_at(p, p->at, "match", "Invalid selector");
}

static struct filter_tree *new_tree(struct parse *p, int kind, struct filter_tree *left,
                                    struct filter_tree *right)
{
    struct filter_tree *t = arena_new(p->arena, struct filter_tree);

    *t = (struct filter_tree){.left = left, .right = right};
    t->kind = kind;
    return t;
}

static struct filter_tree *parse_match(struct parse *p)
{
    struct filter_match m = {0};
    size_t from = p->at;

    if (!parse_selector_first(p, &m)) {
        p->at = from;
        if (p->failed || !parse_value_first(p, &m))
            return NULL;
    }
    if (++p->match_n > FILTER_MATCHES_MAX) {
        fail_at(p, p->at, NULL, "too many comparisons");
        return NULL;
    }
    struct filter_tree *t = new_tree(p, FILTER_MATCH, NULL, NULL);
    t->match = m;
    return t;
}

/* ---- and, or, not, ( ) ---- */

static struct filter_tree *parse_group(struct parse *p)
{
    if (!take(p, "("))
        return parse_match(p);
    skip_space(p);
    struct filter_tree *t = parse_or(p);
    if (!t)
        return NULL;
    skip_space(p);
    if (take(p, ")"))
        return t;
    fail_at(p, p->at, "grouping", "Unmatched parentheses");
    return NULL;
}

static struct filter_tree *parse_not(struct parse *p)
{
    size_t from = p->at;

    if (++p->depth > FILTER_DEPTH_MAX) {
        fail_at(p, p->at, NULL, "nested too deeply");
        return NULL;
    }
    struct filter_tree *t = NULL;
    if (take(p, "not") && skip_space(p))
        t = parse_not(p);
    if (t) {
        t = new_tree(p, FILTER_NOT, t, NULL);
    } else if (!p->failed) {
        p->at = from;
        t = parse_group(p);
    }
    p->depth--;
    return t;
}

/* One or more operands, joined by the word. */
static struct filter_tree *parse_chain(struct parse *p, const char *word, int kind,
                                       struct filter_tree *(*operand)(struct parse *p))
{
    struct filter_tree *left = operand(p);

    while (left) {
        size_t from = p->at;
        if (!take_words_space(p, word, NULL))
            break;
        struct filter_tree *right = operand(p);
        if (!right) {
            p->at = from;
            return p->failed ? NULL : left;
        }
        left = new_tree(p, kind, left, right);
    }
    return left;
}

static struct filter_tree *parse_and(struct parse *p)
{
    return parse_chain(p, "and", FILTER_AND, parse_not);
}

static struct filter_tree *parse_or(struct parse *p)
{
    return parse_chain(p, "or", FILTER_OR, parse_and);
}

int filter_parse(struct str text, struct arena *arena, struct filter_tree **ret, struct error *err)
{
    struct parse p = {.text = text, .arena = arena, .err = err};

    if (text.n > FILTER_SIZE_MAX)
        return error_set(err, ERR_INVALID, "longer than %d bytes", FILTER_SIZE_MAX);
    skip_space(&p);
    *ret = parse_or(&p);
    if (*ret) {
        skip_space(&p);
        if (p.at == text.n)
            return 0;
        note_failure(&p);
    }
    fail_at(&p, p.farthest, NULL, "no match found");
    return ERR_INVALID;
}
