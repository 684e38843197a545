/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "acl/acl_hcl.h"

#include <stdio.h>

enum token { END, WORD, STRING, ASSIGN, OPEN, CLOSE, BAD };

struct text { /* a decoded word */
    char p[ACL_HCL_STRING_MAX];
    size_t n;
};

struct parser {
    struct str in;
    size_t at;
    unsigned line, column;
    enum token token;
    unsigned token_line, token_column;
    struct text now; /* of WORD and STRING */
    struct error *err;
    int (*each)(void *data, const struct acl_hcl_item *item, struct error *err);
    void *data;
};

static int fail(struct parser *p, const char *what)
{
    return error_set(p->err, ERR_CORRUPT, "At %u:%u: %s", p->token_line, p->token_column, what);
}

static int peek(const struct parser *p, size_t ahead)
{
    return p->at + ahead < p->in.n ? (unsigned char)p->in.p[p->at + ahead] : -1;
}

static void step(struct parser *p)
{
    if (peek(p, 0) == '\n') {
        p->line++;
        p->column = 0;
    }
    p->at++;
    p->column++;
}

static bool is_word(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static bool keep(struct parser *p, int c)
{
    if (p->now.n == sizeof p->now.p)
        return false;
    p->now.p[p->now.n++] = (char)c;
    return true;
}

/* White space, commas, and the three kinds of comment. False: a comment without an end. */
static bool skip_blank(struct parser *p)
{
    for (;;) {
        int c = peek(p, 0);

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == ';') {
            step(p);
        } else if (c == '#' || (c == '/' && peek(p, 1) == '/')) {
            while (peek(p, 0) != -1 && peek(p, 0) != '\n')
                step(p);
        } else if (c == '/' && peek(p, 1) == '*') {
            step(p);
            step(p);
            while (peek(p, 0) != -1 && !(peek(p, 0) == '*' && peek(p, 1) == '/'))
                step(p);
            if (peek(p, 0) == -1)
                return false;
            step(p);
            step(p);
        } else {
            return true;
        }
    }
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A code point of `digits` hex digits, as UTF-8. */
static bool take_code(struct parser *p, int digits)
{
    uint32_t code = 0;

    for (int i = 0; i < digits; i++) {
        int d = hex_digit(peek(p, 0));
        if (d < 0)
            return false;
        code = code << 4 | (uint32_t)d;
        step(p);
    }
    if (code < 0x80)
        return keep(p, (int)code);
    if (code < 0x800)
        return keep(p, (int)(0xc0 | code >> 6)) && keep(p, (int)(0x80 | (code & 0x3f)));
    if (code < 0x10000)
        return keep(p, (int)(0xe0 | code >> 12)) && keep(p, (int)(0x80 | (code >> 6 & 0x3f))) &&
               keep(p, (int)(0x80 | (code & 0x3f)));
    return code <= 0x10ffff && keep(p, (int)(0xf0 | code >> 18)) &&
           keep(p, (int)(0x80 | (code >> 12 & 0x3f))) &&
           keep(p, (int)(0x80 | (code >> 6 & 0x3f))) && keep(p, (int)(0x80 | (code & 0x3f)));
}

static bool take_escape(struct parser *p)
{
    static const char letters[] = "abfnrtv\\\"", bytes[] = "\a\b\f\n\r\t\v\\\"";
    int c = peek(p, 0);
    const char *known = c > 0 ? strchr(letters, c) : NULL;

    if (c == -1)
        return false;
    step(p);
    if (known)
        return keep(p, bytes[known - letters]);
    return (c == 'u' && take_code(p, 4)) || (c == 'U' && take_code(p, 8));
}

static enum token take_string(struct parser *p)
{
    step(p);
    for (;;) {
        int c = peek(p, 0);

        if (c == -1 || c == '\n')
            return BAD;
        step(p);
        if (c == '"')
            return STRING;
        if (c == '\\' ? !take_escape(p) : !keep(p, c))
            return BAD;
    }
}

static void next(struct parser *p)
{
    bool is_closed = skip_blank(p);
    int c = peek(p, 0);

    p->token_line = p->line;
    p->token_column = p->column;
    p->now.n = 0;
    if (!is_closed) {
        p->token = BAD;
    } else if (c == -1) {
        p->token = END;
    } else if (c == '"') {
        p->token = take_string(p);
    } else if (c == '=' || c == '{' || c == '}') {
        step(p);
        p->token = c == '=' ? ASSIGN : c == '{' ? OPEN : CLOSE;
    } else {
        p->token = is_word(c) ? WORD : BAD;
        while (p->token == WORD && is_word(c)) {
            if (!keep(p, c))
                p->token = BAD;
            step(p);
            c = peek(p, 0);
        }
    }
}

static struct str text_str(const struct text *t)
{
    return str_make(t->p, t->n);
}

/* After `word =`. */
static int take_value(struct parser *p, struct acl_hcl_item *item)
{
    int rc;

    next(p);
    if (p->token != STRING && p->token != WORD)
        return fail(p, "expected a value: a text in quotes");
    item->value = text_str(&p->now);
    rc = p->each(p->data, item, p->err);
    next(p);
    return rc;
}

/* After `{`. */
static int take_block(struct parser *p, struct str block, struct str name)
{
    struct text attribute;

    next(p);
    while (p->token == WORD || p->token == STRING) {
        struct acl_hcl_item item = {.block = block, .name = name};
        int rc;

        attribute = p->now;
        next(p);
        if (p->token != ASSIGN)
            return fail(p, "expected assignment ('=')");
        item.attribute = text_str(&attribute);
        rc = take_value(p, &item);
        if (rc)
            return rc;
    }
    if (p->token != CLOSE)
        return fail(p, "object expected closing RBRACE");
    next(p);
    return 0;
}

static int take_item(struct parser *p)
{
    struct text word = p->now, name = {.n = 0};

    next(p);
    if (p->token == ASSIGN) {
        struct acl_hcl_item item = {.attribute = text_str(&word)};
        return take_value(p, &item);
    }
    if (p->token == STRING || p->token == WORD) {
        name = p->now;
        next(p);
    }
    if (p->token == OPEN)
        return take_block(p, text_str(&word), text_str(&name));
    return error_set(p->err, ERR_CORRUPT,
                     "At %u:%u: key '%.*s' expected start of object ('{') or assignment ('=')",
                     p->token_line, p->token_column, (int)(word.n > 100 ? 100 : word.n), word.p);
}

int acl_hcl_parse(struct str text,
                  int (*each)(void *data, const struct acl_hcl_item *item, struct error *err),
                  void *data, struct error *err)
{
    struct parser p = {.in = text, .line = 1, .column = 1, .err = err, .each = each, .data = data};
    int rc = 0;

    next(&p);
    while (rc == 0 && (p.token == WORD || p.token == STRING))
        rc = take_item(&p);
    if (rc == 0 && p.token != END)
        rc = fail(&p, "illegal character, or a text or comment without an end");
    return rc;
}
