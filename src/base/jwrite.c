/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/jwrite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/encode.h"

void jwrite_init(struct jwrite *w, struct buf *out, bool pretty)
{
    w->out = out;
    w->pretty = pretty;
    w->depth = 0;
    w->first = true;
    w->after_name = false;
}

static void new_line(struct jwrite *w)
{
    buf_put_c(w->out, '\n');
    for (int i = 0; i < w->depth; i++)
        buf_put(w->out, "    ", 4);
}

/* What stands before a value or a name: the comma, and the place on the page. */
static inline void before(struct jwrite *w)
{
    if (w->after_name) {
        w->after_name = false;
        return;
    }
    if (!w->first)
        buf_put_c(w->out, ',');
    if (w->pretty && w->depth)
        new_line(w);
    w->first = false;
}

static void open_as(struct jwrite *w, char opener, char closer)
{
    ASSERT(w->depth < JWRITE_DEPTH_MAX);
    before(w);
    buf_put_c(w->out, opener);
    w->closers[w->depth++] = closer;
    w->first = true;
}

void jwrite_object(struct jwrite *w)
{
    open_as(w, '{', '}');
}

void jwrite_array(struct jwrite *w)
{
    open_as(w, '[', ']');
}

void jwrite_close(struct jwrite *w)
{
    ASSERT(w->depth > 0 && !w->after_name);
    w->depth--;
    if (w->pretty && !w->first)
        new_line(w);
    buf_put_c(w->out, w->closers[w->depth]);
    w->first = false;
}

/* What Go's encoder (with its HTML escaping on, as consul has it) writes as it is. */
static inline bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void put_escaped_ascii(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        buf_put_c(out, '\\');
        buf_put_c(out, (char)c);
        break;
    case '\n':
        buf_put(out, "\\n", 2);
        break;
    case '\r':
        buf_put(out, "\\r", 2);
        break;
    case '\t':
        buf_put(out, "\\t", 2);
        break;
    default:
        buf_putf(out, "\\u%04x", c);
    }
}

static void put_string(struct buf *out, struct str s)
{
    buf_put_c(out, '"');
    while (s.n) {
        size_t plain_n = 0, size;

        while (plain_n < s.n && is_plain((unsigned char)s.p[plain_n]))
            plain_n++;
        buf_put(out, s.p, plain_n);
        s = str_drop(s, plain_n);
        if (s.n == 0)
            break;
        size = str_utf8_size(s);
        if (size == 0)
            buf_put(out, "\\ufffd", 6);
        else if (size == 1)
            put_escaped_ascii(out, (unsigned char)s.p[0]);
        else if (size == 3 && memcmp(s.p, "\xe2\x80", 2) == 0 &&
                 ((unsigned char)s.p[2] | 1) == 0xa9)
            buf_putf(out, "\\u202%d", s.p[2] & 15); /* line separators end a JavaScript line */
        else
            buf_put(out, s.p, size);
        s = str_drop(s, size ? size : 1);
    }
    buf_put_c(out, '"');
}

void jwrite_name(struct jwrite *w, const char *name)
{
    jwrite_name_str(w, str_z(name));
}

void jwrite_name_str(struct jwrite *w, struct str name)
{
    ASSERT(w->depth > 0 && w->closers[w->depth - 1] == '}' && !w->after_name);
    before(w);
    put_string(w->out, name);
    buf_put(w->out, ": ", w->pretty ? 2 : 1);
    w->after_name = true;
}

void jwrite_str(struct jwrite *w, struct str s)
{
    before(w);
    put_string(w->out, s);
}

void jwrite_z(struct jwrite *w, const char *z)
{
    jwrite_str(w, str_z(z));
}

void jwrite_base64(struct jwrite *w, struct str bytes)
{
    before(w);
    buf_put_c(w->out, '"');
    encode_base64(bytes, w->out);
    buf_put_c(w->out, '"');
}

void jwrite_u64(struct jwrite *w, uint64_t v)
{
    before(w);
    buf_put_u64_dec(w->out, v);
}

void jwrite_i64(struct jwrite *w, int64_t v)
{
    before(w);
    if (v < 0)
        buf_put_c(w->out, '-');
    buf_put_u64_dec(w->out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* Go, encoding/json floatEncoder: the fewest digits that read back; exponents only below 1e-6 and
 * from 1e21, without a leading zero. */
void jwrite_double(struct jwrite *w, double v)
{
    char text[40], digits[20];
    int digit_n = 0, exponent, precision = 0;
    const char *e;

    if (!isfinite(v)) { /* Go refuses to encode it */
        jwrite_null(w);
        return;
    }
    before(w);
    do
        snprintf(text, sizeof(text), "%.*e", precision, fabs(v));
    while (strtod(text, NULL) != fabs(v) && ++precision < 17);
    e = strchr(text, 'e');
    ASSERT(e != NULL);
    exponent = (int)strtol(e + 1, NULL, 10);
    for (const char *p = text; p < e; p++)
        if (*p != '.')
            digits[digit_n++] = *p;
    if (signbit(v))
        buf_put_c(w->out, '-');
    if (v != 0 && (exponent < -6 || exponent >= 21)) {
        buf_put(w->out, text, (size_t)(e - text));
        buf_putf(w->out, exponent < 0 ? "e%d" : "e+%d", exponent);
        return;
    }
    if (exponent < 0)
        buf_put_z(w->out, "0.");
    for (int i = exponent + 1; i < 0; i++)
        buf_put_c(w->out, '0');
    for (int i = 0; i < digit_n || i <= exponent; i++) {
        if (i > 0 && i == exponent + 1)
            buf_put_c(w->out, '.');
        buf_put_c(w->out, i < digit_n ? digits[i] : '0');
    }
}

void jwrite_bool(struct jwrite *w, bool v)
{
    before(w);
    buf_put_z(w->out, v ? "true" : "false");
}

void jwrite_null(struct jwrite *w)
{
    before(w);
    buf_put(w->out, "null", 4);
}

void jwrite_raw(struct jwrite *w, struct str json)
{
    before(w);
    buf_put_str(w->out, json);
}

void jwrite_end(struct jwrite *w)
{
    ASSERT(w->depth == 0 && !w->after_name);
    if (w->pretty)
        buf_put_c(w->out, '\n');
}
