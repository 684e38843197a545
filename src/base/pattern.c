/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/pattern.h"

#include "base/buf.h"

/* RE2 refuses more than 1000 per repetition; here the product of all of them is bounded. */
#define REPEAT_MAX 200

/* Inside of [ ] a class is written without its own brackets. */
static bool put_escape(struct buf *out, char c, bool in_brackets)
{
    static const struct {
        char letter;
        const char *plain, *in_brackets;
    } classes[] = {
        {'d', "[0-9]", "0-9"},
        {'D', "[^0-9]", NULL},
        {'s', "[[:space:]]", "[:space:]"},
        {'S', "[^[:space:]]", NULL},
        {'w', "[[:alnum:]_]", "[:alnum:]_"},
        {'W', "[^[:alnum:]_]", NULL},
        {'n', "\n", "\n"},
        {'t', "\t", "\t"},
        {'r', "\r", "\r"},
        {'b', "\\b", NULL},
        {'B', "\\B", NULL},
        {'A', "^", NULL},
        {'z', "$", NULL},
    };

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (classes[i].letter != c)
            continue;
        const char *z = in_brackets ? classes[i].in_brackets : classes[i].plain;
        if (z)
            buf_put_z(out, z);
        return z != NULL;
    }
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return false; /* back references above all, which cost exponential time */
    if (!in_brackets)
        buf_put_c(out, '\\');
    buf_put_c(out, c);
    return true;
}

/* Multiplies *product by what "{n,m}" at s asks for; false when it is too much. */
static bool count_repeat(struct str s, uint64_t *product)
{
    struct str inside = str_take(str_drop(s, 1), str_find(s, '}', 0) - 1);
    struct str rest = inside, last = inside;
    uint64_t n;

    while (rest.p)
        last = str_split(&rest, ',');
    if (last.n == 0)
        last = str_split(&inside, ',');
    if (str_to_u64(last, &n) < 0)
        return true; /* not a repetition: regcomp will say what it thinks */
    if (n > REPEAT_MAX)
        return false;
    *product *= n ? n : 1;
    return *product <= REPEAT_MAX;
}

static int translate(struct str s, struct buf *out, struct error *err)
{
    bool in_brackets = false;
    uint64_t repeat = 1;

    for (; s.n; s = str_drop(s, 1)) {
        char c = s.p[0];
        if (c == '\0')
            return error_set(err, ERR_INVALID, "a NUL in the pattern");
        if (c == '\\') {
            if (s.n < 2)
                return error_set(err, ERR_INVALID,
                                 "error parsing regexp: trailing backslash at end of "
                                 "expression: ``");
            s = str_drop(s, 1);
            if (!put_escape(out, s.p[0], in_brackets))
                return error_set(err, ERR_INVALID,
                                 "error parsing regexp: invalid escape sequence: `\\%c`", s.p[0]);
            continue;
        }
        if (!in_brackets && str_has_prefix(s, STR_LIT("(?:"))) {
            buf_put_c(out, '(');
            s = str_drop(s, 2);
            continue;
        }
        if (!in_brackets && c == '{' && !count_repeat(s, &repeat))
            return error_set(err, ERR_INVALID, "error parsing regexp: invalid repeat count");
        buf_put_c(out, c);
        if (c == '[' && !in_brackets) {
            in_brackets = true;
            if (s.n > 1 && s.p[1] == '^') {
                buf_put_c(out, '^');
                s = str_drop(s, 1);
            }
        } else if (c == ']') {
            in_brackets = false;
        }
    }
    return 0;
}

int pattern_compile(struct str pattern, regex_t *ret, struct error *err)
{
    int flags = REG_EXTENDED;
    struct buf ere;
    char why[128];

    if (pattern.n > PATTERN_SIZE_MAX)
        return error_set(err, ERR_INVALID, "longer than %d bytes", PATTERN_SIZE_MAX);
    if (str_has_prefix(pattern, STR_LIT("(?i)"))) {
        flags |= REG_ICASE;
        pattern = str_drop(pattern, 4);
    }
    buf_init(&ere, 0);
    int rc = translate(pattern, &ere, err);
    if (rc == 0) {
        int code = regcomp(ret, buf_z(&ere), flags);
        if (code != 0) {
            regerror(code, ret, why, sizeof why);
            rc =
                code == REG_EPAREN /* the one that happens most in Go's words */
                    ? error_set(err, ERR_INVALID, "error parsing regexp: missing closing ): `%.*s`",
                                STR_ARG(pattern))
                    : error_set(err, ERR_INVALID, "error parsing regexp: %s", why);
        }
    }
    buf_fini(&ere);
    return rc;
}

static size_t match(const regex_t *pattern, struct str text, size_t group_n, regmatch_t *groups)
{
    /* Each byte may cost the matcher a state of its own, as large as the pattern. */
    size_t n = text.n < PATTERN_TEXT_MAX ? text.n : PATTERN_TEXT_MAX;

    groups[0] = (regmatch_t){.rm_so = 0, .rm_eo = (regoff_t)n};
    if (regexec(pattern, text.p ? text.p : "", group_n, groups, REG_STARTEND) != 0)
        return 0;
    return group_n ? group_n : 1;
}

bool pattern_fits(const regex_t *pattern, struct str text)
{
    regmatch_t whole;

    return match(pattern, text, 0, &whole) > 0;
}

size_t pattern_groups(const regex_t *pattern, struct str text, struct str ret[PATTERN_GROUPS_MAX])
{
    regmatch_t groups[PATTERN_GROUPS_MAX];
    size_t n =
        pattern->re_nsub + 1 < PATTERN_GROUPS_MAX ? pattern->re_nsub + 1 : PATTERN_GROUPS_MAX;

    if (match(pattern, text, n, groups) == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        ret[i] = groups[i].rm_so < 0 ? STR_NONE
                                     : str_make(text.p + groups[i].rm_so,
                                                (size_t)(groups[i].rm_eo - groups[i].rm_so));
    return n;
}
