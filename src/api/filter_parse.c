/* SPDX-License-Identifier: GPL-3.0-or-later */
/* go-bexpr's grammar.peg by recursive descent: the same alternatives in the same order, so that the
 * place of an error, the farthest one looked at, is the same too. */
#include "config.h"

#include "api/filter_parse.h"

#include "api/filter.h"
#include "api/filter_text.h"
#include "base/buf.h"

/* What could have stood at a place, in the order in which an error lists it. */
#define TERMINALS(X)                                                                               \
    X(WANT_NOT_EQUAL, "\"!=\"")                                                                    \
    X(WANT_OPEN, "\"(\"")                                                                          \
    X(WANT_MINUS, "\"-\"")                                                                         \
    X(WANT_DOT, "\".\"")                                                                           \
    X(WANT_ZERO, "\"0\"")                                                                          \
    X(WANT_EQUAL, "\"==\"")                                                                        \
    X(WANT_INDEX, "\"[\"")                                                                         \
    X(WANT_QUOTE, "\"\\\"\"")                                                                      \
    X(WANT_RAW_QUOTE, "\"`\"")                                                                     \
    X(WANT_AND, "\"and\"")                                                                         \
    X(WANT_CONTAINS, "\"contains\"")                                                               \
    X(WANT_EMPTY, "\"empty\"")                                                                     \
    X(WANT_IN, "\"in\"")                                                                           \
    X(WANT_IS, "\"is\"")                                                                           \
    X(WANT_MATCHES, "\"matches\"")                                                                 \
    X(WANT_NOT, "\"not\"")                                                                         \
    X(WANT_OR, "\"or\"")                                                                           \
    X(WANT_SPACE, "[ \\t\\r\\n]")                                                                  \
    X(WANT_DIGIT, "[0-9]")                                                                         \
    X(WANT_FIRST_DIGIT, "[1-9]")                                                                   \
    X(WANT_WORD, "[a-zA-Z0-9_]")                                                                   \
    X(WANT_LETTER, "[a-zA-Z]")                                                                     \
    X(WANT_END, "EOF")
enum terminal {
#define X(name, text) name,
    TERMINALS(X)
#undef X
        TERMINAL_N
};
static const char *const terminal_texts[TERMINAL_N] = {
#define X(name, text) text,
    TERMINALS(X)
#undef X
};

struct parse {
    struct str text;
    size_t at, farthest;
    uint32_t wanted; /* at the farthest place: a bit per terminal */
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

/* The next byte, NUL at the end. */
static char peek(const struct parse *p)
{
    return p->at < p->text.n ? p->text.p[p->at] : '\0';
}

static void want(struct parse *p, enum terminal t)
{
    if (p->at > p->farthest) {
        p->farthest = p->at;
        p->wanted = 0;
    }
    if (p->at == p->farthest)
        p->wanted |= 1u << t;
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
    want(p, WANT_SPACE);
    return p->at > from;
}

/* The text of a terminal is its Go string. */
static bool take(struct parse *p, enum terminal t)
{
    struct str quoted = str_z(terminal_texts[t]),
               word = str_take(str_drop(quoted, 1), quoted.n - 2);

    if (!str_has_prefix(str_drop(p->text, p->at), word)) {
        want(p, t);
        return false;
    }
    p->at += word.n;
    return true;
}

/* The words one after the other, white space before each; nothing is taken when one is missing. */
static bool take_words(struct parse *p, const enum terminal *words, int n)
{
    size_t from = p->at;

    for (int i = 0; i < n; i++) {
        if (!skip_space(p) || !take(p, words[i])) {
            p->at = from;
            return false;
        }
    }
    return true;
}

/* The same, with white space after the last. */
static bool take_words_space(struct parse *p, const enum terminal *words, int n)
{
    size_t from = p->at;

    if (take_words(p, words, n) && skip_space(p))
        return true;
    p->at = from;
    return false;
}

/* ---- values ---- */

static bool unquote(struct parse *p, size_t at, struct str s, struct str *ret)
{
    struct buf out;

    buf_init(&out, 0);
    bool ok = filter_text_unquote(s, &out) == 0;
    if (ok)
        *ret = str_make(arena_dup(p->arena, out.p, out.n), out.n);
    buf_fini(&out);
    return ok || fail_at(p, at, "string", "invalid syntax"); /* strconv.Unquote's words */
}

static bool parse_string(struct parse *p, struct str *ret)
{
    char quote = peek(p);
    size_t from = p->at + 1, end = from;

    if (quote != '"' && quote != '`') {
        want(p, WANT_QUOTE);
        want(p, WANT_RAW_QUOTE);
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

static void skip_digits(struct parse *p)
{
    while (is_digit(peek(p)))
        p->at++;
    want(p, WANT_DIGIT);
}

static bool parse_number(struct parse *p, struct str *ret)
{
    size_t from = p->at;
    bool zero;

    take(p, WANT_MINUS);
    zero = take(p, WANT_ZERO);
    if (!zero && !is_digit(peek(p))) {
        want(p, WANT_FIRST_DIGIT);
        p->at = from;
        return false;
    }
    if (!zero)
        skip_digits(p);
    if (take(p, WANT_DOT))
        skip_digits(p);
    if (p->at < p->text.n && !is_space(peek(p)) && peek(p) != ')') {
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
        want(p, WANT_LETTER);
        return false;
    }
    while (is_letter(peek(p)) || is_digit(peek(p)) || peek(p) == '_')
        p->at++;
    want(p, WANT_WORD);
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
    if (peek(p) != ']')
        return fail_at(p, p->at, "index", "Unclosed index expression");
    p->at++;
    return true;
}

static bool parse_selector(struct parse *p, struct filter_match *m)
{
    m->selector_n = 0;
    if (!parse_identifier(p, &m->selector[0]))
        return false;
    for (m->selector_n = 1;; m->selector_n++) {
        size_t from = p->at;
        if (peek(p) != '.' && peek(p) != '[') {
            want(p, WANT_DOT);
            want(p, WANT_INDEX);
            return true;
        }
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
    static const struct {
        enum terminal words[3];
        int n;
        enum filter_op op;
    } forms[] = {
        {{WANT_CONTAINS}, 1, FILTER_IN},
        {{WANT_NOT, WANT_CONTAINS}, 2, FILTER_NOT_IN},
        {{WANT_MATCHES}, 1, FILTER_MATCHES},
        {{WANT_NOT, WANT_MATCHES}, 2, FILTER_NOT_MATCHES},
        {{WANT_IS, WANT_EMPTY}, 2, FILTER_IS_EMPTY},
        {{WANT_IS, WANT_NOT, WANT_EMPTY}, 3, FILTER_IS_NOT_EMPTY},
    };
    size_t from = p->at;

    skip_space(p);
    if (take(p, WANT_EQUAL) || take(p, WANT_NOT_EQUAL)) {
        *ret = p->text.p[p->at - 2] == '=' ? FILTER_EQUAL : FILTER_NOT_EQUAL;
        skip_space(p);
        return true;
    }
    p->at = from;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        bool takes_value = forms[i].op != FILTER_IS_EMPTY && forms[i].op != FILTER_IS_NOT_EMPTY;
        *ret = forms[i].op;
        if (takes_value ? take_words_space(p, forms[i].words, forms[i].n)
                        : take_words(p, forms[i].words, forms[i].n))
            return true;
    }
    return false;
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
    static const enum terminal in[] = {WANT_IN}, not_in[] = {WANT_NOT, WANT_IN};

    if (!parse_value(p, &m->value))
        return false;
    if (take_words_space(p, in, 1))
        m->op = FILTER_IN;
    else if (take_words_space(p, not_in, 2))
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
    if (!take(p, WANT_OPEN))
        return parse_match(p);
    skip_space(p);
    struct filter_tree *t = parse_or(p);
    if (!t)
        return NULL;
    skip_space(p);
    if (peek(p) == ')') {
        p->at++;
        return t;
    }
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
    if (take(p, WANT_NOT) && skip_space(p))
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
static struct filter_tree *parse_chain(struct parse *p, enum terminal word, int kind,
                                       struct filter_tree *(*operand)(struct parse *p))
{
    struct filter_tree *left = operand(p);

    while (left) {
        size_t from = p->at;
        if (!take_words_space(p, &word, 1))
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
    return parse_chain(p, WANT_AND, FILTER_AND, parse_not);
}

static struct filter_tree *parse_or(struct parse *p)
{
    return parse_chain(p, WANT_OR, FILTER_OR, parse_and);
}

/* "no match found, expected: A, B or C" */
static void fail_wanting(struct parse *p)
{
    struct buf text;
    uint32_t left = p->wanted;

    buf_init(&text, 0);
    buf_put_z(&text, "no match found, expected: ");
    for (int t = 0; t < TERMINAL_N; t++) {
        if (!(left & 1u << t))
            continue;
        left &= ~(1u << t);
        buf_put_z(&text, terminal_texts[t]);
        if (left)
            buf_put_z(&text, (left & (left - 1)) ? ", " : " or ");
    }
    fail_at(p, p->farthest, NULL, buf_z(&text));
    buf_fini(&text);
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
        want(&p, WANT_END);
    }
    fail_wanting(&p);
    return ERR_INVALID;
}
